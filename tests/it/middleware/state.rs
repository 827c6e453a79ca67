//! All state that calls share, at once: random pipelines and random histories of calls, aborts, failures and silence, on
//! paused time. Whatever happens, each call settles once, no permit is lost, no limit is exceeded, and what is given
//! was answered to its end to whoever asks.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, StatusCode};
use proptest::prelude::*;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    claude::{describe, events_of},
    client::middleware,
    pipeline::{BoxFuture, Endpoint, Middleware, Next, Pipeline},
    request::Request,
    response::{Cached, Response},
};

use super::{
    SECOND, answer,
    cache::{MESSAGE, asks, content, having, json as whole},
};

/// So many may be under way, of each tenant so many may pass in a second, and so many at once.
const PLACES: usize = 3;
const RATE: u32 = 2;
const BURST: u32 = 4;
/// Longer than this nobody waits for a server that says nothing.
const PATIENCE: Duration = Duration::from_secs(900);

/// What the server does with its next call.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Answers,
    Breaks,
    Fails,
    Overloaded,
    Limited,
    Silent,
    /// In the middle of what it answers.
    Cuts,
}

#[derive(Debug, Clone)]
struct Step {
    after: u64,
    question: u8,
    tenant: usize,
    stream: bool,
    leaves_after: Option<u64>,
    /// Reads so many batches of a stream, and drops it.
    reads: Option<usize>,
}

#[derive(Default)]
struct World {
    deeds: Vec<(Deed, u64)>,
    calls: AtomicUsize,
    inside: AtomicUsize,
    most: AtomicUsize,
    /// Whose call the rate has let pass, and when.
    came: Mutex<Vec<(usize, Instant)>>,
    /// What was answered to its end.
    complete: Mutex<Vec<String>>,
    /// From now on all goes well, and takes a second.
    healed: AtomicUsize,
}

/// A call that the server has.
struct Inside(Arc<World>);

impl Inside {
    fn enter(world: &Arc<World>) -> Self {
        let inside = world.inside.fetch_add(1, Ordering::SeqCst) + 1;
        world.most.fetch_max(inside, Ordering::SeqCst);
        Self(Arc::clone(world))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Server(Arc<World>);

impl Endpoint for Server {
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        let world = Arc::clone(&self.0);
        Box::pin(async move {
            let inside = Inside::enter(&world);
            let number = world.calls.fetch_add(1, Ordering::SeqCst);
            let (mut deed, mut takes) = world.deeds[number % world.deeds.len()];
            if world.healed.load(Ordering::SeqCst) == 1 {
                (deed, takes) = (Deed::Answers, 1000);
            }
            let Body::Full(body) = &req.body else { unreachable!("all calls have one") };
            let asked: serde_json::Value = serde_json::from_slice(body).unwrap();
            let tenant = usize::from(req.headers["x-api-key"] == "t1");
            let serial = format!("q{} t{tenant} #{number}.", asked["q"]);
            sleep(Duration::from_millis(takes)).await;
            let refused = |status, headers: &HeaderMap| {
                Err(describe(StatusCode::from_u16(status).unwrap(), headers, Bytes::new()))
            };
            match deed {
                Deed::Fails => return Err(Error::new(ErrorKind::Reset, Phase::FirstByte, "it broke")),
                Deed::Breaks => return refused(500, &HeaderMap::new()),
                Deed::Overloaded => return refused(529, &HeaderMap::new()),
                Deed::Limited => {
                    let headers =
                        [(http::header::RETRY_AFTER, HeaderValue::from_static("1"))].into_iter().collect();
                    return refused(429, &headers);
                }
                Deed::Silent => std::future::pending().await,
                Deed::Answers | Deed::Cuts => {}
            }
            let message = MESSAGE.replace("Hi there", &serial);
            if asked["stream"] == true {
                return Ok(streamed(world, inside, &message, serial, matches!(deed, Deed::Cuts)));
            }
            if matches!(deed, Deed::Cuts) {
                return Err(Error::new(ErrorKind::Incomplete, Phase::Body, "it was cut"));
            }
            world.complete.lock().unwrap().push(serial);
            Ok(whole(message))
        })
    }
}

/// Stands right behind the rate: further in, calls may wait for a place, and then arrive together.
struct Seen(Arc<World>);

impl Middleware for Seen {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        let tenant = usize::from(req.headers["x-api-key"] == "t1");
        self.0.came.lock().unwrap().push((tenant, Instant::now()));
        next.run(req)
    }
}

