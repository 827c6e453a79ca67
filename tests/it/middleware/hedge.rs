//! `hedge`: when a call is made a second time, which answer is taken, and that the other is given up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use http::Method;
use proptest::prelude::*;
use serde_json::json;
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    client::middleware,
    middleware::hedge::{BudgetOptions, Hedge, HedgeOptions},
    partition::Partition,
    pipeline::{BoxFuture, Middleware, Next, Pipeline},
    request::{Lane, Request},
    response::Response,
};

use super::{
    MS, Peer, SECOND, Step, after, answer, events, failure, never, now, ok, onion, post, read, status, with,
};

fn fixed(delay: Duration) -> HedgeOptions {
    HedgeOptions { delay: Some(delay), ..HedgeOptions::default() }
}

fn around(options: HedgeOptions, steps: Vec<Step>) -> (Pipeline, Arc<Peer>) {
    let peer = Peer::new(steps);
    (onion(vec![Arc::new(Hedge::new(options))], &peer), peer)
}

fn late(time: Duration, text: &'static str) -> Step {
    after(time, Ok(answer(200, Body::Full(text.into()))))
}

fn text(outcome: Result<Response>) -> (String, u32, Vec<Option<&'static str>>) {
    let res = outcome.unwrap();
    let codes = res.history.iter().map(|attempt| attempt.code).collect();
    let Body::Full(body) = res.body else { unreachable!("it is whole") };
    (String::from_utf8(body.to_vec()).unwrap(), res.attempts, codes)
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_late_is_made_again_and_the_first_answer_is_taken() {
    for (first, second, expected, took) in [
        (5 * SECOND, SECOND, ("second", 2, vec![Some("ABORTED"), None]), 3 * SECOND),
        (3 * SECOND, 5 * SECOND, ("first", 2, vec![None, Some("ABORTED")]), 3 * SECOND),
        (SECOND, SECOND, ("first", 1, vec![None]), SECOND),
    ] {
        let (onion, peer) = around(fixed(2 * SECOND), vec![late(first, "first"), late(second, "second")]);
        let begun = tokio::time::Instant::now();
        let (body, attempts, codes) = text(onion.run(post()).await);
        assert_eq!((body.as_str(), attempts, codes), expected);
        assert_eq!(begun.elapsed(), took);
        let asked = peer.asked();
        assert_eq!(u32::try_from(asked.len()).unwrap(), expected.1);
        if let Some(again) = asked.get(1) {
            assert_eq!((again.at - asked[0].at, again.attempt), (2 * SECOND, 2));
            assert_eq!(again.body, asked[0].body, "the same call");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_listed_with_its_own_time() {
    let (onion, _) = around(fixed(2 * SECOND), vec![late(9 * SECOND, "first"), late(SECOND, "second")]);
    let history = onion.run(post()).await.unwrap().history;
    let times: Vec<_> = history.iter().map(|one| (one.waited, one.took)).collect();
    assert_eq!(times, [(Duration::ZERO, 3 * SECOND), (2 * SECOND, SECOND)]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_time_is_the_callers_and_one_of_two_attempts_is_not() {
    let (onion, peer) = around(fixed(2 * SECOND), vec![status(529), ok()]);
    assert_eq!(onion.run(post()).await.unwrap_err().status(), Some(529));
    assert_eq!(peer.count(), 1);

    let reset = || Err(Error::new(ErrorKind::Reset, Phase::FirstByte, "it broke"));
    let (onion, _) = around(fixed(2 * SECOND), vec![after(3 * SECOND, reset()), late(5 * SECOND, "second")]);
    let (body, attempts, codes) = text(onion.run(post()).await);
    assert_eq!((body.as_str(), attempts, codes), ("second", 2, vec![Some("CONNECTION_RESET"), None]));

    let (onion, _) = around(fixed(2 * SECOND), vec![late(5 * SECOND, "first"), status(409)]);
    let (body, _, codes) = text(onion.run(post()).await);
    assert_eq!((body.as_str(), codes), ("first", vec![None, Some("CONFLICT")]));

    let (onion, _) = around(fixed(2 * SECOND), vec![after(3 * SECOND, reset()), status(529)]);
    let error = onion.run(post()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), error.history().len()), (ErrorKind::Reset, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_there_with_its_first_event_and_nothing_is_sent_after_that() {
    let streamed = |data: &'static str| {
        now(Ok(answer(200, events(vec![Ok(vec![r#"{"type":"ping"}"#]), Ok(vec![data])]))))
    };
    // Events come a second after each other: the first of each stream that is none of pings comes after two.
    let (onion, peer) = around(fixed(1500 * MS), vec![streamed("{\"n\":1}"), streamed("{\"n\":2}")]);
    let res = onion.run(post()).await.unwrap();
    assert_eq!(read(res).await.0, [r#"{"type":"ping"}"#, "{\"n\":1}"]);
    assert_eq!(peer.count(), 2);

    let slow = || now(Ok(answer(200, events((0..9).map(|_| Ok(vec!["{}"])).collect()))));
    let (onion, peer) = around(fixed(1500 * MS), vec![slow(), ok()]);
    assert_eq!(read(onion.run(post()).await.unwrap()).await.0.len(), 9);
    assert_eq!(peer.count(), 1, "its first event was in time");
}

/// Counts what is under way further in.
#[derive(Default)]
struct Gauge(Arc<AtomicI32>);

struct Under(Arc<AtomicI32>);

impl Drop for Under {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Middleware for Gauge {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let under = Under(Arc::clone(&self.0));
        Box::pin(async move {
            let outcome = next.run(req).await;
            drop(under);
            outcome
        })
    }
}

#[tokio::test(start_paused = true)]
async fn the_attempt_that_loses_is_given_up_at_once_and_so_are_both_with_their_call() {
    let gauge = Gauge::default();
    let count = Arc::clone(&gauge.0);
    let peer = Peer::new(vec![never(), late(SECOND, "second"), never(), never()]);
    let onion = onion(vec![Arc::new(Hedge::new(fixed(SECOND))), Arc::new(gauge)], &peer);
    onion.run(post()).await.unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 0);
    assert!(tokio::time::timeout(5 * SECOND, onion.run(post())).await.is_err());
    assert_eq!((peer.count(), count.load(Ordering::Relaxed)), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn without_experience_there_is_no_second_attempt_and_with_it_late_is_what_takes_longer_than_usual() {
    let options = HedgeOptions { per: Partition::All, ..HedgeOptions::default() };
    let steps =
        (0..20).map(|_| late(SECOND, "usual")).chain([late(9 * SECOND, "late"), late(SECOND, "second")]);
    let slow = std::iter::once(late(30 * SECOND, "slow"));
    let (onion, peer) = around(options, slow.chain(steps).collect());
    for _ in 0..21 {
        onion.run(post()).await.unwrap();
    }
    assert_eq!(peer.asked().len(), 21, "nobody knew that the first one was slow");
    let (body, ..) = text(onion.run(post()).await);
    assert_eq!(body, "second");
    let waited = peer.asked()[1].at;
    assert!(tokio::time::Instant::now() - waited == SECOND);
}

#[tokio::test(start_paused = true)]
async fn second_attempts_keep_to_their_budget() {
    let budget = Some(BudgetOptions { share: 0.0, min_per_second: 0.001 });
    let options = HedgeOptions { budget, ..fixed(SECOND) };
    let steps = (0..60).map(|_| late(2 * SECOND, "slow")).collect();
    let (onion, peer) = around(options, steps);
    for _ in 0..20 {
        onion.run(post()).await.unwrap();
    }
    assert_eq!(peer.count(), 30, "what is kept is ten");
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_sent_twice_is_not() {
    let mut patch = post();
    patch.method = Method::PATCH;
    let mut once = post();
    once.body = Body::Stream(Box::pin(stream::iter([Ok(Bytes::from_static(b"x"))])));
    for req in [patch, once] {
        let (onion, peer) = around(fixed(SECOND), vec![late(5 * SECOND, "slow"), ok()]);
        onion.run(req).await.unwrap();
        assert_eq!(peer.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn both_attempts_are_one_call_to_the_server_and_two_to_whoever_keeps_something_of_each() {
    let peer = Peer::new(vec![never(), ok()]);
    let lanes = Arc::new(Lanes::default());
    let key = middleware("idempotencyKey", json!({})).unwrap();
    let layers = vec![
        Arc::new(Hedge::new(fixed(SECOND))) as Arc<dyn Middleware>,
        key,
        Arc::clone(&lanes) as Arc<dyn Middleware>,
    ];
    onion(layers, &peer).run(post()).await.unwrap();
    let asked = peer.asked();
    assert_eq!(asked[0].headers["idempotency-key"], asked[1].headers["idempotency-key"]);
    let lanes = lanes.0.lock().unwrap();
    assert!(lanes[0].is_none() && lanes[1].is_some(), "{lanes:?}");
}

#[derive(Default)]
struct Lanes(std::sync::Mutex<Vec<Option<Lane>>>);

impl Middleware for Lanes {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        self.0.lock().unwrap().push(req.extensions.get().copied());
        next.run(req)
    }
}

#[derive(Debug, Clone, Copy)]
enum Says {
    Well(u32),
    Busy(u32),
    Stream(u32),
    Never,
}

fn step(says: Says) -> Step {
    match says {
        Says::Well(seconds) => late(seconds * SECOND, "well"),
        Says::Busy(seconds) => {
            let error = || Err(Error::new(ErrorKind::Status(529), Phase::FirstByte, "busy"));
            after(seconds * SECOND, error())
        }
        Says::Stream(batches) => {
            now(Ok(answer(200, events((0..=batches).map(|_| Ok(vec!["{}"])).collect()))))
        }
        Says::Never => never(),
    }
}

fn says() -> impl Strategy<Value = Says> {
    prop_oneof![
        (0..9_u32).prop_map(Says::Well),
        (0..9_u32).prop_map(Says::Busy),
        (0..5_u32).prop_map(Says::Stream),
        Just(Says::Never),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_call_settles_once_with_at_most_two_attempts_and_leaves_nothing_under_way(
        script in prop::collection::vec((says(), says()), 1..8),
        delay in 1..5_u32,
        given_up in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            for (one, two) in script {
                let gauge = Gauge::default();
                let count = Arc::clone(&gauge.0);
                let peer = Peer::new(vec![step(one), step(two), failure(ErrorKind::Internal, Phase::Prepare)]);
                let options = HedgeOptions { budget: None, ..fixed(delay * SECOND) };
                let onion = onion(vec![Arc::new(Hedge::new(options)), Arc::new(gauge)], &peer);
                let limit: u32 = if given_up { 3 } else { 60 };
                let req = with(post(), |_| {});
                let outcome = tokio::time::timeout(limit * SECOND, onion.run(req)).await;
                let sent = peer.count();
                assert!(sent <= 2, "{one:?} {two:?}");
                match outcome {
                    Ok(Ok(res)) => {
                        assert_eq!(usize::try_from(res.attempts).unwrap(), sent);
                        assert_eq!(res.history.iter().filter(|one| one.code.is_none()).count(), 1);
                        if let Body::Events(_) = res.body {
                            read(res).await;
                        }
                    }
                    Ok(Err(error)) => {
                        assert_eq!(error.status(), Some(529), "{one:?} {two:?} {error}");
                        assert_eq!(error.history().len(), sent);
                    }
                    Err(_) => assert!(given_up || matches!((one, two), (Says::Never, _) | (_, Says::Never))),
                }
                assert_eq!((peer.count(), count.load(Ordering::Relaxed)), (sent, 0));
            }
        });
    }
}

#[test]
fn wrong_options_are_refused_by_name() {
    for (options, expected) in [
        (json!({ "percentile": 95 }), "`hedge.percentile` must be a number from 0.5 to 0.999, got 95"),
        (json!({ "delay": 0 }), "`hedge.delay` must be more than 0 ms"),
        (
            json!({ "minDelay": 100, "maxDelay": 50 }),
            "`hedge.maxDelay` must not be less than `hedge.minDelay`",
        ),
        (json!({ "budget": { "share": 2 } }), "`hedge.budget.share` must be a number from 0 to 1, got 2"),
        (json!({ "budget": 5 }), "`hedge.budget` must be { share, minPerSecond } or false"),
        (json!({ "methods": ["GE T"] }), "`hedge.methods` holds a text that is not a method of HTTP"),
        (json!({ "per": "host" }), "`hedge.per` must be 'origin' or"),
        (json!({ "dellay": 1 }), "did you mean `hedge.delay`?"),
    ] {
        let error = middleware("hedge", options).err().unwrap();
        assert!(error.message().contains(expected), "{expected}: {error}");
    }
}
