//! Random histories of calls, aborts, failures and expiries, on paused time: whatever happens, each call settles once,
//! nothing incomplete is kept, no two tenants share, and what comes out of the cache is what was answered.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use proptest::prelude::*;
use tokio::time::{Instant, sleep, timeout};
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    claude::events_of,
    middleware::cache::{Cache, CacheOptions, CacheOverride, Mode, Own, Store},
    pipeline::{BoxFuture, Endpoint, Middleware, Pipeline},
    request::Request,
    response::{Cached, Response},
    store,
};

use super::{super::answer, MESSAGE, asks, content, having, json, saying};

const TTL: Duration = Duration::from_secs(10);
const GRACE: Duration = Duration::from_secs(5);

/// What the server does with its next call.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Answers,
    Fails,
    /// In the middle of what it answers.
    Breaks,
    Refuses,
    NoStore,
}

/// A call that somebody makes.
#[derive(Debug, Clone)]
struct Step {
    /// After the call before.
    after: u64,
    question: u8,
    tenant: u8,
    stream: bool,
    leaves_after: Option<u64>,
    mode: Mode,
    replica: bool,
}

#[derive(Default)]
struct World {
    deeds: Vec<(Deed, u64)>,
    calls: Mutex<usize>,
    /// Those that were answered to their end, and when.
    complete: Mutex<Vec<(String, Instant)>>,
}

impl World {
    fn done(&self, serial: &str) {
        self.complete.lock().unwrap().push((serial.to_owned(), Instant::now()));
    }
}

struct Server(Arc<World>);

impl Endpoint for Server {
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        let world = Arc::clone(&self.0);
        Box::pin(async move {
            let number = {
                let mut calls = world.calls.lock().unwrap();
                *calls += 1;
                *calls
            };
            let (deed, takes) = world.deeds[number % world.deeds.len()];
            let Body::Full(body) = &req.body else { unreachable!("all calls have one") };
            let asked: serde_json::Value = serde_json::from_slice(body).unwrap();
            let tenant = req.headers["x-api-key"].to_str().unwrap();
            let serial = format!("q{} {tenant} #{number}.", asked["q"]);
            sleep(Duration::from_millis(takes)).await;
            match deed {
                Deed::Fails => return Err(Error::new(ErrorKind::Reset, Phase::FirstByte, "it broke")),
                Deed::Refuses => return Err(Error::new(ErrorKind::Status(400), Phase::FirstByte, "no")),
                Deed::Answers | Deed::Breaks | Deed::NoStore => {}
            }
            let message = MESSAGE.replace("Hi there", &serial);
            let mut res = if asked["stream"] == true {
                let events = events_of(&message).unwrap();
                let last = events.len() - 1;
                let events =
                    events.into_iter().enumerate().map(move |(at, event)| (at, event, serial.clone()));
                answer(
                    200,
                    Body::Events(Box::pin(stream::iter(events).then(move |(at, event, serial)| {
                        let world = Arc::clone(&world);
                        async move {
                            sleep(Duration::from_millis(takes / 2)).await;
                            if at == 3 && matches!(deed, Deed::Breaks) {
                                return Err(Error::new(ErrorKind::Reset, Phase::Body, "it broke"));
                            }
                            if at == last {
                                world.done(&serial);
                            }
                            Ok(vec![event])
                        }
                    }))),
                )
            } else if matches!(deed, Deed::Breaks) {
                json(message[..40].to_owned())
            } else {
                world.done(&serial);
                json(message)
            };
            if matches!(deed, Deed::NoStore) {
                res.headers.insert("cache-control", "no-store".parse().unwrap());
            }
            Ok(res)
        })
    }
}

