//! The second level: answers in a store that replicas share, and who alone asks where all lack the same one.
//!
//! A store that is away costs answers and never a call: what can't be read is a miss, what can't be written is kept
//! in memory only, and without a lease each asks for itself. It is told once per outage, and counted each time.
//!
//! - `codec`: an answer as bytes

mod codec;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::Extensions;
use tokio::{
    runtime::Handle,
    time::{Instant, sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    entry::Entry,
    options::{CacheOptions, Store},
    stats::{Counts, count},
};
use crate::{Error, ErrorKind, Phase, Result, notice::Notices, random, store::Leases};

/// How often one who waits for another replica looks whether that has stored its answer.
const LOOK: Duration = Duration::from_millis(50);

/// How long a store may take that has no limit of its own, as an object of the caller's; and for how long one that has
/// taken longer is left alone, so that not every call waits for it.
const PATIENCE: Duration = Duration::from_secs(1);
const REST: Duration = Duration::from_secs(5);
/// A failure that takes longer than this is of a store that hangs; others cost nobody a wait.
const QUICK: Duration = Duration::from_millis(50);
/// To look through all that a store has takes its time.
const CLEARING: Duration = Duration::from_secs(30);

pub(super) struct Level {
    store: Store,
    counts: Arc<Counts>,
    away: AtomicBool,
    /// Until when it is left alone.
    rests: Mutex<Option<Instant>>,
    /// What a stored answer may become when it is read.
    most: usize,
    /// Time that passes as the engine's does, put on the wall clock once.
    wall: (Instant, u64),
}

impl Level {
    pub(super) fn new(options: &CacheOptions, counts: &Arc<Counts>) -> Option<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        options.store.clone().map(|store| Self {
            store,
            counts: Arc::clone(counts),
            away: AtomicBool::new(false),
            rests: Mutex::default(),
            // Texts within texts are written longer than they are.
            most: options.max_entry_bytes.saturating_mul(8).saturating_add(1 << 16),
            wall: (Instant::now(), u64::try_from(since.as_millis()).unwrap_or_default()),
        })
    }

    fn wall(&self) -> u64 {
        let (anchor, at) = self.wall;
        at.saturating_add(u64::try_from(anchor.elapsed().as_millis()).unwrap_or_default())
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.store.prefix)
    }

    /// What the store does, in time.
    async fn in_time<T>(&self, limit: Duration, asked: impl Future<Output = Result<T>>) -> Result<T> {
        let late = |what: &str| Error::new(ErrorKind::Store, Phase::Prepare, what).with_attempts(0);
        let rests = || self.rests.lock().unwrap_or_else(PoisonError::into_inner);
        if rests().is_some_and(|until| Instant::now() < until) {
            return Err(late("`store` did not answer lately, and is left alone for some seconds"));
        }
        let begun = Instant::now();
        let outcome = timeout(limit, asked).await;
        let hangs = match &outcome {
            Ok(Ok(_)) => false,
            Ok(Err(_)) => begun.elapsed() > QUICK,
            Err(_) => true,
        };
        *rests() = hangs.then(|| Instant::now() + REST);
        outcome
            .unwrap_or_else(|_| Err(late(&format!("`store` did not answer within {} ms", limit.as_millis()))))
    }

    /// What the store said, or nothing.
    fn heard<T>(&self, outcome: Result<T>, told: &Extensions) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.away.store(false, Ordering::Relaxed);
                Some(value)
            }
            Err(error) => {
                count(&self.counts.store_errors);
                if !self.away.swap(true, Ordering::Relaxed) {
                    let why = error.message();
                    Notices::tell(
                        told,
                        format!("cache(): its store is away, each process keeps answers for itself: {why}"),
                    );
                }
                None
            }
        }
    }

    pub(super) async fn get(&self, name: &str, told: &Extensions) -> Option<Entry> {
        let found =
            self.heard(self.in_time(PATIENCE, self.store.entries.get(&self.key(name))).await, told)??;
        let entry = codec::decode(&found, self.wall(), self.most);
        count(if entry.is_some() { &self.counts.store_hits } else { &self.counts.store_broken });
        entry
    }

    pub(super) async fn set(&self, name: &str, entry: &Entry, grace: Duration, told: &Extensions) {
        let Some(bytes) = codec::encode(entry, self.wall()) else { return };
        let ttl = entry.ttl.saturating_add(grace);
        self.heard(self.in_time(PATIENCE, self.store.entries.set(&self.key(name), bytes, ttl)).await, told);
    }

    pub(super) async fn delete(&self, name: &str) -> Result<bool> {
        self.in_time(PATIENCE, self.store.entries.delete(&self.key(name))).await
    }

    pub(super) async fn clear(&self) -> Result<()> {
        self.in_time(CLEARING, self.store.entries.clear(&self.store.prefix)).await
    }

    /// The lease to ask, where there are any to be had; or the answer of the replica that had it.
    pub(super) async fn lease(&self, name: &str, told: &Extensions) -> Result<Option<Lease>, Entry> {
        let Some(leases) = &self.store.leases else { return Ok(None) };
        let key = format!("{}lease:{name}", self.store.prefix);
        let owner = format!("{:016x}{:016x}", random::bits(), random::bits());
        let mut waited = false;
        loop {
            let term = self.store.lease;
            let acquired = self.in_time(PATIENCE, leases.acquire(&key, &owner, term)).await;
            match self.heard(acquired, told) {
                None => return Ok(None),
                Some(true) => {
                    let lease = Lease::held(Arc::clone(leases), key, owner, term);
                    // Whoever had it may have stored its answer since.
                    let entry = if waited { self.get(name, told).await } else { None };
                    let Some(entry) = entry else { return Ok(Some(lease)) };
                    lease.release().await;
                    return Err(entry);
                }
                Some(false) => {
                    waited = true;
                    sleep(LOOK).await;
                    if let Some(entry) = self.get(name, told).await {
                        return Err(entry);
                    }
                }
            }
        }
    }
}

/// Who alone asks. It is renewed while it is held, and given back when it is let go: by a call that was given up, too.
pub(super) struct Lease {
    leases: Arc<dyn Leases>,
    key: String,
    owner: String,
    held: bool,
    _renewed: AbortOnDropHandle<()>,
}

impl Lease {
    fn held(leases: Arc<dyn Leases>, key: String, owner: String, term: Duration) -> Self {
        let (kept, name, who) = (Arc::clone(&leases), key.clone(), owner.clone());
        let renewed = tokio::spawn(async move {
            loop {
                sleep(term / 3).await;
                // One that is lost is another's by now; both ask, and both answers are good.
                let _lost = kept.acquire(&name, &who, term).await;
            }
        });
        Self { leases, key, owner, held: true, _renewed: AbortOnDropHandle::new(renewed) }
    }

    pub(super) async fn release(mut self) {
        self.held = false;
        // Not told: it ends by itself.
        let _away = self.leases.release(&self.key, &self.owner).await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Without a runtime, as at the end of a process, it ends by itself.
        let Some(runtime) = Handle::try_current().ok().filter(|_| self.held) else { return };
        let (leases, key, owner) =
            (Arc::clone(&self.leases), std::mem::take(&mut self.key), std::mem::take(&mut self.owner));
        runtime.spawn(async move {
            let _away = leases.release(&key, &owner).await;
        });
    }
}
