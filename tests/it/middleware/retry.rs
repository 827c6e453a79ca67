//! `retry`: which failures are followed by another attempt, and what is told of them.

mod budget;
mod streams;
mod waits;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use proptest::prelude::*;
use trae_native::{
    Error, ErrorKind, Phase, Result,
    attempt::Attempt,
    body::Body,
    middleware::retry::{Change, Jitter, Judge, Retry, RetryOptions, RetryOverride},
    pipeline::{BoxFuture, Middleware, Next, Pipeline},
    request::{Expect, Request},
    response::{Response, Served},
};

use super::{
    MS, Peer, SECOND, Step, after, answer, bytes, failure, never, now, ok, onion, post, refusal, status, with,
};

/// Without chance: 100, 200, 400 ms and so on.
fn exact() -> RetryOptions {
    RetryOptions { base: 100 * MS, jitter: Jitter::None, ..RetryOptions::default() }
}

fn around(peer: &Arc<Peer>, options: RetryOptions) -> Pipeline {
    onion(vec![Arc::new(Retry::new(options))], peer)
}

async fn run(steps: Vec<Step>, options: RetryOptions, req: Request) -> (Result<Response>, Arc<Peer>) {
    let peer = Peer::new(steps);
    let outcome = around(&peer, options).run(req).await;
    (outcome, peer)
}

/// How often a request is sent whose first attempt ends like this.
async fn attempts_after(first: Step) -> usize {
    run(vec![first, ok()], exact(), post()).await.1.count()
}

#[tokio::test(start_paused = true)]
async fn a_status_that_may_heal_is_tried_again_and_any_other_is_not() {
    for healing in [408, 409, 429, 500, 502, 503, 504, 529, 599] {
        assert_eq!(attempts_after(status(healing)).await, 2, "{healing}");
    }
    for lasting in [400, 401, 402, 403, 404, 405, 410, 413, 422, 451] {
        assert_eq!(attempts_after(status(lasting)).await, 1, "{lasting}");
    }
}

#[tokio::test(start_paused = true)]
async fn connection_errors_and_timeouts_before_the_answer_are_tried_again_and_our_own_refusals_are_not() {
    for (kind, phase) in [
        (ErrorKind::Dns, Phase::Connect),
        (ErrorKind::Refused, Phase::Connect),
        (ErrorKind::Proxy, Phase::Connect),
        (ErrorKind::Reset, Phase::FirstByte),
        (ErrorKind::Connection, Phase::FirstByte),
        (ErrorKind::Timeout, Phase::Queue),
        (ErrorKind::Timeout, Phase::Connect),
        (ErrorKind::Timeout, Phase::FirstByte),
        (ErrorKind::Timeout, Phase::Total),
    ] {
        assert_eq!(attempts_after(failure(kind, phase)).await, 2, "{kind:?} {phase:?}");
    }
    for kind in [
        ErrorKind::Config,
        ErrorKind::Tls,
        ErrorKind::Aborted,
        ErrorKind::Parse,
        ErrorKind::TooLarge,
        ErrorKind::Decode,
        ErrorKind::Redirect,
        ErrorKind::RequestBody,
        ErrorKind::Internal,
    ] {
        assert_eq!(attempts_after(failure(kind, Phase::Prepare)).await, 1, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn x_should_retry_decides_both_ways_and_nonsense_in_it_does_not_count() {
    for (code, told, attempts) in [
        (400, "true", 2),
        (500, "false", 1),
        (529, "true", 2),
        (429, "false", 1),
        (500, "maybe", 2),
        (400, "maybe", 1),
    ] {
        let first = refusal(code, &[("x-should-retry", told)]);
        assert_eq!(attempts_after(first).await, attempts, "{code} {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_passes_only_once_is_sent_once_and_the_error_says_so() {
    let stream = || Body::Stream(Box::pin(futures_util::stream::empty()));
    let req = || Request { body: stream(), ..post() };
    let (outcome, peer) = run(vec![status(503), ok()], exact(), req()).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), peer.count()), (ErrorKind::Status(503), 1));
    assert!(error.message().ends_with("not retried: the request's body is streamed, and passes only once"));
    let (outcome, _) = run(vec![status(400)], exact(), req()).await;
    assert!(!outcome.unwrap_err().message().contains("not retried"), "nobody would have retried that");
}

#[tokio::test(start_paused = true)]
async fn a_large_prompt_is_encoded_once_and_sent_from_the_same_memory() {
    let prompt = Bytes::from(vec![b'x'; 20 << 20]);
    let req = Request { body: Body::Full(prompt.clone()), ..post() };
    let (_, peer) = run(vec![status(529), status(529), ok()], exact(), req).await;
    let asked = peer.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|one| one.body.as_ref().unwrap().as_ptr() == prompt.as_ptr()));
}

