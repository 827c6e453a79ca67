//! Entries and leases in one process, bounded. Time is Tokio's.

use std::{
    collections::HashMap,
    future::ready,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use moka::sync::Cache;
use tokio::time::Instant;

use super::{Entries, Leases};
use crate::Result;

/// Beyond so many leases, those that have ended are forgotten.
const MANY: usize = 1024;

/// What one entry takes besides its key and value.
const OVERHEAD: usize = 128;

/// A store of this process.
pub struct Memory {
    entries: Cache<String, Entry>,
    leases: Mutex<HashMap<String, Lease>>,
}

#[derive(Clone)]
struct Entry {
    value: Bytes,
    ends: Option<Instant>,
}

struct Lease {
    owner: String,
    ends: Option<Instant>,
}

/// A time that no clock reaches has no end.
fn end(ttl: Duration) -> Option<Instant> {
    Instant::now().checked_add(ttl)
}

fn is_over(ends: Option<Instant>) -> bool {
    ends.is_some_and(|ends| Instant::now() >= ends)
}

impl Memory {
    /// A store whose entries take at most so many bytes, keys and overhead included. What does not fit makes room by
    /// being asked for least.
    pub fn new(max_bytes: u64) -> Self {
        let weight = |key: &String, entry: &Entry| {
            u32::try_from(key.len() + entry.value.len() + OVERHEAD).unwrap_or(u32::MAX)
        };
        let entries = Cache::builder().max_capacity(max_bytes).weigher(weight).build();
        Self { entries, leases: Mutex::default() }
    }

    fn leases<T>(&self, step: impl FnOnce(&mut HashMap<String, Lease>) -> T) -> T {
        step(&mut self.leases.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Entries for Memory {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>>> {
        let entry = self.entries.get(key).filter(|entry| !is_over(entry.ends));
        Box::pin(ready(Ok(entry.map(|entry| entry.value))))
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, ttl: Duration) -> BoxFuture<'a, Result<()>> {
        self.entries.insert(key.to_owned(), Entry { value, ends: end(ttl) });
        Box::pin(ready(Ok(())))
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool>> {
        let was = self.entries.remove(key).is_some_and(|entry| !is_over(entry.ends));
        Box::pin(ready(Ok(was)))
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<()>> {
        if prefix.is_empty() {
            self.entries.invalidate_all();
        } else {
            for (key, _) in &self.entries {
                if key.starts_with(prefix) {
                    self.entries.invalidate(key.as_str());
                }
            }
        }
        Box::pin(ready(Ok(())))
    }
}

impl Leases for Memory {
    fn acquire<'a>(&'a self, key: &'a str, owner: &'a str, ttl: Duration) -> BoxFuture<'a, Result<bool>> {
        let taken = self.leases(|leases| {
            if leases.len() >= MANY {
                leases.retain(|_, lease| !is_over(lease.ends));
            }
            let is_free = leases.get(key).is_none_or(|lease| lease.owner == owner || is_over(lease.ends));
            if is_free {
                leases.insert(key.to_owned(), Lease { owner: owner.to_owned(), ends: end(ttl) });
            }
            is_free
        });
        Box::pin(ready(Ok(taken)))
    }

    fn release<'a>(&'a self, key: &'a str, owner: &'a str) -> BoxFuture<'a, Result<()>> {
        self.leases(|leases| {
            if leases.get(key).is_some_and(|lease| lease.owner == owner) {
                leases.remove(key);
            }
        });
        Box::pin(ready(Ok(())))
    }
}