fn streamed(world: Arc<World>, inside: Inside, message: &str, serial: String, cut: bool) -> Response {
    let events = events_of(message).unwrap();
    let (last, held) = (events.len() - 1, Arc::new((world, inside, serial)));
    let events = events.into_iter().enumerate().map(move |(at, event)| (at, event, Arc::clone(&held)));
    answer(
        200,
        Body::Events(Box::pin(stream::iter(events).then(move |(at, event, held)| async move {
            sleep(Duration::from_millis(200)).await;
            if at == 3 && cut {
                return Err(Error::new(ErrorKind::Reset, Phase::Body, "it was cut"));
            }
            if at == last {
                held.0.complete.lock().unwrap().push(held.2.clone());
            }
            Ok(vec![event])
        }))),
    )
}

/// The outermost first; each is there or not.
fn pipeline(world: &Arc<World>, drawn: u8) -> (Pipeline, [bool; 2]) {
    let limit = json!({
        "requests": RATE * 60, "interval": 60_000, "burst": f64::from(BURST) / f64::from(RATE * 60),
        "per": "credential", "adapt": drawn & 32 != 0,
    });
    let all = [
        (1, "cache", json!({ "ttl": 20_000, "staleIfError": 5_000 })),
        (2, "retry", json!({ "maxRetries": 2, "base": 100, "budget": false })),
        (4, "hedge", json!({ "delay": 700 })),
        (8, "circuitBreaker", json!({ "minCalls": 4, "window": 5_000, "open": 1_000 })),
        (64, "rateLimit", limit),
        (128, "concurrency", json!({ "limit": PLACES, "queueLimit": 1000 })),
    ];
    let mut layers: Vec<Arc<dyn Middleware>> = Vec::new();
    for (_, name, options) in all.into_iter().filter(|(bit, ..)| drawn & bit != 0) {
        layers.push(middleware(name, options).unwrap());
        if name == "rateLimit" {
            layers.push(Arc::new(Seen(Arc::clone(world))));
        }
    }
    let onion = Pipeline::new(layers, Arc::new(Server(Arc::clone(world))));
    (onion, [drawn & 64 != 0, drawn & 128 != 0])
}

