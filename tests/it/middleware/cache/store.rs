//! The second level: answers that replicas share, and what happens when it is away.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::time::sleep;
use trae_native::{
    Error, ErrorKind, Phase, Result,
    middleware::cache::{Cache, CacheOptions, CacheOverride, Own, Store},
    notice::Notices,
    pipeline::{BoxFuture, Pipeline},
    response::Cached,
    store::{Entries, Leases, Memory},
};

use super::{
    super::{MS, Peer, SECOND, after, never, now, status},
    around, asks, given, having, message, post, saying, steps, whole,
};

fn replica(shared: &Arc<Memory>) -> Arc<Cache> {
    let store = Store::new(Arc::clone(shared) as _, Some(Arc::clone(shared) as _));
    let options = CacheOptions { store: Some(store), stale_if_error: 60 * SECOND, ..CacheOptions::default() };
    Arc::new(Cache::new(options))
}

fn two(steps: Vec<super::Step>) -> (Arc<Memory>, [Arc<Cache>; 2], [Pipeline; 2], Arc<Peer>) {
    let shared = Arc::new(Memory::new(1 << 24));
    let caches = [replica(&shared), replica(&shared)];
    let peer = Peer::new(steps);
    let onions = caches.clone().map(|cache| super::onion(vec![cache as _], &peer));
    (shared, caches, onions, peer)
}

#[tokio::test(start_paused = true)]
async fn what_one_replica_was_answered_is_given_by_another_for_the_rest_of_its_time() {
    let (_, caches, [one, other], peer) = two(steps(&["a", "b"]));
    given(one.run(post()).await).await;
    sleep(200 * SECOND).await;
    assert_eq!(given(other.run(post()).await).await, (Cached::Hit, message("a")));
    assert_eq!((caches[1].stats().store_hits, caches[1].stats().hits), (1, 1));
    sleep(100 * SECOND).await;
    assert_eq!(peer.count(), 1);
    assert_eq!(
        given(other.run(post()).await).await,
        (Cached::Miss, message("b")),
        "its time is over there too"
    );
}

#[tokio::test(start_paused = true)]
async fn two_replicas_that_lack_the_same_answer_ask_once() {
    let (_, _, [one, other], peer) = two(vec![after(20 * SECOND, Ok(whole("a")))]);
    let all =
        join_all((0..20).map(|call| if call % 2 == 0 { one.run(post()) } else { other.run(post()) })).await;
    for outcome in all {
        assert_eq!(given(outcome).await.1, message("a"));
    }
    assert_eq!(peer.count(), 1, "a lease lasts as long as it is renewed");
}

/// What a replica whose process died gives back of its leases.
struct Dead(Arc<Memory>);

impl Leases for Dead {
    fn acquire<'a>(&'a self, key: &'a str, token: &'a str, ttl: Duration) -> BoxFuture<'a, Result<bool>> {
        self.0.acquire(key, token, ttl)
    }

    fn release<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_dies_holding_the_lease_holds_the_other_up_for_no_longer_than_that() {
    let (shared, _, [_, other], peer) = two(vec![never(), now(Ok(whole("b")))]);
    let store = Store::new(Arc::clone(&shared) as _, Some(Arc::new(Dead(shared)) as _));
    let one = super::onion(vec![super::cache(|options| options.store = Some(store)) as _], &peer);
    let dies = tokio::time::timeout(2 * SECOND, one.run(post()));
    let begun = tokio::time::Instant::now();
    let (dead, answered) = tokio::join!(dies, async {
        sleep(MS).await;
        given(other.run(post()).await).await
    });
    assert!(dead.is_err());
    assert_eq!(answered, (Cached::Miss, message("b")));
    assert!(begun.elapsed() > 2 * SECOND, "the lease was held: {:?}", begun.elapsed());
    assert!(begun.elapsed() < 8 * SECOND, "{:?}", begun.elapsed());
    assert_eq!(peer.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_lets_the_other_ask_at_once() {
    let (_, _, [one, other], peer) = two(vec![never(), now(Ok(whole("b")))]);
    let asked = tokio::time::timeout(SECOND, one.run(post())).await;
    assert!(asked.is_err(), "it is still under way");
    sleep(MS).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(given(other.run(post()).await).await, (Cached::Miss, message("b")));
    assert!(begun.elapsed() < 100 * MS, "{:?}", begun.elapsed());
    assert_eq!(peer.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_replica_whose_call_has_failed_lets_the_other_ask_at_once() {
    let (_, _, [one, other], _) = two(vec![status(500), now(Ok(whole("b")))]);
    assert!(one.run(post()).await.is_err());
    let begun = tokio::time::Instant::now();
    assert_eq!(given(other.run(post()).await).await, (Cached::Miss, message("b")));
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_is_forgotten_in_the_store_and_no_key_can_be_read_there() {
    let (_, caches, [one, other], _) = two(steps(&["a", "b", "c"]));
    given(one.run(post()).await).await;
    let forget = saying(post(), CacheOverride::Forget(Own::default()));
    assert_eq!(other.run(forget).await.unwrap().status, 200, "it was in the store");
    assert_eq!(given(other.run(post()).await).await, (Cached::Miss, message("b")));
    caches[0].clear().await.unwrap();
    caches[1].clear().await.unwrap();
    assert_eq!(given(one.run(post()).await).await, (Cached::Miss, message("c")));
}

/// A store that is away, or has only what is broken.
struct Odd {
    holds: Option<Bytes>,
}

impl Odd {
    fn say<T>(&self, value: T) -> Result<T> {
        match self.holds {
            Some(_) => Ok(value),
            None => Err(Error::new(ErrorKind::Store, Phase::Prepare, "it is away")),
        }
    }
}

impl Entries for Odd {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>>> {
        assert!(!key.contains("secret") && !key.contains("api.test"), "{key}");
        Box::pin(async { self.say(self.holds.clone()) })
    }

    fn set<'a>(&'a self, _: &'a str, _: Bytes, _: Duration) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { self.say(()) })
    }

    fn delete<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async { self.say(true) })
    }

    fn clear<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { self.say(()) })
    }
}

