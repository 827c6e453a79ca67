//! Limits in Redis: what its script gives is what memory gives, and what replicas do together. Always a real server.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use tokio::{task::JoinSet, time::Instant};
use trae_native::{
    Result,
    body::Body,
    middleware::rate_limit::{Amounts, LEASE, OnStoreFailure, RateLimit, RateLimitOptions, SharedOptions},
    pipeline::{BoxFuture, Endpoint, Middleware, Pipeline},
    request::Request,
    response::Response,
    store::{
        Buckets, MemoryBuckets, Redis, Script, Shared, SharedBuckets,
        buckets::{Ask, Part},
        gcra::{Left, Rate},
        redis::RedisOptions,
    },
};

use crate::{
    middleware::{answer, post},
    support::redis::{Cluster, Server},
};

const SECOND: Duration = Duration::from_secs(1);

fn store(urls: Vec<String>) -> Arc<dyn Shared> {
    Arc::new(Redis::new(&RedisOptions { urls, timeout: 5 * SECOND, ..RedisOptions::default() }).unwrap())
}

fn part(name: &str, need: u64, want: u64) -> Part {
    let rate = Rate { limit: 100, interval: 10 * SECOND, burst: 20 };
    Part { name: name.to_owned(), rate, need, want, owed: 0, left: None }
}

/// Questions of every kind, each of two buckets.
fn questions() -> Vec<Ask> {
    let left = |amount, back_in| Some(Left { amount, back_in });
    let ask = |first: Part, second: Part| Ask { parts: vec![first, second], pause: Duration::ZERO };
    vec![
        ask(part("a", 1, 1), part("b", 3, 30)),
        ask(part("a", 1, 40), part("b", 0, 0)),
        ask(Part { owed: -15, ..part("a", 1, 1) }, Part { owed: 7, ..part("b", 1, 1) }),
        ask(Part { left: left(0, None), ..part("c", 1, 2) }, part("a", 1, 1)),
        ask(Part { left: left(0, Some(500_000_000)), ..part("d", 1, 2) }, part("d2", 50, 60)),
        Ask { pause: 3 * SECOND, ..ask(part("d", 1, 1), part("e", 1, 1)) },
        ask(part("f", 0, 0), part("e", 1, 1)),
    ]
}

#[tokio::test]
async fn redis_gives_what_memory_gives() {
    let Some(server) = Server::start() else { return };
    let (shared, memory) = (SharedBuckets::new(store(vec![server.url()])), MemoryBuckets::default());
    // A bucket that is full has been so for long: both begin with that.
    for ask in questions() {
        let (theirs, ours) = tokio::join!(shared.take("key", &ask), memory.take("key", &ask));
        let (theirs, ours) = (theirs.unwrap(), ours.unwrap());
        for (theirs, ours) in [(theirs.opens, ours.opens), (theirs.full, ours.full)] {
            assert!(theirs.abs_diff(ours) < Duration::from_millis(200), "{theirs:?} and {ours:?}: {ask:?}");
        }
    }
    let left: u64 = server.cli(&["pttl", "trae:key"]).trim().parse().unwrap();
    assert!((1000..20_000).contains(&left), "the key goes by itself: {left} ms");
}

#[tokio::test]
async fn a_server_that_has_forgotten_the_script_is_told_again_and_a_slot_may_move() {
    let Some(nodes) = Cluster::start() else { return };
    let shared = SharedBuckets::new(store(nodes.urls()));
    // So slow that it is not full again before it has moved.
    let mut slow = part("a", 1, 20);
    slow.rate.interval = 1000 * SECOND;
    let ask = Ask { parts: vec![slow], pause: Duration::ZERO };
    assert_eq!(shared.take("key", &ask).await.unwrap().full, Duration::ZERO);
    for node in &nodes.nodes {
        node.cli(&["script", "flush"]);
    }
    let slot = nodes.nodes[0].cli(&["cluster", "keyslot", "trae:key"]);
    nodes.move_slot(slot.trim().parse().unwrap());
    assert!(shared.take("key", &ask).await.unwrap().full > SECOND, "it knows what was taken before");
}

