//! Many who ask the same: one flight for all, whoever leaves.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, future::join_all};
use tokio::time::{sleep, timeout};
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    middleware::cache::Mode,
    pipeline::{BoxFuture, Middleware, Next},
    request::{Deadline, Request},
    response::{Cached, Response},
};

use super::{
    super::{MS, Peer, SECOND, after, answer, events, never, now, onion, with},
    around, asks, cache, content, given, having, message, mode, post, saying, steps,
    streams::{BEGIN, DELTA, END, PIECE, START, STOP, streams},
    whole,
};

#[tokio::test(start_paused = true)]
async fn a_hundred_who_ask_the_same_ask_once() {
    let cache = cache(|_| {});
    let (onion, peer) = around(&cache, vec![after(SECOND, Ok(whole("a")))]);
    let all = join_all((0..100).map(|_| onion.run(post()))).await;
    let mut shared = 0;
    for outcome in all {
        let (cached, content) = given(outcome).await;
        assert_eq!(content, message("a"));
        shared += u32::from(cached == Cached::Shared);
    }
    assert_eq!((peer.count(), shared), (1, 99));
    let stats = cache.stats();
    assert_eq!((stats.misses, stats.shared, stats.stored, stats.flights), (1, 99, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_fails_no_other_and_the_last_one_ends_it() {
    let cache = cache(|_| {});
    let (onion, peer) = around(&cache, vec![after(3 * SECOND, Ok(whole("a"))), never(), never()]);
    let first = timeout(SECOND, onion.run(post()));
    let second = async {
        sleep(500 * MS).await;
        given(onion.run(post()).await).await
    };
    let (left, second) = tokio::join!(first, second);
    assert!(left.is_err());
    assert_eq!(second, (Cached::Shared, message("a")));
    cache.clear().await.unwrap();
    let leaving = (1..4).map(|seconds| timeout(seconds * SECOND, onion.run(post())));
    assert!(join_all(leaving).await.iter().all(std::result::Result::is_err));
    assert_eq!((peer.count(), cache.stats().flights), (2, 0));
    assert!(timeout(SECOND, onion.run(post())).await.is_err());
    assert_eq!(peer.count(), 3, "it was given up with the last one");
}

fn slow() -> Body {
    events(vec![
        Ok(vec![START, BEGIN]),
        Ok(vec![PIECE]),
        Ok(vec![PIECE]),
        Ok(vec![PIECE, END]),
        Ok(vec![DELTA, STOP]),
    ])
}

#[tokio::test(start_paused = true)]
async fn who_comes_later_hears_what_has_passed_and_then_what_comes() {
    let cache = cache(|_| {});
    let (onion, peer) = around(&cache, vec![now(Ok(answer(200, slow())))]);
    let ask = async |later: Duration| {
        sleep(later).await;
        given(onion.run(streams("{\"n\":1}")).await).await
    };
    let whole_one = async {
        sleep(2500 * MS).await;
        given(onion.run(asks("{\"n\":1}")).await).await
    };
    let (a, b, c, d) = tokio::join!(ask(Duration::ZERO), ask(2500 * MS), ask(4900 * MS), whole_one);
    assert_eq!((a.0, b.0, c.0, d.0), (Cached::Miss, Cached::Shared, Cached::Shared, Cached::Shared));
    assert_eq!(a.1.lines().count(), 8);
    assert_eq!((&a.1, &a.1), (&b.1, &c.1));
    assert!(d.1.contains("HiHiHi"), "{}", d.1);
    assert_eq!(peer.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_on_for_those_who_stay_and_a_slow_one_holds_nobody_up() {
    let cache = cache(|_| {});
    let (onion, peer) = around(&cache, vec![now(Ok(answer(200, slow())))]);
    let leader = onion.run(streams("{\"n\":1}")).await.unwrap();
    let Body::Events(mut leader) = leader.body else { unreachable!() };
    let slow = onion.run(streams("{\"n\":1}")).await.unwrap();
    let fast = onion.run(streams("{\"n\":1}")).await.unwrap();
    assert!(leader.next().await.is_some());
    drop(leader);
    let text = timeout(5 * SECOND, content(fast.body)).await.unwrap().unwrap();
    assert_eq!(text.lines().count(), 8);
    assert_eq!(content(slow.body).await.unwrap(), text);
    assert_eq!((peer.count(), cache.stats().stored), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_much_to_keep_is_held_up_by_the_slowest_and_reaches_all() {
    let cache = cache(|options| options.max_entry_bytes = 1000);
    let batches = (0..50).map(|_| Ok(vec![PIECE])).chain([Ok(vec![STOP])]);
    let large = answer(200, events([Ok(vec![START])].into_iter().chain(batches).collect()));
    let (onion, _) = around(&cache, vec![now(Ok(large)), now(Ok(answer(200, slow())))]);
    let req = || streams("{\"n\":1}");
    let (fast, slow) = (onion.run(req()).await.unwrap(), onion.run(req()).await.unwrap());
    let slow = async {
        sleep(100 * SECOND).await;
        content(slow.body).await.unwrap()
    };
    let late = async {
        sleep(50 * SECOND).await;
        onion.run(req()).await.unwrap()
    };
    let (fast, slow, late) = tokio::join!(content(fast.body), slow, late);
    assert_eq!(fast.unwrap().lines().count(), 52);
    assert_eq!(slow.lines().count(), 52);
    assert_eq!(late.extensions.get(), Some(&Cached::Miss), "what has passed is no longer there");
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_servers_is_that_of_all_who_waited_and_asked_once() {
    let cache = cache(|_| {});
    let error = Error::new(ErrorKind::Status(529), Phase::FirstByte, "overloaded");
    let error = error.with_source(std::io::Error::other("why"));
    let (onion, peer) = around(&cache, vec![after(SECOND, Err(error)), now(Ok(whole("b")))]);
    let all = join_all((0..20).map(|_| onion.run(post()))).await;
    let mut attempts = 0;
    for outcome in all {
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Status(529), "overloaded"));
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "why");
        attempts += error.attempts();
    }
    assert_eq!((peer.count(), attempts), (1, 1));
    assert_eq!(given(onion.run(post()).await).await, (Cached::Miss, message("b")));
}

#[tokio::test(start_paused = true)]
async fn what_fails_by_the_leaders_own_impatience_is_asked_for_by_the_next() {
    let cache = cache(|_| {});
    let late = || Error::new(ErrorKind::Timeout, Phase::FirstByte, "too late");
    let steps = vec![after(SECOND, Err(late())), after(SECOND, Ok(whole("b"))), after(SECOND, Err(late()))];
    let (onion, peer) = around(&cache, steps);
    let patient = || with(post(), |options| options.timeouts.first_byte = Some(99 * SECOND));
    let (hasty, one, two) = tokio::join!(onion.run(post()), onion.run(patient()), onion.run(patient()));
    assert_eq!(hasty.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(given(one).await, (Cached::Miss, message("b")));
    assert_eq!(given(two).await, (Cached::Shared, message("b")));
    cache.clear().await.unwrap();
    let both = tokio::join!(onion.run(post()), onion.run(post()));
    assert!(both.0.is_err() && both.1.is_err());
    assert_eq!(peer.count(), 3, "who was as hasty fails with it");
}

/// Belongs to whoever made the call.
struct Own;

impl Middleware for Own {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        next.run(req)
    }

    fn outlives(&self) -> bool {
        false
    }
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_is_the_callers_own_goes_with_him_and_the_next_one_asks() {
    let cache = cache(|options| options.stale_while_revalidate = 60 * SECOND);
    let steps = vec![never(), after(SECOND, Ok(answer(200, slow()))), now(Ok(answer(200, slow())))];
    let peer = Peer::new(steps);
    let onion = onion(vec![Arc::clone(&cache) as Arc<dyn Middleware>, Arc::new(Own)], &peer);
    let req = || streams("{\"n\":1}");
    let first = timeout(SECOND, onion.run(req()));
    let others = join_all((0..3).map(|_| async { given(onion.run(req()).await).await }));
    let (first, others) = tokio::join!(first, others);
    assert!(first.is_err());
    assert!(others.iter().all(|(_, text)| text.lines().count() == 8));
    assert_eq!(peer.count(), 2);
    sleep(310 * SECOND).await;
    assert_eq!(
        given(onion.run(req()).await).await.0,
        Cached::Miss,
        "nobody could fetch another in the background"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_one_alone_is_asked_for_by_each() {
    let private = |text| {
        let mut res = whole(text);
        res.headers.insert("cache-control", "no-store".parse().unwrap());
        after(SECOND, Ok(res))
    };
    let cache = cache(|_| {});
    let (onion, peer) = around(&cache, vec![private("a"), private("b"), private("c")]);
    let begun = tokio::time::Instant::now();
    let all = join_all((0..3).map(|_| async { given(onion.run(post()).await).await.0 })).await;
    assert_eq!(all, [Cached::Miss; 3]);
    assert_eq!((peer.count(), begun.elapsed()), (3, 2 * SECOND), "and not one after the other");
}

#[tokio::test(start_paused = true)]
async fn how_long_the_leader_waits_is_not_how_long_the_flight_may_take() {
    struct Sees;
    impl Middleware for Sees {
        fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
            assert!(req.extensions.get::<Deadline>().is_none());
            next.run(req)
        }
    }
    let cache = cache(|_| {});
    let peer = Peer::new(steps(&["a"]));
    let onion = onion(vec![Arc::clone(&cache) as Arc<dyn Middleware>, Arc::new(Sees)], &peer);
    let mut req = post();
    req.extensions.insert(Deadline { at: std::time::Instant::now(), in_streams: false });
    given(onion.run(req).await).await;
}

#[tokio::test(start_paused = true)]
async fn two_who_ask_do_not_wait_for_each_other_and_a_write_is_its_own() {
    let cache = cache(|_| {});
    let steps = ["a", "b", "c", "d"].map(|text| after(SECOND, Ok(whole(text)))).into();
    let (onion, peer) = around(&cache, steps);
    let key = |key| having(post(), &[("x-api-key", key)]);
    let write = || saying(key("a"), mode(Mode::WriteOnly));
    let all = tokio::join!(onion.run(key("a")), onion.run(key("b")), onion.run(write()), onion.run(write()));
    let mut texts = Vec::new();
    for outcome in [all.0, all.1, all.2, all.3] {
        let (cached, text) = given(outcome).await;
        assert_eq!(cached, Cached::Miss);
        texts.push(text);
    }
    texts.dedup();
    assert_eq!((peer.count(), texts.len()), (4, 4));
}
