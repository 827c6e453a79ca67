//! `keyPool`: which key a call is sent with, what sends it on to another, and that nothing of it is counted twice.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use futures_util::StreamExt;
use proptest::prelude::*;
use serde_json::{Value, json};
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    client::{Functions, middleware, native},
    middleware::key_pool::{Key, KeyPool, KeyPoolOptions},
    pipeline::{BoxFuture, Middleware, Next, Pipeline},
    request::{Authorized, Impatient, Request},
    response::{Response, Served},
    secret::Secret,
};

use super::{
    Peer, SECOND, Step, after, answer, events, failure, never, now, ok, onion, post, refusal, status, with,
};

fn key(name: &str) -> Key {
    Key {
        name: name.into(),
        secret: Secret::new(format!("key-{name}-1234")),
        weight: 1.0,
        layers: Vec::new(),
    }
}

fn pool(keys: Vec<Key>) -> Arc<KeyPool> {
    Arc::new(KeyPool::new(KeyPoolOptions { keys, ..KeyPoolOptions::default() }).unwrap())
}

fn around(steps: Vec<Step>, keys: Vec<Key>) -> (Pipeline, Arc<Peer>, Arc<KeyPool>) {
    let (peer, pool) = (Peer::new(steps), pool(keys));
    (onion(vec![Arc::clone(&pool) as Arc<dyn Middleware>], &peer), peer, pool)
}

fn two() -> Vec<Key> {
    vec![key("a"), key("b")]
}

/// The keys that requests came with.
fn sent(peer: &Peer) -> Vec<String> {
    let asked = peer.asked();
    asked.iter().map(|one| one.headers["x-api-key"].to_str().unwrap().to_owned()).collect()
}

fn served(res: &Response) -> Option<&str> {
    res.extensions.get::<Served>()?.key.as_deref()
}

fn in_flight(pool: &KeyPool) -> Vec<u32> {
    pool.figures().iter().map(|key| key.in_flight).collect()
}

