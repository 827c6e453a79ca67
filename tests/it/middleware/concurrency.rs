//! `concurrency`: how many are under way, whatever becomes of them, and where an adaptive limit comes to rest.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::StreamExt;
use proptest::prelude::*;
use tokio::task::JoinSet;
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::{Body, collect},
    middleware::concurrency::{Adaptive, Ceiling, Concurrency, ConcurrencyOptions},
    pipeline::{BoxFuture, Endpoint, Middleware, Pipeline},
    queue::{Priority, QueueOptions},
    request::Request,
    response::Response,
};

use super::{MS, Peer, SECOND, answer, bytes, events, failure, never, now, ok, onion, post, read};

fn fixed(limit: u64) -> Arc<Concurrency> {
    Arc::new(Concurrency::new(ConcurrencyOptions {
        limit: Ceiling::Fixed(limit),
        ..ConcurrencyOptions::default()
    }))
}

/// A server that can do so many at once, and says so to the others.
struct Server {
    capacity: AtomicU64,
    inside: AtomicU64,
    most: AtomicU64,
    refused: AtomicU64,
    time: Duration,
}

impl Server {
    fn new(capacity: u64, time: Duration) -> Arc<Self> {
        let [inside, most, refused] = Default::default();
        Arc::new(Self { capacity: AtomicU64::new(capacity), inside, most, refused, time })
    }
}

/// Counts a call as inside until it is dropped.
struct Inside<'a>(&'a Server);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, SeqCst);
    }
}