/// Answers at once, and knows when calls came.
#[derive(Default)]
struct Upstream(Mutex<Vec<Instant>>);

impl Endpoint for Upstream {
    fn call(&self, _: Request) -> BoxFuture<'_, Result<Response>> {
        self.0.lock().unwrap().push(Instant::now());
        Box::pin(async { Ok(answer(200, Body::Full(Bytes::from_static(b"ok")))) })
    }
}

fn replica(server: &Server, upstream: &Arc<Upstream>, amounts: Amounts) -> (Pipeline, Arc<RateLimit>) {
    let buckets = Arc::new(SharedBuckets::new(store(vec![server.url()])));
    let shared = SharedOptions { buckets, on_failure: OnStoreFailure::Local, lease: LEASE / 4 };
    let limits = vec![amounts];
    let layer = Arc::new(RateLimit::new(RateLimitOptions {
        limits,
        shared: Some(shared),
        ..RateLimitOptions::default()
    }));
    (
        Pipeline::new(
            vec![Arc::clone(&layer) as Arc<dyn Middleware>],
            Arc::clone(upstream) as Arc<dyn Endpoint>,
        ),
        layer,
    )
}

#[tokio::test]
async fn four_replicas_hold_a_limit_through_one_redis_also_when_it_is_killed_in_mid_run() {
    static COUNT: Script = Script::repeatable("return redis.call('INFO', 'commandstats')");
    let Some(mut server) = Server::start() else { return };
    // A minute in two seconds.
    let amounts = Amounts { requests: Some(600), interval: 2 * SECOND, burst: 0.01, ..Amounts::default() };
    let upstream = Arc::<Upstream>::default();
    let replicas: Vec<_> = (0..4).map(|_| replica(&server, &upstream, amounts)).collect();
    let start = Instant::now();
    let mut all = JoinSet::new();
    for (onion, _) in &replicas {
        for _ in 0..50 {
            let onion = onion.clone();
            all.spawn(async move {
                while start.elapsed() < 4 * SECOND {
                    onion.run(post()).await.unwrap();
                }
            });
        }
    }
    all.join_all().await;
    let sent = upstream.0.lock().unwrap().clone();
    let second = |at: &&Instant| (2 * SECOND..4 * SECOND).contains(&(**at - start));
    let count = sent.iter().filter(second).count();
    // Processes of a machine that is busy may be late, never early: nothing was passed beyond the schedule.
    assert!(count <= 620, "{count} of 600");
    let said = store(vec![server.url()]).invoke(&COUNT, &["x"], &[]).await.unwrap();
    let said = said.text().unwrap_or_default().to_owned();
    let calls = |name: &str| -> usize {
        let line =
            said.lines().find(|line| line.starts_with(&format!("cmdstat_{name}:calls="))).unwrap_or("=0,");
        line.split(['=', ',']).nth(1).and_then(|count| count.parse().ok()).unwrap_or_default()
    };
    let questions = calls("evalsha") + calls("eval");
    assert!(questions * 10 < sent.len(), "{questions} questions for {} calls", sent.len());
    assert!(!server.cli(&["keys", "*"]).contains("api.test"), "keys tell nothing");

    server.kill();
    for (onion, layer) in &replicas {
        for _ in 0..60 {
            assert!(onion.run(post()).await.is_ok(), "each by itself");
        }
        assert!(layer.store_failures() > 0);
    }
    server.restart();
    let (onion, layer) = &replicas[0];
    let until = Instant::now();
    loop {
        let before = layer.store_failures();
        tokio::time::sleep(Duration::from_millis(1200)).await;
        onion.run(post()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        if server.cli(&["keys", "*"]).contains("rate-limit") && layer.store_failures() == before {
            break;
        }
        assert!(until.elapsed() < 20 * SECOND, "it is asked again");
    }
}