#[tokio::test(start_paused = true)]
async fn there_are_no_more_retries_than_max_retries_and_the_last_failure_is_the_callers() {
    let steps = vec![status(500), status(502), status(503), ok()];
    let (outcome, peer) = run(steps, exact(), post()).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), peer.count()), (ErrorKind::Status(503), 3, 3));
    assert!(!error.message().contains("not retried"), "the number of attempts speaks for itself: {error}");
    let (_, peer) = run(vec![status(500), ok()], RetryOptions { max_retries: 0, ..exact() }, post()).await;
    assert_eq!(peer.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_listed_on_the_answer_and_on_the_error() {
    let reset = || Err(Error::new(ErrorKind::Reset, Phase::FirstByte, "it broke"));
    let first = Attempt {
        status: None,
        code: Some("CONNECTION_RESET"),
        waited: Duration::ZERO,
        took: 30 * MS,
        served: Served::default(),
    };
    let second = Attempt {
        status: Some(529),
        code: Some("OVERLOADED"),
        waited: 100 * MS,
        took: Duration::ZERO,
        served: Served::default(),
    };
    let third =
        Attempt { status: Some(200), code: None, waited: 200 * MS, took: 50 * MS, served: Served::default() };

    let last = after(50 * MS, Ok(answer(200, Body::Empty)));
    let (outcome, peer) = run(vec![after(30 * MS, reset()), status(529), last], exact(), post()).await;
    let res = outcome.unwrap();
    assert_eq!((res.attempts, res.history), (3, vec![first.clone(), second.clone(), third]));
    assert_eq!(peer.asked().iter().map(|one| one.attempt).collect::<Vec<_>>(), [1, 2, 3]);

    let options = RetryOptions { max_retries: 1, ..exact() };
    let (outcome, _) = run(vec![after(30 * MS, reset()), status(529)], options, post()).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.attempts(), error.history()), (2, [first, second].as_slice()));

    let (outcome, _) = run(vec![ok()], exact(), post()).await;
    let res = outcome.unwrap();
    assert_eq!((res.attempts, res.history.len()), (1, 1), "also where there was only one");
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_before_it_was_sent_is_no_attempt() {
    let (outcome, _) = run(vec![now(Err(Error::config("it can't be sent")))], exact(), post()).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.attempts(), error.history()), (0, [].as_slice()));
}

