//! `timeout`: what it gives up on, when, and in which words.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use tokio::time::Instant;
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::{Body, collect},
    middleware::{
        retry::{Jitter, Retry, RetryOptions},
        timeout::{Timeout, TimeoutOptions},
    },
    pipeline::Middleware,
    request::{Expect, Request},
    response::Response,
};

use super::{
    MS, Peer, SECOND, Step, after, answer, bytes, events, never, now, ok, onion, post, read, status, with,
};

fn timeout(after: Duration, stream: bool) -> Arc<dyn Middleware> {
    Arc::new(Timeout::new(TimeoutOptions { after: Some(after), stream }))
}

async fn run(layer: Arc<dyn Middleware>, step: Step, req: Request) -> Result<Response> {
    onion(vec![layer], &Peer::new(vec![step])).run(req).await
}

/// 100 ms between attempts, as often as asked for.
fn retry(max_retries: u32) -> Arc<dyn Middleware> {
    let options =
        RetryOptions { max_retries, base: 100 * MS, jitter: Jitter::Fixed, ..RetryOptions::default() };
    Arc::new(Retry::new(options))
}

fn assert_late(error: &Error, message: &str) {
    assert_eq!((error.kind(), error.phase(), error.message()), (ErrorKind::Timeout, Phase::Total, message));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_answer_in_time_is_given_up_and_the_error_names_the_middleware() {
    let started = Instant::now();
    let error = run(timeout(SECOND, false), never(), post()).await.unwrap_err();
    assert_late(&error, "no answer came within 1000 ms (`timeout()`)");
    assert_eq!(started.elapsed(), SECOND);
    let in_time = after(999 * MS, Ok(answer(200, Body::Empty)));
    assert_eq!(run(timeout(SECOND, false), in_time, post()).await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_is_dropped() {
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let step: Step = Box::pin(async move {
        let outcome = never().await;
        drop(held);
        outcome
    });
    assert!(run(timeout(SECOND, false), step, post()).await.is_err());
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[tokio::test(start_paused = true)]
async fn inside_of_retry_it_limits_each_attempt_and_outside_the_call() {
    let started = Instant::now();
    let peer = Peer::new(vec![never(), never(), ok()]);
    let res = onion(vec![retry(2), timeout(SECOND, false)], &peer).run(post()).await.unwrap();
    assert_eq!((res.attempts, started.elapsed()), (3, 2 * SECOND + 200 * MS));
    assert!(res.history[..2].iter().all(|one| one.code == Some("TIMEOUT") && one.took == SECOND));

    let started = Instant::now();
    let peer = Peer::new(vec![status(500), never(), ok()]);
    let error = onion(vec![timeout(SECOND, false), retry(2)], &peer).run(post()).await.unwrap_err();
    assert_late(&error, "no answer came within 1000 ms (`timeout()`)");
    assert_eq!((peer.count(), started.elapsed()), (2, SECOND));

    let started = Instant::now();
    let peer = Peer::new(vec![status(500), ok()]);
    assert!(onion(vec![timeout(50 * MS, false), retry(2)], &peer).run(post()).await.is_err());
    tokio::time::sleep(SECOND).await;
    assert_eq!((peer.count(), started.elapsed()), (1, SECOND + 50 * MS), "a wait is given up too");
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_must_have_ended_in_time() {
    let slow = || now(Ok(answer(200, bytes(vec![Ok("a"), Ok("b"), Ok("c")]))));
    let res = run(timeout(2500 * MS, false), slow(), post()).await.unwrap();
    let error = collect(res.body, 9, None).await.unwrap_err();
    assert_late(&error, "the answer did not end within 2500 ms (`timeout()`)");
    let res = run(timeout(3500 * MS, false), slow(), post()).await.unwrap();
    assert_eq!(collect(res.body, 9, None).await.unwrap(), "abc");

    let peer = Peer::new(vec![slow(), ok()]);
    let res = onion(vec![retry(1), timeout(2500 * MS, false)], &peer).run(post()).await.unwrap();
    assert_eq!((res.attempts, res.history[0].code), (2, Some("TIMEOUT")), "and an attempt is one more");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_free_once_it_has_begun_unless_the_option_says_otherwise() {
    let long = || now(Ok(answer(200, events(vec![Ok(vec!["1"]), Ok(vec!["2"]), Ok(vec!["3"])]))));
    let (all, error) = read(run(timeout(SECOND, false), long(), post()).await.unwrap()).await;
    assert_eq!((all.len(), error.is_none()), (3, true));
    let (some, error) = read(run(timeout(2500 * MS, true), long(), post()).await.unwrap()).await;
    assert_eq!(some, ["1", "2"]);
    assert_late(&error.unwrap(), "the answer did not end within 2500 ms (`timeout()`)");

    let raw = || with(post(), |options| options.expect = Expect::Bytes);
    let slow = || now(Ok(answer(200, bytes(vec![Ok("a"), Ok("b")]))));
    let res = run(timeout(SECOND, false), slow(), raw()).await.unwrap();
    assert_eq!(collect(res.body, 9, None).await.unwrap(), "ab");
    let res = run(timeout(1500 * MS, true), slow(), raw()).await.unwrap();
    assert!(collect(res.body, 9, None).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_always_has_something_does_not_outlive_its_limit() {
    let started = Instant::now();
    let endless = stream::repeat_with(|| Ok(vec![super::event("x")]));
    let res = run(timeout(SECOND, true), now(Ok(answer(200, Body::Events(Box::pin(endless))))), post()).await;
    let Body::Events(mut events) = res.unwrap().body else { unreachable!("it is a stream of events") };
    assert!(events.next().await.unwrap().is_ok());
    tokio::time::advance(SECOND).await;
    assert!(events.next().await.unwrap().is_err());
    assert!(events.next().await.is_none(), "after an error there is nothing more");
    assert_eq!(started.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn no_limit_is_none_however_it_is_written() {
    for after in [None, Some(Duration::MAX)] {
        let layer = Arc::new(Timeout::new(TimeoutOptions { after, stream: true }));
        let late = super::after(100_000 * SECOND, Ok(answer(200, Body::Empty)));
        assert_eq!(run(layer, late, post()).await.unwrap().status, 200);
    }
}
