//! `rateLimit`: what passes when, what it learns from answers, and what replicas do together.

mod replicas;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use proptest::prelude::*;
use tokio::{task::JoinSet, time::Instant};
use trae_native::{
    ErrorKind, Phase, Result,
    body::Body,
    claude::describe,
    middleware::{
        rate_limit::{Amounts, RateLimit, RateLimitOptions},
        retry::{Jitter, Retry, RetryOptions},
    },
    partition::Partition,
    pipeline::{BoxFuture, Endpoint, Middleware, Pipeline},
    queue::QueueOptions,
    request::Request,
    response::Response,
};

use super::{Peer, SECOND, Step, answer, events, failure, now, ok, onion, post, refusal, status};

fn per_minute(requests: u64) -> Amounts {
    Amounts { requests: Some(requests), ..Amounts::default() }
}

fn limit(limits: Vec<Amounts>) -> Arc<RateLimit> {
    Arc::new(RateLimit::new(RateLimitOptions { limits, ..RateLimitOptions::default() }))
}

fn asking(body: &serde_json::Value) -> Request {
    let mut req = post();
    req.body = Body::Full(body.to_string().into());
    req
}

fn of_model(model: &str) -> Request {
    asking(&serde_json::json!({ "model": model }))
}

fn told(usage: &str, headers: &[(&'static str, &'static str)]) -> Step {
    let mut res = answer(200, Body::Full(Bytes::from(format!(r#"{{"usage":{usage}}}"#))));
    for (name, value) in headers {
        res.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    now(Ok(res))
}

async fn waited(onion: &Pipeline, req: Request) -> u64 {
    let start = Instant::now();
    let _ = onion.run(req).await;
    start.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
    let layer = limit(vec![per_minute(30)]);
    let peer = Peer::new((0..6).map(|_| ok()).collect());
    let onion = onion(vec![Arc::clone(&layer) as Arc<dyn Middleware>], &peer);
    let mut queued = Vec::new();
    for _ in 0..6 {
        let timing = onion.run(post()).await.unwrap().timing;
        assert_eq!(timing.held, timing.queued);
        queued.push(timing.queued.as_secs());
    }
    assert_eq!(queued, [0, 0, 0, 2, 2, 2]);
    assert_eq!(peer.times(), [0, 0, 0, 2000, 4000, 6000]);
    let decided = layer.decided();
    assert_eq!((decided.passed, decided.waited, decided.refused, decided.waiting), (3, 3, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn each_credential_and_model_has_limits_of_its_own() {
    let peer = Peer::new((0..5).map(|_| ok()).collect());
    let onion = onion(vec![limit(vec![per_minute(10)])], &peer);
    assert_eq!(waited(&onion, of_model("a")).await, 0);
    assert_eq!(waited(&onion, of_model("b")).await, 0);
    assert_eq!(waited(&onion, of_model("a")).await, 6);
    let mut other = of_model("a");
    other.headers.insert("x-api-key", HeaderValue::from_static("another"));
    assert_eq!(waited(&onion, other).await, 0);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_taken_by_estimate_and_put_right_by_what_was_used() {
    let limits =
        vec![Amounts { input_tokens: Some(6000), output_tokens: Some(60_000), ..Amounts::default() }];
    let peer = Peer::new(vec![
        told(r#"{"input_tokens":200,"output_tokens":10}"#, &[]),
        told(r#"{"input_tokens":1000,"cache_read_input_tokens":90000,"output_tokens":10}"#, &[]),
        told(r#"{"input_tokens":100,"output_tokens":10}"#, &[]),
        ok(),
    ]);
    let onion = onion(vec![limit(limits)], &peer);
    let text =
        |bytes: usize| asking(&serde_json::json!({ "max_tokens": 100, "messages": "x".repeat(bytes) }));
    // 600 may go at once. 500 are estimated, 200 were read.
    assert_eq!(waited(&onion, text(2000)).await, 0);
    // Of the estimate has been learned; 1000 are read, 600 more than are there.
    assert_eq!(waited(&onion, text(400)).await, 0);
    assert_eq!(waited(&onion, text(400)).await, 6 + 1);
    assert_eq!(waited(&onion, text(400)).await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_has_reached_no_server_is_given_back_and_what_was_refused_has_read_nothing() {
    let limits = vec![Amounts { requests: Some(20), input_tokens: Some(6000), ..Amounts::default() }];
    let peer = Peer::new(vec![failure(ErrorKind::Refused, Phase::Connect), status(400), ok(), ok()]);
    let onion = onion(vec![limit(limits)], &peer);
    let text = || asking(&serde_json::json!({ "messages": "x".repeat(2396) }));
    for wait in [0, 0, 0, 1] {
        assert_eq!(waited(&onion, text()).await.min(1), wait);
    }
}

#[tokio::test(start_paused = true)]
async fn a_429_with_its_time_has_all_of_its_partition_wait() {
    for as_error in [true, false] {
        let refused = if as_error {
            refusal(429, &[("retry-after", "7")])
        } else {
            let mut res = answer(429, Body::Empty);
            res.headers.insert("retry-after", HeaderValue::from_static("7"));
            now(Ok(res))
        };
        let peer = Peer::new([refused].into_iter().chain((0..3).map(|_| ok())).collect());
        let onion = onion(vec![limit(vec![per_minute(600)])], &peer);
        let _ = onion.run(of_model("a")).await;
        let (same, too, other) = tokio::join!(
            waited(&onion, of_model("a")),
            waited(&onion, of_model("a")),
            waited(&onion, of_model("b"))
        );
        assert_eq!((same, too, other), (7, 7, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_without_end_is_tried_after_a_minute() {
    let peer = Peer::new(vec![refusal(429, &[("retry-after", "999999999")]), ok()]);
    let onion = onion(vec![limit(vec![per_minute(600)])], &peer);
    let _ = onion.run(post()).await;
    assert_eq!(waited(&onion, post()).await, 60);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_says_of_its_limits_holds_unless_it_is_not_to() {
    let headers = [
        ("date", "Thu, 29 Feb 2024 12:00:00 GMT"),
        ("anthropic-ratelimit-requests-limit", "60"),
        ("anthropic-ratelimit-requests-remaining", "0"),
        ("anthropic-ratelimit-requests-reset", "2024-02-29T12:01:00Z"),
    ];
    for (adapt, waits) in [(true, [1, 1]), (false, [0, 0])] {
        let peer = Peer::new(vec![told("{}", &headers), ok(), ok()]);
        let options = RateLimitOptions {
            limits: if adapt { Vec::new() } else { vec![per_minute(600)] },
            adapt,
            ..RateLimitOptions::default()
        };
        let onion = onion(vec![Arc::new(RateLimit::new(options))], &peer);
        assert_eq!(waited(&onion, post()).await, 0);
        for wait in waits {
            assert_eq!(waited(&onion, post()).await, wait);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn outside_of_retry_a_call_counts_once_and_inside_each_attempt_does() {
    let retry = || -> Arc<dyn Middleware> {
        let (base, jitter) = (Duration::ZERO, Jitter::None);
        Arc::new(Retry::new(RetryOptions { base, jitter, budget: None, ..RetryOptions::default() }))
    };
    for (inside, times) in [(false, [0, 0, 0, 6000]), (true, [0, 6000, 12_000, 18_000])] {
        let peer = Peer::new(vec![status(500), status(500), ok(), ok()]);
        let limit: Arc<dyn Middleware> = limit(vec![per_minute(10)]);
        let onion = onion(if inside { vec![retry(), limit] } else { vec![limit, retry()] }, &peer);
        for _ in 0..2 {
            onion.run(post()).await.unwrap();
        }
        assert_eq!(peer.times(), times, "{inside}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_says_how_long_one_would_have_waited() {
    let options = RateLimitOptions {
        limits: vec![per_minute(10)],
        queue: QueueOptions { limit: 2, timeout: Some(10 * SECOND) },
        ..RateLimitOptions::default()
    };
    let peer = Peer::new((0..4).map(|_| ok()).collect());
    let onion = onion(vec![Arc::new(RateLimit::new(options))], &peer);
    onion.run(post()).await.unwrap();
    let (second, third, fourth) = tokio::join!(onion.run(post()), onion.run(post()), onion.run(post()));
    assert!(second.is_ok());
    let late = third.unwrap_err();
    assert_eq!((late.kind(), late.phase(), late.attempts()), (ErrorKind::Timeout, Phase::Queue, 0));
    let full = fourth.unwrap_err();
    assert_eq!((full.kind(), full.retry_after()), (ErrorKind::QueueFull, Some(18 * SECOND)));
}

/// Answers as it is asked to, and knows when calls came.
#[derive(Default)]
struct Obedient(std::sync::Mutex<Vec<(Instant, u64)>>);

#[derive(Debug, Clone)]
struct Visit {
    comes: u64,
    leaves: u64,
    takes: u64,
    ends: u8,
}

impl Endpoint for Obedient {
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        let Visit { takes, ends, .. } = req.extensions.get::<Visit>().unwrap().clone();
        Box::pin(async move {
            self.0.lock().unwrap().push((Instant::now(), 1));
            tokio::time::sleep(Duration::from_millis(takes)).await;
            let after = HeaderMap::from_iter([(
                HeaderName::from_static("retry-after-ms"),
                HeaderValue::from_static("300"),
            )]);
            match ends {
                0 => Err(describe(StatusCode::TOO_MANY_REQUESTS, &after, Bytes::new())),
                1 => Err(describe(StatusCode::INTERNAL_SERVER_ERROR, &HeaderMap::new(), Bytes::new())),
                2 => Ok(answer(200, events(vec![Ok(vec!["{}"])]))),
                _ => Ok(answer(200, Body::Full(r#"{"usage":{"input_tokens":3,"output_tokens":5}}"#.into()))),
            }
        })
    }
}

fn visits() -> impl Strategy<Value = Vec<Visit>> {
    let visit = (0..3000_u64, 1..4000_u64, 0..500_u64, 0..6_u8);
    let visit = visit.prop_map(|(comes, leaves, takes, ends)| Visit { comes, leaves, takes, ends });
    proptest::collection::vec(visit, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_calls_do_no_limit_is_exceeded_and_each_settles_once(
        visits in visits(), requests in 1..40_u64, queue in 0..30_usize
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let amounts = Amounts { interval: SECOND, output_tokens: Some(100_000), ..per_minute(requests) };
            let layer = Arc::new(RateLimit::new(RateLimitOptions {
                limits: vec![amounts],
                per: Partition::All,
                queue: QueueOptions { limit: queue, timeout: Some(3 * SECOND) },
                ..RateLimitOptions::default()
            }));
            let server = Arc::new(Obedient::default());
            let onion = Pipeline::new(vec![Arc::clone(&layer) as Arc<dyn Middleware>], Arc::clone(&server) as Arc<dyn Endpoint>);
            let mut all = JoinSet::new();
            for visit in visits.clone() {
                let onion = onion.clone();
                all.spawn(async move {
                    tokio::time::sleep(Duration::from_millis(visit.comes)).await;
                    let mut req = post();
                    let leaves = Duration::from_millis(visit.leaves);
                    req.extensions.insert(visit);
                    let _ = tokio::time::timeout(leaves, onion.run(req)).await;
                });
            }
            assert_eq!(all.join_all().await.len(), visits.len());
            let decided = layer.decided();
            assert_eq!(decided.waiting, 0);
            let sent = server.0.lock().unwrap();
            assert_eq!(decided.passed + decided.waited, sent.len() as u64);
            within(&sent, requests, (requests / 10).max(1), SECOND);
        });
    }
}

/// In no time more has come than the burst and what the rate brings.
fn within(sent: &[(Instant, u64)], limit: u64, burst: u64, interval: Duration) {
    for (first, (from, _)) in sent.iter().enumerate() {
        let mut sum = 0;
        for (at, count) in &sent[first..] {
            sum += count;
            let brought = (*at - *from).as_nanos() * u128::from(limit) / interval.as_nanos();
            assert!(u128::from(sum) <= u128::from(burst) + brought + 1, "{sum} in {:?}", *at - *from);
        }
    }
}