fn deeds() -> impl Strategy<Value = Vec<(Deed, u64)>> {
    let deed = prop_oneof![
        5 => Just(Deed::Answers),
        2 => Just(Deed::Fails),
        2 => Just(Deed::Breaks),
        1 => Just(Deed::Refuses),
        1 => Just(Deed::NoStore),
    ];
    prop::collection::vec((deed, 0..3000_u64), 1..12)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let mode = prop_oneof![
        8 => Just(Mode::Both), 1 => Just(Mode::ReadOnly), 1 => Just(Mode::WriteOnly), 1 => Just(Mode::Refresh)
    ];
    let step = (
        0..4000_u64,
        0..2_u8,
        0..2_u8,
        any::<bool>(),
        prop::option::weighted(0.3, 0..3000_u64),
        mode,
        any::<bool>(),
    )
        .prop_map(|(after, question, tenant, stream, leaves_after, mode, replica)| Step {
            after,
            question,
            tenant,
            stream,
            leaves_after,
            mode,
            replica,
        });
    prop::collection::vec(step, 1..40)
}

/// Makes a call and holds its outcome to what must be so.
async fn call(onion: Pipeline, world: Arc<World>, step: Step) -> Option<Cached> {
    let stream = if step.stream { r#","stream":true"# } else { "" };
    let req = having(
        asks(&format!(r#"{{"q":{}{stream}}}"#, step.question)),
        &[("x-api-key", if step.tenant == 0 { "t0" } else { "t1" })],
    );
    let req = saying(req, CacheOverride::Own(Own { mode: step.mode, ..Own::default() }));
    let run = async {
        let res = onion.run(req).await?;
        let cached = *res.extensions.get::<Cached>().unwrap();
        Ok::<_, Error>((cached, Instant::now(), content(res.body).await?))
    };
    let leaves = Duration::from_millis(step.leaves_after.unwrap_or(1_000_000));
    let outcome = timeout(leaves, run).await;
    assert!(outcome.is_ok() || step.leaves_after.is_some(), "{step:?} never settles");
    let (cached, at, text) = outcome.ok()?.ok()?;
    let complete = world.complete.lock().unwrap();
    let whose = format!("q{} t{} #", step.question, step.tenant);
    let found = complete.iter().find(|(serial, _)| text.contains(serial.as_str()));
    match found {
        Some((serial, since)) => {
            assert!(serial.starts_with(&whose), "{step:?} was given {serial}");
            if matches!(cached, Cached::Hit | Cached::Stale) {
                let longest = TTL + if cached == Cached::Stale { GRACE } else { Duration::ZERO };
                assert!(
                    at.saturating_duration_since(*since) < longest,
                    "{step:?} was given {serial}, too old"
                );
            }
        }
        None => assert!(
            !matches!(cached, Cached::Hit | Cached::Stale),
            "{step:?}: what was never answered to its end came out of the cache: {text}"
        ),
    }
    Some(cached)
}

async fn history(deeds: Vec<(Deed, u64)>, steps: Vec<Step>) {
    let world = Arc::new(World { deeds, ..World::default() });
    let shared = Arc::new(store::Memory::new(1 << 20));
    let replica = || {
        let store = Store::new(Arc::clone(&shared) as _, Some(Arc::clone(&shared) as _));
        Arc::new(Cache::new(CacheOptions {
            ttl: TTL,
            stale_while_revalidate: Duration::from_secs(3),
            stale_if_error: GRACE,
            store: Some(store),
            ..CacheOptions::default()
        }))
    };
    let caches = [replica(), replica()];
    let onions = caches
        .clone()
        .map(|cache| Pipeline::new(vec![cache as Arc<dyn Middleware>], Arc::new(Server(Arc::clone(&world)))));
    let mut running = Vec::new();
    for step in steps {
        sleep(Duration::from_millis(step.after)).await;
        let onion = onions[usize::from(step.replica)].clone();
        running.push(tokio::spawn(call(onion, Arc::clone(&world), step)));
    }
    for call in running {
        call.await.unwrap();
    }
    // What is fetched in the background ends too.
    sleep(Duration::from_secs(3600)).await;
    for cache in &caches {
        assert_eq!(cache.stats().flights, 0, "{:?}", cache.stats());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_each_call_settles_and_nothing_is_given_that_was_not_answered_to_who_asks(
        deeds in deeds(), steps in steps()
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(history(deeds, steps));
    }
}