#[tokio::test(start_paused = true)]
async fn each_call_goes_with_the_key_that_has_least_to_carry_and_is_told_which() {
    let stream = || now(Ok(answer(200, events(vec![Ok(vec!["{}"]), Ok(vec!["{}"])]))));
    let (onion, peer, pool) = around(vec![stream(), ok(), ok(), stream(), ok()], two());
    let first = onion.run(post()).await.unwrap();
    assert_eq!((served(&first), in_flight(&pool)), (Some("a"), vec![1, 0]));
    for _ in 0..2 {
        assert_eq!(
            served(&onion.run(post()).await.unwrap()),
            Some("b"),
            "the stream of the other is still read"
        );
    }
    let Body::Events(mut events) = first.body else { unreachable!("a stream") };
    while events.next().await.is_some() {}
    assert_eq!(in_flight(&pool), [0, 0]);
    let left = onion.run(post()).await.unwrap();
    assert_eq!(in_flight(&pool), [1, 0]);
    drop(left);
    assert_eq!(in_flight(&pool), [0, 0], "a stream that is left counts no longer");
    onion.run(post()).await.unwrap();
    assert_eq!(sent(&peer), ["key-a-1234", "key-b-1234", "key-b-1234", "key-a-1234", "key-b-1234"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_refused_or_used_up_is_followed_by_the_next_and_rests() {
    for (refused, rest) in [
        (status(401), 60 * SECOND),
        (status(403), 60 * SECOND),
        (status(429), SECOND),
        (refusal(429, &[("retry-after", "7")]), 7 * SECOND),
    ] {
        let (onion, peer, pool) = around(vec![refused, ok(), ok(), ok(), ok()], two());
        let res = onion.run(post()).await.unwrap();
        assert_eq!((served(&res), res.attempts), (Some("b"), 2));
        let keys: Vec<_> = res.history.iter().map(|one| one.served.key.as_deref().unwrap()).collect();
        assert_eq!(keys, ["a", "b"]);
        assert_eq!(pool.figures()[0].rests, rest);
        onion.run(post()).await.unwrap();
        tokio::time::sleep(rest).await;
        onion.run(post()).await.unwrap();
        assert_eq!(sent(&peer), ["key-a-1234", "key-b-1234", "key-b-1234", "key-a-1234"]);
        assert_eq!(in_flight(&pool), [0, 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_says_nothing_of_the_key_is_the_callers_at_once() {
    for step in
        [status(400), status(404), status(529), status(500), failure(ErrorKind::Reset, Phase::FirstByte)]
    {
        let (onion, peer, pool) = around(vec![step, ok()], two());
        assert!(onion.run(post()).await.is_err());
        assert_eq!((peer.count(), in_flight(&pool)), (1, vec![0, 0]));
    }
}

#[tokio::test(start_paused = true)]
async fn each_key_is_tried_once_and_the_error_says_when_the_first_may_be_used_again() {
    let steps =
        vec![refusal(429, &[("retry-after", "9")]), refusal(429, &[("retry-after", "4")]), status(401), ok()];
    let (onion, peer, pool) = around(steps, vec![key("a"), key("b"), key("c")]);
    let error = onion.run(post()).await.unwrap_err();
    assert_eq!((error.status(), error.attempts(), peer.count()), (Some(401), 3, 3));
    let said = "`keyPool()` has tried `a` RATE_LIMIT, `b` RATE_LIMIT, `c` AUTHENTICATION";
    assert!(error.message().ends_with(said), "{error}");
    assert_eq!(in_flight(&pool), [0, 0, 0]);

    let (onion, ..) =
        around(vec![refusal(429, &[("retry-after", "4")]), refusal(429, &[("retry-after", "9")])], two());
    assert_eq!(onion.run(post()).await.unwrap_err().retry_after(), Some(4 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn when_all_keys_rest_the_one_that_rests_shortest_is_tried_all_the_same() {
    let steps = vec![status(401), refusal(429, &[("retry-after", "9")]), ok(), ok()];
    let (onion, peer, pool) = around(steps, two());
    assert!(onion.run(post()).await.is_err());
    assert_eq!(served(&onion.run(post()).await.unwrap()), Some("b"));
    assert_eq!(pool.figures()[1].rests, std::time::Duration::ZERO, "it has proven itself");
    assert_eq!(peer.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_comes_first_in_a_stream_moves_the_call_and_one_that_comes_later_does_not() {
    let limited = r#"{"type":"error","error":{"type":"rate_limit_error","message":"x"}}"#;
    let stream = |first| now(Ok(answer(200, events(vec![Ok(vec![first]), Ok(vec![limited])]))));
    let (onion, peer, pool) = around(vec![stream(limited), stream("{}"), ok()], two());
    let res = onion.run(post()).await.unwrap();
    assert_eq!(served(&res), Some("b"));
    let (read, _) = super::read(res).await;
    assert_eq!((read.len(), peer.count(), in_flight(&pool)), (2, 2, vec![0, 0]));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_has_its_own_credential_or_goes_elsewhere_is_let_be() {
    let (onion, peer, pool) = around(vec![ok(), ok(), ok()], two());
    let mut own = post();
    own.headers.insert("x-api-key", "own".parse().unwrap());
    let mut authorized = post();
    authorized.extensions.insert(Authorized);
    let elsewhere = with(post(), |options| options.home = Some("https://home.test".parse().unwrap()));
    for req in [own, authorized, elsewhere] {
        onion.run(req).await.unwrap();
    }
    let keys: Vec<_> = peer.asked().iter().map(|one| one.headers.get("x-api-key").cloned()).collect();
    assert_eq!(keys, [Some("own".parse().unwrap()), None, None]);
    assert!(pool.figures().iter().all(|key| key.calls == 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_counts_no_longer() {
    let (onion, _, pool) = around(vec![never()], two());
    assert!(tokio::time::timeout(SECOND, onion.run(post())).await.is_err());
    assert_eq!(in_flight(&pool), [0, 0]);
}

fn made(options: Value) -> trae_native::client::Native {
    native("keyPool", options, Functions::default()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_circuit_is_open_is_passed_over_and_others_are_not() {
    let breaker = json!({ "minCalls": 2, "trials": 1 });
    let options = json!({ "keys": [
        { "name": "a", "apiKey": "key-a-1234", "circuitBreaker": breaker },
        { "name": "b", "apiKey": "key-b-1234", "circuitBreaker": breaker },
    ] });
    let pool = made(options);
    let (stats, layer) = (pool.ask.unwrap(), pool.middleware);
    // Every call with the first key fails, every other is answered.
    let steps = [status(500), ok(), status(500), ok(), ok(), ok(), ok()].into_iter().collect();
    let peer = Peer::new(steps);
    let onion = onion(vec![layer], &peer);
    for _ in 0..7 {
        let _ = onion.run(post()).await;
    }
    let keys = sent(&peer);
    assert_eq!(keys[..4], ["key-a-1234", "key-b-1234", "key-a-1234", "key-b-1234"]);
    assert!(keys[4..].iter().all(|key| key == "key-b-1234"), "{keys:?}");
    let told = stats.ask("stats".to_owned(), Value::Null).await.unwrap();
    assert_eq!(told[0]["restsMs"], json!(5000));
    assert_eq!((&told[0]["inFlight"], &told[1]["inFlight"]), (&json!(0), &json!(0)));
    assert!(!told.to_string().contains("1234"), "no key is told: {told}");
}

/// Lets a call pass each second, and has others wait unless they are impatient.
struct Paced {
    free: Mutex<tokio::time::Instant>,
    waited: AtomicU32,
}

fn paced(first: std::time::Duration) -> Arc<Paced> {
    Arc::new(Paced { free: Mutex::new(tokio::time::Instant::now() + first), waited: AtomicU32::new(0) })
}

impl Middleware for Paced {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let now = tokio::time::Instant::now();
            let at = *self.free.lock().unwrap();
            let wait = at.saturating_duration_since(now);
            if !wait.is_zero() && req.extensions.get::<Impatient>().is_some() {
                let full = Error::new(ErrorKind::QueueFull, Phase::Queue, "it is not its turn");
                return Err(full.with_attempts(0).with_retry_after(Some(wait)));
            }
            *self.free.lock().unwrap() = at.max(now) + SECOND;
            self.waited.fetch_add(u32::from(!wait.is_zero()), Ordering::Relaxed);
            tokio::time::sleep(wait).await;
            next.run(req).await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_a_keys_own_limit_only_where_no_other_key_is_free_and_then_for_the_nearest() {
    let (a, b) = (paced(5 * SECOND), paced(3 * SECOND));
    let limited = |name, limit: &Arc<Paced>| Key {
        layers: vec![Arc::clone(limit) as Arc<dyn Middleware>],
        ..key(name)
    };
    let free = key("free");
    let (onion, peer, _) = around(vec![ok()], vec![limited("a", &a), limited("b", &b), free]);
    assert_eq!(served(&onion.run(post()).await.unwrap()), Some("free"));
    assert_eq!(sent(&peer), ["key-free-1234"]);

    let begun = tokio::time::Instant::now();
    let (onion, peer, pool) = around(vec![ok()], vec![limited("a", &a), limited("b", &b)]);
    let res = onion.run(post()).await.unwrap();
    assert_eq!((served(&res), begun.elapsed(), res.attempts), (Some("b"), 3 * SECOND, 1));
    assert_eq!((a.waited.load(Ordering::Relaxed), b.waited.load(Ordering::Relaxed)), (0, 1));
    assert_eq!((sent(&peer).len(), in_flight(&pool)), (1, vec![0, 0]));
}

#[tokio::test(start_paused = true)]
async fn limits_of_a_keys_own_send_calls_to_the_next_key_and_have_them_wait_where_none_is_free() {
    let limits = [
        json!({ "rateLimit": { "requests": 1, "interval": 4000, "burst": 0, "adapt": false } }),
        json!({ "concurrency": 1 }),
    ];
    for limit in limits {
        let keys: Vec<Value> = ["a", "b"]
            .iter()
            .map(|name| {
                let mut key = json!({ "name": name, "apiKey": format!("key-{name}-1234") });
                key.as_object_mut().unwrap().extend(limit.as_object().unwrap().clone());
                key
            })
            .collect();
        let pool = made(json!({ "keys": keys }));
        let peer = Peer::new((0..3).map(|_| after(4 * SECOND, Ok(answer(200, Body::Empty)))).collect());
        let onion = onion(vec![pool.middleware], &peer);
        let begun = tokio::time::Instant::now();
        let call = || async {
            let res = onion.run(post()).await.unwrap();
            (served(&res).unwrap().to_owned(), begun.elapsed())
        };
        let (one, other, third) = tokio::join!(call(), call(), call());
        assert_eq!([one, other], [("a".to_owned(), 4 * SECOND), ("b".to_owned(), 4 * SECOND)], "{limit}");
        assert_eq!((third.1, peer.count()), (8 * SECOND, 3), "{limit}");
    }
}

#[derive(Debug, Clone, Copy)]
enum Says {
    Well,
    Limited,
    Refused,
    Wrong,
    Stream,
    BrokenStream,
    Slow,
}

fn step(says: Says) -> Step {
    match says {
        Says::Well => ok(),
        Says::Limited => status(429),
        Says::Refused => status(401),
        Says::Wrong => status(400),
        Says::Stream => now(Ok(answer(200, events(vec![Ok(vec!["{}"]), Ok(vec!["{}"])])))),
        Says::BrokenStream => now(Ok(answer(
            200,
            events(vec![Ok(vec!["{}"]), Err(Error::new(ErrorKind::Reset, Phase::Body, "x"))]),
        ))),
        Says::Slow => after(5 * SECOND, Ok(answer(200, Body::Empty))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_call_settles_once_with_each_key_at_most_once_and_no_count_is_left(
        script in prop::collection::vec(
            prop::sample::select(vec![Says::Well, Says::Limited, Says::Refused, Says::Wrong, Says::Stream, Says::BrokenStream, Says::Slow]),
            60,
        ),
        calls in prop::collection::vec((0..3_u8, 0..4_u64), 1..12),
        keys in 1..4_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let names = ["a", "b", "c"];
            let (onion, peer, pool) = around(script.into_iter().map(step).collect(), names[..keys].iter().map(|name| key(name)).collect());
            let all = calls.into_iter().map(|(what, wait)| {
                let (onion, pool) = (&onion, &pool);
                async move {
                    tokio::time::sleep(std::time::Duration::from_secs(wait)).await;
                    let before = pool.figures().len();
                    let limit = if what == 0 { SECOND } else { 100 * SECOND };
                    match tokio::time::timeout(limit, onion.run(post())).await {
                        Ok(Ok(res)) if what == 1 => drop(res),
                        Ok(Ok(res)) => if let Body::Events(mut events) = res.body { while events.next().await.is_some() {} },
                        Ok(Err(error)) => assert!(error.history().len() <= before, "{error}"),
                        Err(_) => assert_eq!(what, 0),
                    }
                }
            });
            futures_util::future::join_all(all).await;
            assert!(pool.figures().iter().all(|key| key.in_flight == 0));
            let counted: u64 = pool.figures().iter().map(|key| key.calls).sum();
            assert_eq!(counted, u64::try_from(peer.count()).unwrap());
        });
    }
}

#[test]
fn wrong_options_are_refused_by_name_and_no_key_is_repeated() {
    for (options, expected) in [
        (json!({}), "`keyPool` needs `keyPool.keys`"),
        (json!({ "keys": [] }), "`keyPool` needs `keyPool.keys`"),
        (json!({ "keys": "x" }), "`keyPool.keys` must be a list of keys, got a string"),
        (json!({ "keys": [{}] }), "`keyPool.keys[0].apiKey` is missing"),
        (json!({ "keys": ["quite\nsecret"] }), "`keyPool.keys[0].apiKey`: the credential has a character"),
        (json!({ "keys": [["quite-secret"]] }), "`keyPool.keys[0]` must be an object, got an array"),
        (
            json!({ "keys": [{ "apiKey": "quite\nsecret" }] }),
            "`keyPool.keys[0].apiKey`: the credential has a character",
        ),
        (json!({ "keys": [{ "apiKey": "x", "weight": 0 }] }), "`keyPool.keys[0].weight` must be a number"),
        (json!({ "keys": [{ "apiKey": "x", "weigth": 1 }] }), "did you mean `keyPool.keys[0].weight`?"),
        (
            json!({ "keys": [{ "apiKey": "x", "name": "n" }, { "apiKey": "y", "name": "n" }] }),
            "two of `keyPool.keys` are called 'n'",
        ),
        (
            json!({ "keys": [{ "apiKey": "x", "circuitBreaker": { "trails": 1 } }] }),
            "(`keyPool.keys[0].circuitBreaker`)",
        ),
        (
            json!({ "keys": [{ "apiKey": "x", "circuitBreaker": { "key": "[function]" } }] }),
            "can't be reached here",
        ),
        (json!({ "keys": [{ "apiKey": "x" }], "rests": 1 }), "did you mean `keyPool.rest`?"),
    ] {
        let error = middleware("keyPool", options).err().unwrap();
        assert!(error.message().contains(expected), "{expected}: {error}");
        assert!(!error.message().contains("secret"), "{error}");
    }
}

/// Leaves its mark on what passes.
struct Mark(&'static str);

impl Middleware for Mark {
    fn handle<'a>(&'a self, mut req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        req.headers.append("x-mark", self.0.parse().unwrap());
        next.run(req)
    }
}

/// Sends a request through layers of its own.
struct Through(Vec<Arc<dyn Middleware>>);

impl Middleware for Through {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        next.through(&self.0, req)
    }
}

#[tokio::test(start_paused = true)]
async fn layers_that_another_one_brings_stand_before_those_further_in() {
    for (brought, expected) in [(vec!["a", "b"], vec!["a", "b", "c"]), (vec![], vec!["c"])] {
        let brought = brought.into_iter().map(|mark| Arc::new(Mark(mark)) as Arc<dyn Middleware>).collect();
        let peer = Peer::new(vec![ok()]);
        onion(vec![Arc::new(Through(brought)), Arc::new(Mark("c"))], &peer).run(post()).await.unwrap();
        let marks: Vec<_> = peer.asked()[0].headers.get_all("x-mark").iter().cloned().collect();
        assert_eq!(marks, expected);
    }
}
