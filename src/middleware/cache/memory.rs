//! Answers in the memory of this process: bounded by bytes and by number, with an admission policy that lets what is
//! asked once not drive out what is asked often.
//!
//! Invariant: both bounds hold, since each answer weighs what it takes and at least its share of the whole.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use moka::sync::Cache;

use super::{entry::Entry, key::Key};
use crate::reuse::Recalls;

pub(super) struct Memory {
    entries: Cache<Key, Arc<Entry>>,
    figures: Arc<Figures>,
    /// Of an answer that is given again elsewhere; what is merely driven out of memory is still as good.
    pub(super) recalls: Arc<Recalls>,
}

#[derive(Default)]
struct Figures {
    bytes: AtomicU64,
    evicted: AtomicU64,
}

/// What is in memory at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) evicted: u64,
}

impl Memory {
    pub(super) fn new(max_bytes: u64, max_entries: u64) -> Self {
        let least = u32::try_from(max_bytes.div_ceil(max_entries.max(1))).unwrap_or(u32::MAX);
        let figures = Arc::new(Figures::default());
        let told = Arc::clone(&figures);
        let entries = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(move |_, entry: &Arc<Entry>| u32::try_from(entry.size()).unwrap_or(u32::MAX).max(least))
            .eviction_listener(move |_, entry, cause| {
                told.bytes.fetch_sub(entry.size() as u64, Ordering::Relaxed);
                if cause.was_evicted() {
                    told.evicted.fetch_add(1, Ordering::Relaxed);
                }
            })
            .build();
        Self { entries, figures, recalls: Arc::default() }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        self.entries.get(key)
    }

    pub(super) fn put(&self, key: Key, entry: Arc<Entry>) {
        // Nothing is kept here, and nobody would be told that it goes.
        if self.entries.policy().max_capacity() == Some(0) {
            return;
        }
        self.figures.bytes.fetch_add(entry.size() as u64, Ordering::Relaxed);
        let replaces = self.entries.contains_key(&key);
        self.entries.insert(key, entry);
        if replaces {
            self.recalls.recall();
        }
    }

    /// Says whether there was one.
    pub(super) fn delete(&self, key: &Key) -> bool {
        let removed = self.entries.remove(key).is_some();
        self.recalls.recall();
        removed
    }

    pub(super) fn clear(&self) {
        self.entries.invalidate_all();
        self.recalls.recall();
        self.entries.run_pending_tasks();
    }

    pub(super) fn held(&self) -> Held {
        self.entries.run_pending_tasks();
        let Figures { bytes, evicted } = &*self.figures;
        Held {
            entries: self.entries.entry_count(),
            bytes: bytes.load(Ordering::Relaxed),
            evicted: evicted.load(Ordering::Relaxed),
        }
    }
}