#[tokio::test(start_paused = true)]
async fn a_retry_inside_of_a_retry_is_listed_in_one_row() {
    let peer = Peer::new(vec![status(500), status(501), status(502), ok()]);
    let once = || Arc::new(Retry::new(RetryOptions { max_retries: 1, ..exact() }));
    let res = onion(vec![once(), once()], &peer).run(post()).await.unwrap();
    let row: Vec<_> = res.history.iter().map(|one| (one.status.unwrap(), one.waited.as_millis())).collect();
    assert_eq!(row, [(500, 0), (501, 100), (502, 100), (200, 100)]);
    assert_eq!(res.attempts, 4);
    assert_eq!(peer.asked().iter().map(|one| one.attempt).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_within_an_attempt_of_somebody_else_counts_on() {
    let (outcome, _) = run(vec![status(500), ok()], exact(), Request { attempt: 3, ..post() }).await;
    assert_eq!(outcome.unwrap().attempts, 4);
    let steps = vec![status(500), status(400)];
    let (outcome, peer) = run(steps, exact(), Request { attempt: 3, ..post() }).await;
    assert_eq!(outcome.unwrap_err().attempts(), 4);
    assert_eq!(peer.asked()[1].attempt, 4);
}

/// Does everything twice, and says how often all was done but not what became of it, as JavaScript does.
struct Twice;

impl Middleware for Twice {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let mut again = req.replay().unwrap();
            again.attempt += 1;
            let made = again.attempt;
            let _first = next.run(req).await;
            let res = next.run(again).await.map_err(|error| error.with_attempts(made))?;
            Ok(Response { attempts: made, ..res })
        })
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_that_a_layer_further_in_has_made_without_listing_them_count() {
    for (last, told) in [(ok(), 4), (status(400), 4)] {
        let peer = Peer::new(vec![status(500), status(501), status(502), last]);
        let outcome = onion(vec![Arc::new(Retry::new(exact())), Arc::new(Twice)], &peer).run(post()).await;
        assert_eq!(outcome.map_or_else(|error| error.attempts(), |res| res.attempts), told);
        assert_eq!(peer.asked().iter().map(|one| one.attempt).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_judgement_of_the_users_own_takes_the_place_of_ours_but_lifts_no_limit() {
    let odd: Arc<dyn Judge> =
        Arc::new(|error: &Error, attempt: u32| error.status() == Some(404) && attempt < 3);
    let options = RetryOptions { should_retry: Some(odd), max_retries: 5, ..exact() };
    let (outcome, peer) =
        run(vec![status(404), status(404), status(404), ok()], options.clone(), post()).await;
    assert_eq!((outcome.unwrap_err().status(), peer.count()), (Some(404), 3));
    let (_, peer) = run(vec![status(503), ok()], options.clone(), post()).await;
    assert_eq!(peer.count(), 1, "what we would retry is not asked for");
    let questions = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&questions);
    let always: Arc<dyn Judge> = Arc::new(move |_: &Error, attempt: u32| {
        assert_eq!(count.fetch_add(1, Ordering::SeqCst) + 1, attempt);
        true
    });
    let few = RetryOptions { should_retry: Some(always), max_retries: 1, ..exact() };
    let (_, peer) = run(vec![status(404), status(404), ok()], few, post()).await;
    assert_eq!((peer.count(), questions.load(Ordering::SeqCst)), (2, 1), "nobody is asked in vain");
}

#[tokio::test(start_paused = true)]
async fn on_retry_hears_of_each_retry_before_its_wait() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let options = RetryOptions {
        on_retry: Some(Arc::new(move |error, attempt, wait| {
            ear.lock().unwrap().push((error.status(), attempt, wait));
        })),
        ..exact()
    };
    let (_, peer) = run(vec![status(500), status(529), status(503)], options, post()).await;
    assert_eq!(peer.count(), 3);
    assert_eq!(*heard.lock().unwrap(), [(Some(500), 1, 100 * MS), (Some(529), 2, 200 * MS)]);
}

#[tokio::test(start_paused = true)]
async fn a_call_may_have_its_own_options_or_none_at_all() {
    let send = async |own: RetryOverride| {
        let mut req = post();
        req.extensions.insert(own);
        run(vec![status(500), status(500), status(500), status(500), ok()], exact(), req).await
    };
    let (outcome, peer) = send(RetryOverride::off()).await;
    assert_eq!((outcome.unwrap_err().attempts(), peer.count()), (1, 1));
    let own = vec![Change::MaxRetries(4), Change::Base(10 * MS), Change::Cap(Some(25 * MS))];
    let (outcome, peer) = send(RetryOverride::new(own)).await;
    assert_eq!(outcome.unwrap().attempts, 5);
    assert_eq!(peer.times(), [0, 10, 30, 55, 80]);
}

#[tokio::test(start_paused = true)]
async fn a_bad_status_that_is_the_callers_to_judge_is_tried_again_and_in_the_end_his_answer() {
    let busy = |text: &'static str| now(Ok(answer(503, Body::Full(text.into()))));
    let (outcome, _) = run(vec![busy("first"), ok()], exact(), post()).await;
    assert_eq!(outcome.unwrap().status, 200);
    let (outcome, peer) = run(vec![busy("first"), busy("second"), busy("third")], exact(), post()).await;
    let res = outcome.unwrap();
    assert!(matches!(&res.body, Body::Full(text) if text == "third"), "the last one, with its content");
    assert_eq!((res.attempts, peer.count()), (3, 3));
    let codes: Vec<_> = res.history.iter().map(|one| one.code).collect();
    assert_eq!(codes, [Some("SERVER"); 3]);
    let (outcome, peer) = run(vec![now(Ok(answer(404, Body::Empty)))], exact(), post()).await;
    assert_eq!((outcome.unwrap().status.as_u16(), peer.count()), (404, 1));
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_that_breaks_in_the_middle_is_tried_again() {
    let broken = |kind: ErrorKind, phase: Phase| {
        let error = Error::new(kind, phase, "it stalled, or ended too early");
        now(Ok(answer(200, bytes(vec![Ok("{\"half\""), Err(error)]))))
    };
    for (kind, phase) in [
        (ErrorKind::Incomplete, Phase::Body),
        (ErrorKind::Reset, Phase::Body),
        (ErrorKind::Timeout, Phase::Idle),
    ] {
        let whole = now(Ok(answer(200, bytes(vec![Ok("{\"whole\""), Ok(":1}")]))));
        let (outcome, peer) = run(vec![broken(kind, phase), whole], exact(), post()).await;
        let res = outcome.unwrap();
        assert!(matches!(&res.body, Body::Full(text) if text == "{\"whole\":1}"));
        assert_eq!((res.history[0].code, res.history[0].took), (Some(kind.code()), 2 * SECOND));
        assert_eq!(peer.count(), 2);
    }

    let req = with(post(), |options| options.expect = Expect::Bytes);
    let (outcome, peer) = run(vec![broken(ErrorKind::Reset, Phase::Body), ok()], exact(), req).await;
    assert!(matches!(outcome.unwrap().body, Body::Stream(_)), "the caller reads it already");
    assert_eq!(peer.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_larger_than_allowed_is_not_asked_for_again() {
    let req = with(post(), |options| options.max_response_bytes = 3);
    let (outcome, peer) = run(vec![now(Ok(answer(200, bytes(vec![Ok("long")])))), ok()], exact(), req).await;
    assert_eq!((outcome.unwrap_err().kind(), peer.count()), (ErrorKind::TooLarge, 1));
}

#[tokio::test(start_paused = true)]
async fn leaving_a_call_ends_its_wait_at_once() {
    let peer = Peer::new(vec![status(500), ok()]);
    let pipeline = around(&peer, exact());
    let call = tokio::time::timeout(50 * MS, pipeline.run(post()));
    assert!(call.await.is_err());
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(peer.count(), 1, "nobody waits on behind the caller's back");
}

#[tokio::test(start_paused = true)]
async fn leaving_a_call_drops_the_attempt_under_way() {
    struct Guard(Arc<AtomicU32>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicU32::new(0));
    let guard = Guard(Arc::clone(&dropped));
    let hanging: Step = Box::pin(async move {
        let outcome = never().await;
        drop(guard);
        outcome
    });
    let peer = Peer::new(vec![status(500), hanging]);
    let pipeline = around(&peer, exact());
    assert!(tokio::time::timeout(SECOND, pipeline.run(post())).await.is_err());
    assert_eq!((peer.count(), dropped.load(Ordering::SeqCst)), (2, 1));
}

proptest! {
    /// The model: walk the script until something is no failure that heals, or nothing may follow any more.
    #[test]
    fn for_any_history_of_answers_the_call_ends_with_the_first_that_nothing_may_follow(
        script in prop::collection::vec(prop::sample::select(vec![200_u16, 400, 404, 408, 429, 500, 529]), 8),
        max_retries in 0..7_u32,
        own in prop::option::of(0..7_u32),
    ) {
        let allowed = own.unwrap_or(max_retries);
        let last = (0..).zip(&script).position(|(retries, status)| {
            retries == allowed || !matches!(status, 408 | 429 | 500 | 529)
        }).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (outcome, peer) = runtime.block_on(async {
            let steps = script.iter().map(|code| if *code == 200 { ok() } else { status(*code) }).collect();
            let mut req = post();
            if let Some(own) = own {
                req.extensions.insert(RetryOverride::new(vec![Change::MaxRetries(own)]));
            }
            run(steps, RetryOptions { max_retries, ..RetryOptions::default() }, req).await
        });
        prop_assert_eq!(peer.count(), last + 1);
        let (status, attempts, history) = match &outcome {
            Ok(res) => (res.status.as_u16(), res.attempts, &res.history[..]),
            Err(error) => (error.status().unwrap(), error.attempts(), error.history()),
        };
        prop_assert_eq!(status, script[last]);
        prop_assert_eq!(attempts as usize, last + 1);
        let listed: Vec<u16> = history.iter().map(|one| one.status.unwrap()).collect();
        prop_assert_eq!(listed, if allowed == 0 { &[] } else { &script[..=last] });
    }
}