impl Leases for Odd {
    fn acquire<'a>(&'a self, _: &'a str, _: &'a str, _: Duration) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async { self.say(true) })
    }

    fn release<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { self.say(()) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_or_holds_what_is_broken_fails_no_call_and_is_told_once() {
    for (holds, told) in [(None, 1), (Some("broken"), 0), (Some("TC\u{2}\u{0}12345678{}"), 0)] {
        let store = Arc::new(Odd { holds: holds.map(|text| Bytes::from_static(text.as_bytes())) });
        let store = Store::new(Arc::clone(&store) as _, Some(store as _));
        let cache = super::cache(|options| options.store = Some(store));
        let (onion, _) = around(&cache, steps(&["a", "b"]));
        let notices = Notices::default();
        for number in 0..2 {
            let mut req = having(asks(&format!("{{\"n\":{number}}}")), &[("x-api-key", "secret")]);
            req.extensions.insert(notices.clone());
            given(onion.run(req).await).await;
        }
        sleep(SECOND).await;
        let stats = cache.stats();
        assert_eq!((stats.store_errors > 0, stats.store_broken > 0), (holds.is_none(), holds.is_some()));
        let all = notices.take();
        assert_eq!(all.len(), told, "{all:?}");
        assert!(all.iter().all(|text| text.contains("its store is away")));
    }
}

/// A store that never says anything.
struct Mute;

impl Entries for Mute {
    fn get<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(std::future::pending())
    }

    fn set<'a>(&'a self, _: &'a str, _: Bytes, _: Duration) -> BoxFuture<'a, Result<()>> {
        Box::pin(std::future::pending())
    }

    fn delete<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(std::future::pending())
    }

    fn clear<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(std::future::pending())
    }
}

impl Leases for Mute {
    fn acquire<'a>(&'a self, _: &'a str, _: &'a str, _: Duration) -> BoxFuture<'a, Result<bool>> {
        Box::pin(std::future::pending())
    }

    fn release<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(std::future::pending())
    }
}

/// A store with a limit of its own, which fails each time when that has passed.
struct Slow(Duration);

impl Slow {
    async fn fails<T>(&self) -> Result<T> {
        sleep(self.0).await;
        Err(Error::new(ErrorKind::Store, Phase::Prepare, "it did not answer"))
    }
}

impl Entries for Slow {
    fn get<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(self.fails())
    }

    fn set<'a>(&'a self, _: &'a str, _: Bytes, _: Duration) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.fails())
    }

    fn delete<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.fails())
    }

    fn clear<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.fails())
    }
}

impl Leases for Slow {
    fn acquire<'a>(&'a self, _: &'a str, _: &'a str, _: Duration) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.fails())
    }

    fn release<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.fails())
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_waited_for_once_and_then_left_alone_for_a_while() {
    let (mute, slow) = (Arc::new(Mute), Arc::new(Slow(100 * MS)));
    for (store, wait) in [
        (Store::new(Arc::clone(&mute) as _, None), SECOND),
        (Store::new(Arc::clone(&mute) as _, Some(mute)), SECOND),
        (Store::new(Arc::clone(&slow) as _, Some(slow)), 100 * MS),
    ] {
        let cache = super::cache(|options| options.store = Some(store));
        let (onion, peer) = around(&cache, steps(&["a", "b", "c"]));
        let took = async |number: usize| {
            let begun = tokio::time::Instant::now();
            given(onion.run(asks(&format!("{{\"n\":{number}}}"))).await).await;
            begun.elapsed()
        };
        assert_eq!((took(0).await, took(1).await), (wait, Duration::ZERO));
        sleep(10 * SECOND).await;
        assert_eq!((took(2).await, peer.count()), (wait, 3), "it is asked again");
        sleep(10 * SECOND).await;
        assert_eq!(cache.clear().await.unwrap_err().kind(), ErrorKind::Store);
    }
}

#[tokio::test(start_paused = true)]
async fn with_no_bytes_for_memory_answers_are_kept_in_the_store_alone() {
    let shared = Arc::new(Memory::new(1 << 24));
    let store = Store::new(Arc::clone(&shared) as _, Some(shared as _));
    let cache = super::cache(|options| (options.max_bytes, options.store) = (0, Some(store)));
    let (onion, peer) = around(&cache, steps(&["a", "b"]));
    assert_eq!(given(onion.run(post()).await).await, (Cached::Miss, message("a")));
    sleep(SECOND).await;
    for _ in 0..3 {
        assert_eq!(given(onion.run(post()).await).await, (Cached::Hit, message("a")));
    }
    let stats = cache.stats();
    assert_eq!((stats.entries, stats.bytes, stats.store_hits, peer.count()), (0, 0, 3, 1));
}
