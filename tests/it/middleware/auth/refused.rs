//! What a 401 leads to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use http::StatusCode;
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    credential::Reason,
    pipeline::{BoxFuture, Middleware, Next, Pipeline},
    request::Request,
    response::Response,
};

use super::bank::{Bank, auth, token};
use crate::support::api::{Api, Seen, answer, around, call, refusal, reset};

/// Takes tokens from this number on.
fn accepts(from: usize) -> impl Fn(&Seen) -> Result<Response> + Send + Sync {
    move |seen| match number(seen) {
        number if number >= from => Ok(answer(200, "")),
        _ => Err(refusal(401, r#"{"error":{"type":"authentication_error","message":"unknown"}}"#)),
    }
}

fn number(seen: &Seen) -> usize {
    seen.header("x-api-key").unwrap()[1..].parse().unwrap()
}

fn bank() -> Arc<Bank> {
    Bank::slow(Duration::from_secs(1), |n| Ok(token(n, None)))
}

async fn run(pipeline: &Pipeline) -> Result<()> {
    pipeline.run(call()).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn a_401_gets_a_new_credential_and_the_same_call_again() {
    let (api, bank) = (Api::new(accepts(2)), bank());
    let res = around(vec![auth(&bank, |_| {})], &api).run(call()).await.unwrap();
    assert_eq!((res.status, res.attempts), (StatusCode::OK, 1), "it costs no attempt");
    assert_eq!(api.shown("x-api-key"), ["t1", "t2"]);
    assert_eq!(api.seen()[0].body, api.seen()[1].body);
    assert_eq!(bank.asked(), [Reason::Missing, Reason::Refused]);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_401_is_one_question_and_each_call_goes_out_once_more() {
    let (api, bank) = (Api::slow(Duration::from_secs(1), accepts(2)), bank());
    let pipeline = around(vec![auth(&bank, |_| {})], &api);
    let outcomes = join_all((0..100).map(|_| run(&pipeline))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(bank.asked(), [Reason::Missing, Reason::Refused]);
    assert_eq!(api.seen().len(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_sent_with_an_older_credential_takes_the_present_one() {
    // The first call is answered late, when the second has had the credential replaced.
    let bank = bank();
    let api = Api::new(accepts(2));
    let held_up = Arc::new(HeldUp { first: AtomicUsize::new(0) });
    let pipeline = around(vec![auth(&bank, |_| {}), held_up], &api);
    let (late, early) = tokio::join!(run(&pipeline), run(&pipeline));
    late.unwrap();
    early.unwrap();
    assert_eq!(bank.asked(), [Reason::Missing, Reason::Refused]);
    assert_eq!(api.shown("x-api-key"), ["t1", "t2", "t1", "t2"]);
}

/// Keeps the first call back for a minute.
struct HeldUp {
    first: AtomicUsize,
}

impl Middleware for HeldUp {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            if self.first.fetch_add(1, Ordering::SeqCst) == 0 {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            next.run(req).await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_401_is_the_callers() {
    let (api, bank) = (Api::new(accepts(9)), bank());
    let error = run(&around(vec![auth(&bank, |_| {})], &api)).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Status(401), Phase::FirstByte));
    assert_eq!(error.message(), "401 authentication_error: unknown");
    assert_eq!(api.shown("x-api-key"), ["t1", "t2"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_everything_does_not_have_a_credential_fetched_for_every_call() {
    let (api, bank) = (Api::new(accepts(99)), bank());
    let pipeline = around(vec![auth(&bank, |_| {})], &api);
    for _ in 0..10 {
        run(&pipeline).await.unwrap_err();
    }
    assert_eq!((bank.asked().len(), api.seen().len()), (2, 11));
    tokio::time::advance(Duration::from_secs(5)).await;
    run(&pipeline).await.unwrap_err();
    assert_eq!(bank.asked().len(), 3, "after a while it is tried again");
}

#[tokio::test(start_paused = true)]
async fn where_no_new_one_comes_the_error_says_both() {
    let bank = Bank::new(|n| if n == 1 { Ok(token(n, None)) } else { Err(reset()) });
    let error = run(&around(vec![auth(&bank, |_| {})], &Api::new(accepts(2)))).await.unwrap_err();
    assert_eq!(
        error.message(),
        "the server refused the credential of `auth`, which got no other: the connection was reset"
    );
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Reset, Phase::Prepare));
}

#[tokio::test(start_paused = true)]
async fn a_provider_is_told_of_the_refusal_until_it_gives_another() {
    let bank = Bank::new(|n| if n == 2 { Err(reset()) } else { Ok(token(n, None)) });
    let pipeline = around(vec![auth(&bank, |_| {})], &Api::new(accepts(2)));
    run(&pipeline).await.unwrap_err();
    run(&pipeline).await.unwrap();
    assert_eq!(bank.asked(), [Reason::Missing, Reason::Refused, Reason::Refused]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_passes_only_once_is_not_sent_again_but_the_next_call_does_better() {
    let (api, bank) = (Api::new(accepts(2)), bank());
    let pipeline = around(vec![auth(&bank, |_| {})], &api);
    let mut once = call();
    once.body = Body::Stream(Box::pin(futures_util::stream::empty()));
    let error = pipeline.run(once).await.unwrap_err();
    assert_eq!((error.status(), bank.asked().len()), (Some(401), 1));
    run(&pipeline).await.unwrap();
    assert_eq!(api.shown("x-api-key"), ["t1", "t2"]);
    assert_eq!(bank.asked(), [Reason::Missing, Reason::Refused]);
}

#[tokio::test(start_paused = true)]
async fn a_401_is_one_also_where_the_caller_judges_the_status() {
    let bank = bank();
    let api = Api::new(|seen| Ok(answer(if number(seen) == 2 { 200 } else { 401 }, "")));
    let res = around(vec![auth(&bank, |_| {})], &api).run(call()).await.unwrap();
    assert_eq!((res.status, api.seen().len()), (StatusCode::OK, 2));
}

#[tokio::test(start_paused = true)]
async fn other_failures_are_none_of_its_business() {
    let inner = || Error::new(ErrorKind::Status(401), Phase::Prepare, "another room got no credential");
    for failure in [|| refusal(403, ""), || refusal(500, ""), reset, inner] {
        let (api, bank) = (Api::new(move |_| Err(failure())), bank());
        run(&around(vec![auth(&bank, |_| {})], &api)).await.unwrap_err();
        assert_eq!((api.seen().len(), bank.asked().len()), (1, 1));
    }
}
