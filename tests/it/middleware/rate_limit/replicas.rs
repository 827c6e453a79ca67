//! Replicas that share their limits: exact to within what they hold ahead, with few questions, and each policy while
//! the store is away.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{task::JoinSet, time::Instant};
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    middleware::{
        logger::{Logger, LoggerOptions},
        rate_limit::{Amounts, LEASE, OnStoreFailure, RateLimit, RateLimitOptions, SharedOptions},
    },
    pipeline::{Endpoint, Middleware, Pipeline},
    queue::QueueOptions,
    request::Request,
    response::Response,
    store::{
        Buckets, MemoryBuckets,
        buckets::{Ask, Given},
    },
};

use super::{super::MS, SECOND, answer, per_minute, post, waited, within};

/// A store that is counted, and can be away.
#[derive(Default)]
struct Store {
    buckets: MemoryBuckets,
    asked: AtomicU64,
    away: AtomicBool,
    silent: AtomicBool,
}

impl Buckets for Store {
    fn take<'a>(&'a self, key: &'a str, ask: &'a Ask) -> BoxFuture<'a, Result<Given>> {
        self.asked.fetch_add(1, SeqCst);
        if self.silent.load(SeqCst) {
            return Box::pin(std::future::pending());
        }
        if self.away.load(SeqCst) {
            return Box::pin(async { Err(Error::new(ErrorKind::Store, Phase::Prepare, "it is away")) });
        }
        Box::pin(async move {
            tokio::time::sleep(MS).await;
            self.buckets.take(key, ask).await
        })
    }
}

/// Answers at once, and knows when calls came.
#[derive(Default)]
struct Server(Mutex<Vec<(Instant, u64)>>);

impl Endpoint for Server {
    fn call(&self, _: Request) -> BoxFuture<'_, Result<Response>> {
        self.0.lock().unwrap().push((Instant::now(), 1));
        Box::pin(async { Ok(answer(200, Body::Full("ok".into()))) })
    }
}

fn layer(store: &Arc<Store>, amounts: Amounts, on_failure: OnStoreFailure) -> Arc<RateLimit> {
    let buckets = Arc::clone(store) as Arc<dyn Buckets>;
    Arc::new(RateLimit::new(RateLimitOptions {
        limits: vec![amounts],
        queue: QueueOptions { limit: 10_000, timeout: None },
        shared: Some(SharedOptions { buckets, on_failure, lease: LEASE }),
        ..RateLimitOptions::default()
    }))
}

fn replica(store: &Arc<Store>, server: &Arc<Server>, amounts: Amounts) -> Pipeline {
    let layer = layer(store, amounts, OnStoreFailure::Local);
    Pipeline::new(vec![layer], Arc::clone(server) as Arc<dyn Endpoint>)
}

/// So many calls, each so long after the one before, whether that has passed or not.
fn calls(all: &mut JoinSet<()>, replica: &Pipeline, count: u32, every: Duration) {
    for number in 0..count {
        let replica = replica.clone();
        all.spawn(async move {
            tokio::time::sleep(every * number).await;
            replica.run(post()).await.unwrap();
        });
    }
}

#[tokio::test(start_paused = true)]
async fn four_replicas_hold_a_limit_together_and_ask_once_for_ten_calls() {
    let amounts = Amounts { burst: 0.01, ..per_minute(6000) };
    let (store, server) = (Arc::<Store>::default(), Arc::<Server>::default());
    let mut all = JoinSet::new();
    for _ in 0..4 {
        // Together they want twice what there is, for a minute.
        calls(&mut all, &replica(&store, &server, amounts), 3000, 20 * MS);
    }
    let start = Instant::now();
    all.join_all().await;
    let took = start.elapsed().as_millis();
    assert!((118_000..122_500).contains(&took), "12,000 calls at 6,000 a minute: {took} ms");
    let sent = server.0.lock().unwrap();
    // What four hold ahead comes on top.
    within(&sent, 6000, 60 + 4 * 100, 60 * SECOND);
    let minute = sent.iter().filter(|(at, _)| *at - start < 60 * SECOND).count();
    assert!((5880..=6120).contains(&minute), "within 2 %: {minute}");
    let asked = store.asked.load(SeqCst);
    assert!(asked * 10 < 12_000, "{asked} questions for 12,000 calls");
}