impl Endpoint for Server {
    fn call(&self, _: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async {
            let inside = self.inside.fetch_add(1, SeqCst) + 1;
            let _inside = Inside(self);
            self.most.fetch_max(inside, SeqCst);
            if inside > self.capacity.load(SeqCst) {
                self.refused.fetch_add(1, SeqCst);
                tokio::time::sleep(10 * MS).await;
                return Err(Error::new(ErrorKind::Status(529), Phase::FirstByte, "it is overloaded"));
            }
            tokio::time::sleep(self.time).await;
            Ok(answer(200, Body::Full("ok".into())))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_is_held_until_the_answer_has_ended_and_no_longer() {
    let layer = fixed(1);
    let peer = Peer::new(vec![
        now(Ok(answer(200, events(vec![Ok(vec!["{}"]), Ok(vec!["{}"])])))),
        now(Ok(answer(200, bytes(vec![Ok("a"), Ok("b")])))),
        now(Ok(answer(200, events(vec![Ok(vec!["{}"]), Ok(vec!["{}"])])))),
        failure(ErrorKind::Reset, Phase::Body),
        never(),
        ok(),
    ]);
    let onion = onion(vec![Arc::clone(&layer) as Arc<dyn Middleware>], &peer);
    let stream = onion.run(post()).await.unwrap();
    assert_eq!(layer.read(), (1, 1));
    read(stream).await;
    assert_eq!(layer.read(), (1, 0), "a stream that was read");
    let whole = onion.run(post()).await.unwrap();
    assert_eq!(layer.read(), (1, 1));
    collect(whole.body, 1 << 20, None).await.unwrap();
    assert_eq!(layer.read(), (1, 0), "a body that was read");
    let Body::Events(mut left) = onion.run(post()).await.unwrap().body else { unreachable!("a stream") };
    assert!(left.next().await.is_some());
    drop(left);
    assert_eq!(layer.read(), (1, 0), "a stream that was left");
    assert!(onion.run(post()).await.is_err());
    assert_eq!(layer.read(), (1, 0), "a failure");
    assert!(tokio::time::timeout(SECOND, onion.run(post())).await.is_err());
    assert_eq!(layer.read(), (1, 0), "a call that was given up");
    let kept = onion.run(post()).await.unwrap();
    assert_eq!(layer.read(), (1, 0), "an answer that is whole is over");
    drop(kept);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_go_by_their_priority_and_say_how_long_they_waited() {
    let server = Server::new(100, SECOND);
    let onion = Pipeline::new(vec![fixed(1)], server);
    let (order, mut all) = (Arc::new(Mutex::new(Vec::new())), JoinSet::new());
    for (name, priority) in [("first", None), ("second", None), ("high", Some(Priority::HIGH))] {
        let (onion, order) = (onion.clone(), Arc::clone(&order));
        all.spawn(async move {
            let mut req = post();
            req.extensions.insert(priority.unwrap_or(Priority::NORMAL));
            let res = onion.run(req).await.unwrap();
            order.lock().unwrap().push((name, res.timing.queued.as_secs(), res.timing.held.as_secs()));
        });
        tokio::time::sleep(MS).await;
    }
    all.join_all().await;
    let order = order.lock().unwrap();
    assert_eq!(order.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), ["first", "high", "second"]);
    assert!(order.iter().all(|(_, queued, held)| queued == held));
    assert_eq!(order[0].1, 0);
}

/// So many callers, who all call again at once, for a time.
async fn load(onion: &Pipeline, callers: usize, time: Duration) {
    let mut all = JoinSet::new();
    for _ in 0..callers {
        let onion = onion.clone();
        all.spawn(async move {
            let calls = async {
                loop {
                    let _ = onion.run(post()).await;
                }
            };
            let () = tokio::time::timeout(time, calls).await.unwrap_or_default();
        });
    }
    all.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_limit_finds_what_the_server_can_do_and_follows_it() {
    for capacity in [4_u64, 40, 150] {
        let layer = Arc::new(Concurrency::new(ConcurrencyOptions::default()));
        let server = Server::new(capacity, 200 * MS);
        let onion = Pipeline::new(
            vec![Arc::clone(&layer) as Arc<dyn Middleware>],
            Arc::clone(&server) as Arc<dyn Endpoint>,
        );
        load(&onion, 300, 60 * SECOND).await;
        let (limit, under_way) = layer.read();
        assert!((capacity * 7 / 10..=capacity + 2).contains(&limit), "{limit} of {capacity}");
        assert_eq!(under_way, 0, "no place was lost");
        server.refused.store(0, SeqCst);
        load(&onion, 300, 60 * SECOND).await;
        let (refused, done) = (server.refused.load(SeqCst), capacity * 300);
        assert!(refused * 10 < done, "{refused} of {done} are refused once it has settled");
        server.capacity.store(capacity / 2, SeqCst);
        load(&onion, 300, 60 * SECOND).await;
        let (limit, _) = layer.read();
        assert!((capacity * 3 / 10..=capacity / 2 + 2).contains(&limit), "{limit} of {}", capacity / 2);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_too_late_says_that_it_was_too_much() {
    let adaptive = Adaptive { slow: Some(SECOND), initial: 8, ..Adaptive::default() };
    let options = ConcurrencyOptions { limit: Ceiling::Adaptive(adaptive), ..ConcurrencyOptions::default() };
    let layer = Arc::new(Concurrency::new(options));
    let onion = Pipeline::new(vec![Arc::clone(&layer) as Arc<dyn Middleware>], Server::new(100, 2 * SECOND));
    onion.run(post()).await.unwrap();
    assert_eq!(layer.read(), (6, 0));
}

/// One call: when it comes, when its caller gives up, and how the server takes it.
#[derive(Debug, Clone)]
struct Visit {
    comes: u64,
    leaves: u64,
    takes: u64,
    fails: bool,
    priority: i32,
}

fn visits() -> impl Strategy<Value = Vec<Visit>> {
    let visit = (0..200_u64, 1..200_u64, 0..60_u64, any::<bool>(), -3..3_i32);
    let visit = visit.prop_map(|(comes, leaves, takes, fails, priority)| Visit {
        comes,
        leaves,
        takes,
        fails,
        priority,
    });
    proptest::collection::vec(visit, 1..80)
}

/// Takes as long as the request says, and streams half of it.
#[derive(Default)]
struct Obedient {
    inside: AtomicU64,
    most: AtomicU64,
}

struct Out<'a>(&'a Obedient);

impl Drop for Out<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, SeqCst);
    }
}

impl Endpoint for Obedient {
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        let visit = req.extensions.get::<Visit>().unwrap().clone();
        Box::pin(async move {
            self.most.fetch_max(self.inside.fetch_add(1, SeqCst) + 1, SeqCst);
            let _out = Out(self);
            tokio::time::sleep(Duration::from_millis(visit.takes)).await;
            if visit.fails {
                return Err(Error::new(ErrorKind::Status(529), Phase::FirstByte, "it is overloaded"));
            }
            Ok(answer(200, events(vec![Ok(vec!["{}"])])))
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_calls_do_no_place_is_lost_no_limit_exceeded_and_each_settles_once(
        visits in visits(), limit in 1..5_u64, queue in 0..20_usize, timeout in 1..100_u64
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let layer = Arc::new(Concurrency::new(ConcurrencyOptions {
                limit: Ceiling::Fixed(limit),
                queue: QueueOptions { limit: queue, timeout: Some(Duration::from_millis(timeout)) },
                ..ConcurrencyOptions::default()
            }));
            let server = Arc::new(Obedient::default());
            let onion = Pipeline::new(vec![Arc::clone(&layer) as Arc<dyn Middleware>], Arc::clone(&server) as Arc<dyn Endpoint>);
            let settled = Arc::new(AtomicU64::new(0));
            let mut all = JoinSet::new();
            for visit in visits.clone() {
                let (onion, settled) = (onion.clone(), Arc::clone(&settled));
                all.spawn(async move {
                    tokio::time::sleep(Duration::from_millis(visit.comes)).await;
                    let mut req = post();
                    req.extensions.insert(Priority::new(visit.priority).unwrap());
                    let leaves = Duration::from_millis(visit.leaves);
                    req.extensions.insert(visit);
                    let call = async {
                        let res = onion.run(req).await?;
                        read(res).await;
                        Ok::<(), Error>(())
                    };
                    let _ = tokio::time::timeout(leaves, call).await;
                    settled.fetch_add(1, SeqCst);
                });
            }
            all.join_all().await;
            assert_eq!(settled.load(SeqCst), visits.len() as u64);
            assert_eq!(layer.read(), (limit, 0));
            assert!(server.most.load(SeqCst) <= limit);
            let decided = layer.decided();
            assert_eq!(decided.waiting, 0);
            assert!(decided.passed + decided.waited + decided.refused <= visits.len() as u64);
        });
    }
}