async fn call(onion: Pipeline, world: Arc<World>, step: Step) {
    let stream = if step.stream { r#","stream":true"# } else { "" };
    let req = having(
        asks(&format!(r#"{{"q":{}{stream}}}"#, step.question)),
        &[("x-api-key", ["t0", "t1"][step.tenant])],
    );
    let run = async {
        let res = onion.run(req).await?;
        let cached = res.extensions.get::<Cached>().copied();
        if let (Body::Events(_), Some(reads)) = (&res.body, step.reads) {
            let Body::Events(mut events) = res.body else { unreachable!() };
            let mut left = reads;
            while left > 0 && events.next().await.is_some() {
                left -= 1;
            }
            return Ok(None);
        }
        Ok::<_, Error>(Some((cached, content(res.body).await?)))
    };
    let leaves = step.leaves_after.map_or(PATIENCE, Duration::from_millis);
    let Ok(Ok(Some((cached, text)))) = timeout(leaves, run).await else { return };
    let complete = world.complete.lock().unwrap();
    let whose = format!("q{} t{} #", step.question, step.tenant);
    let found = complete.iter().find(|serial| text.contains(serial.as_str()));
    assert!(found.is_some(), "{step:?} {cached:?}: never answered to its end: {text}");
    assert!(found.is_some_and(|found| found.starts_with(&whose)), "{step:?} was given {found:?}");
}

async fn history(drawn: u8, deeds: Vec<(Deed, u64)>, steps: Vec<Step>) {
    let world = Arc::new(World { deeds, ..World::default() });
    let (onion, [rated, bounded]) = pipeline(&world, drawn);
    let mut running = Vec::new();
    for step in steps {
        sleep(Duration::from_millis(step.after)).await;
        running.push(tokio::spawn(call(onion.clone(), Arc::clone(&world), step)));
    }
    for call in running {
        let settled = timeout(4 * PATIENCE, call).await;
        assert!(settled.is_ok(), "a call never settles");
        settled.unwrap().unwrap();
    }
    // What others have asked for in the background, a circuit and a bucket all come to rest.
    sleep(4 * PATIENCE).await;
    assert_eq!(world.inside.load(Ordering::SeqCst), 0, "nobody asks any more");
    let came = std::mem::take(&mut *world.came.lock().unwrap());
    if rated {
        for tenant in 0..2 {
            let times: Vec<Instant> =
                came.iter().filter(|(whose, _)| *whose == tenant).map(|one| one.1).collect();
            for (first, from) in times.iter().enumerate() {
                for (last, to) in times.iter().enumerate().skip(first) {
                    let most = f64::from(BURST) + (*to - *from).as_secs_f64() * f64::from(RATE) + 1e-6;
                    let passed = u32::try_from(last - first + 1).unwrap();
                    assert!(f64::from(passed) <= most, "{passed} passed in {:?}", *to - *from);
                }
            }
        }
    }
    if !bounded {
        return;
    }
    assert!(world.most.load(Ordering::SeqCst) <= PLACES, "{:?} were under way", world.most);
    whole_again(&onion, &world).await;
}

/// All places are there: as many calls are under way at once as may be.
async fn whole_again(onion: &Pipeline, world: &Arc<World>) {
    world.healed.store(1, Ordering::SeqCst);
    for question in 100..110 {
        let req = having(asks(&format!(r#"{{"q":{question}}}"#)), &[("x-api-key", "t0")]);
        let _trial = onion.run(req).await;
        sleep(10 * SECOND).await;
    }
    sleep(4 * PATIENCE).await;
    world.most.store(0, Ordering::SeqCst);
    let calls = (0..PLACES).map(|place| {
        let onion = onion.clone();
        let req = having(asks(&format!(r#"{{"q":{}}}"#, 200 + place)), &[("x-api-key", "t0")]);
        tokio::spawn(async move { onion.run(req).await.map(drop) })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(world.most.load(Ordering::SeqCst), PLACES, "a permit was lost");
}

fn deeds() -> impl Strategy<Value = Vec<(Deed, u64)>> {
    let deed = prop_oneof![
        6 => Just(Deed::Answers),
        1 => Just(Deed::Breaks),
        1 => Just(Deed::Fails),
        1 => Just(Deed::Overloaded),
        1 => Just(Deed::Limited),
        1 => Just(Deed::Silent),
        1 => Just(Deed::Cuts),
    ];
    prop::collection::vec((deed, 0..2000_u64), 1..12)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        prop_oneof![2 => Just(0), 3 => 0..1500_u64, 1 => 0..20_000_u64],
        0..3_u8,
        0..2_usize,
        any::<bool>(),
        prop::option::weighted(0.3, 0..4000_u64),
        prop::option::weighted(0.2, 0..4_usize),
    )
        .prop_map(|(after, question, tenant, stream, leaves_after, reads)| Step {
            after,
            question,
            tenant,
            stream,
            leaves_after,
            reads,
        });
    prop::collection::vec(step, 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_each_call_settles_no_permit_is_lost_and_no_limit_is_exceeded(
        drawn in any::<u8>(), deeds in deeds(), steps in steps()
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(history(drawn, deeds, steps));
    }
}