#[tokio::test(start_paused = true)]
async fn where_there_is_enough_nobody_waits_and_questions_are_few() {
    let (store, server) = (Arc::<Store>::default(), Arc::<Server>::default());
    let mut all = JoinSet::new();
    for _ in 0..4 {
        calls(&mut all, &replica(&store, &server, per_minute(6000)), 1200, 50 * MS);
    }
    let start = Instant::now();
    all.join_all().await;
    assert!(start.elapsed() < 61 * SECOND, "{:?}", start.elapsed());
    let asked = store.asked.load(SeqCst);
    assert!(asked * 10 < 4800, "{asked} questions for 4,800 calls");
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_knows_how_long_one_waits_at_the_pace_that_this_replica_has() {
    let amounts = Amounts { burst: 0.01, ..per_minute(600) };
    let (store, server) = (Arc::<Store>::default(), Arc::<Server>::default());
    let buckets = Arc::clone(&store) as Arc<dyn Buckets>;
    let few = RateLimit::new(RateLimitOptions {
        limits: vec![amounts],
        queue: QueueOptions { limit: 100, timeout: None },
        shared: Some(SharedOptions { buckets, on_failure: OnStoreFailure::Local, lease: LEASE }),
        ..RateLimitOptions::default()
    });
    let few = Pipeline::new(vec![Arc::new(few)], Arc::clone(&server) as Arc<dyn Endpoint>);
    let mut all = JoinSet::new();
    calls(&mut all, &replica(&store, &server, amounts), 1000, MS);
    tokio::time::sleep(5 * SECOND).await;
    calls(&mut all, &few, 100, MS);
    tokio::time::sleep(10 * SECOND).await;
    let waiting = few.clone();
    for _ in 0..100 {
        let waiting = waiting.clone();
        all.spawn(async move { drop(waiting.run(post()).await) });
    }
    tokio::time::sleep(MS).await;
    let full = few.run(post()).await.unwrap_err();
    // A hundred before it, with half of ten a second.
    let wait = full.retry_after().unwrap().as_secs();
    assert!((15..=25).contains(&wait), "{wait} s");
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_dies_takes_with_it_what_it_held_and_no_more() {
    let amounts = Amounts { burst: 0.01, ..per_minute(6000) };
    let (store, server) = (Arc::<Store>::default(), Arc::<Server>::default());
    let dying = replica(&store, &server, amounts);
    let mut all = JoinSet::new();
    calls(&mut all, &dying, 1000, MS);
    tokio::time::sleep(5 * SECOND).await;
    all.shutdown().await;
    drop(dying);
    let other = replica(&store, &server, amounts);
    let start = Instant::now();
    other.run(post()).await.unwrap();
    // At most the second that it had taken ahead, twice: what was used and what was next.
    assert!(start.elapsed() < 2 * SECOND + 10 * MS, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_one_replica_is_told_holds_for_all() {
    let (store, server) = (Arc::<Store>::default(), Arc::<Server>::default());
    let refused = super::Peer::new(vec![super::refusal(429, &[("retry-after", "9")]), super::ok()]);
    let amounts = per_minute(600);
    let one = Pipeline::new(vec![layer(&store, amounts, OnStoreFailure::Local)], refused);
    let other = replica(&store, &server, amounts);
    assert!(one.run(post()).await.is_err());
    // The next question tells of it.
    let (mine, theirs) = tokio::join!(waited(&one, post()), async {
        tokio::time::sleep(10 * MS).await;
        waited(&other, post()).await
    });
    assert_eq!(mine, 9);
    assert_eq!(theirs, 0, "before anybody has asked the store again it cannot know");
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_away_each_policy_does_what_it_says() {
    for silent in [false, true] {
        for (policy, expected) in [
            (OnStoreFailure::Open, [true; 4]),
            (OnStoreFailure::Closed, [false; 4]),
            (OnStoreFailure::Local, [true, true, false, false]),
        ] {
            let (store, server) = (Arc::<Store>::default(), Arc::<Server>::default());
            store.away.store(!silent, SeqCst);
            store.silent.store(silent, SeqCst);
            let layer = layer(&store, per_minute(20), policy);
            let onion = Pipeline::new(
                vec![Arc::clone(&layer) as Arc<dyn Middleware>],
                Arc::clone(&server) as Arc<dyn Endpoint>,
            );
            let mut passed = Vec::new();
            for _ in 0..4 {
                // A store that says nothing is waited for by the first alone.
                let call = tokio::time::timeout(1100 * MS, onion.run(post())).await;
                if let Ok(Err(error)) = &call {
                    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Store, 0));
                }
                passed.push(matches!(call, Ok(Ok(_))));
            }
            assert_eq!(passed, expected, "{policy:?}");
            assert!(layer.store_failures() > 0);
            store.away.store(false, SeqCst);
            store.silent.store(false, SeqCst);
            tokio::time::sleep(3 * SECOND).await;
            let _ = onion.run(post()).await;
            tokio::time::sleep(10 * MS).await;
            let before = layer.store_failures();
            assert!(onion.run(post()).await.is_ok(), "it is back");
            assert_eq!(layer.store_failures(), before);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_is_told_once_each_time_that_the_store_goes() {
    let (store, server) = (Arc::<Store>::default(), Arc::<Server>::default());
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    let sink = move |line: String| kept.lock().unwrap().push(line);
    let logger: Arc<dyn Middleware> = Arc::new(Logger::new(LoggerOptions::default(), Arc::new(sink)));
    let layers = vec![logger, layer(&store, per_minute(60_000), OnStoreFailure::Open)];
    let onion = Pipeline::new(layers, server);
    for away in [true, false, true] {
        store.away.store(away, SeqCst);
        for _ in 0..200 {
            onion.run(post()).await.unwrap();
            tokio::time::sleep(20 * MS).await;
        }
    }
    let lines = lines.lock().unwrap();
    let warnings: Vec<&String> = lines.iter().filter(|line| line.contains(r#""level":40"#)).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    let said = "rateLimit(): the store is away, all calls pass until it is back: it is away";
    assert!(warnings[0].contains(said), "{}", warnings[0]);
}
