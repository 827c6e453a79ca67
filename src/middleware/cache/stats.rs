//! What a cache has done, as counts since it was made.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::memory::Held;
use crate::response::Cached;

/// What a cache has done and what it holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Answers out of the cache that were fresh.
    pub hits: u64,
    /// Answers from the server, since the cache had none.
    pub misses: u64,
    /// Answers out of the cache whose time was over.
    pub stale: u64,
    /// Answers together with another call.
    pub shared: u64,
    /// Answers of calls that passed by.
    pub bypassed: u64,
    /// Answers that were kept.
    pub stored: u64,
    /// Answers that were larger than one may be.
    pub too_large: u64,
    /// Answers that made room for others.
    pub evicted: u64,
    /// Answers in memory.
    pub entries: u64,
    /// What they take, in bytes.
    pub bytes: u64,
    /// Calls under way that others may join.
    pub flights: u64,
    /// Of the hits, those that another replica's answer was.
    pub store_hits: u64,
    /// Questions to the store that failed.
    pub store_errors: u64,
    /// Answers in the store that could not be read: broken, or of another version.
    pub store_broken: u64,
}

#[derive(Default)]
pub(super) struct Counts {
    given: [AtomicU64; 5],
    pub(super) stored: AtomicU64,
    pub(super) too_large: AtomicU64,
    pub(super) store_hits: AtomicU64,
    pub(super) store_errors: AtomicU64,
    pub(super) store_broken: AtomicU64,
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counts {
    /// An answer was given.
    pub(super) fn gave(&self, cached: Cached) {
        count(&self.given[place(cached)]);
    }

    pub(super) fn read(&self, held: Held, flights: usize) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let given = |cached| read(&self.given[place(cached)]);
        Stats {
            hits: given(Cached::Hit),
            misses: given(Cached::Miss),
            stale: given(Cached::Stale),
            shared: given(Cached::Shared),
            bypassed: given(Cached::Bypass),
            stored: read(&self.stored),
            too_large: read(&self.too_large),
            evicted: held.evicted,
            entries: held.entries,
            bytes: held.bytes,
            flights: flights as u64,
            store_hits: read(&self.store_hits),
            store_errors: read(&self.store_errors),
            store_broken: read(&self.store_broken),
        }
    }
}

fn place(cached: Cached) -> usize {
    match cached {
        Cached::Hit => 0,
        Cached::Miss => 1,
        Cached::Stale => 2,
        Cached::Shared => 3,
        Cached::Bypass => 4,
    }
}
