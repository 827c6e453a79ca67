//! What can be set about a cache, and the one place where its defaults are written.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderName, Method, header::ACCEPT};

use crate::{
    partition::KeyOf,
    store::{Entries, Leases},
};

/// What is kept, for how long, and what tells two questions apart.
#[derive(Clone)]
pub struct CacheOptions {
    /// How long an answer is fresh. Default: 5 min.
    pub ttl: Duration,
    /// How long after that it is still given while another is fetched in the background. Default: none.
    pub stale_while_revalidate: Duration,
    /// How long after that it is still given where the server fails. Default: none.
    pub stale_if_error: Duration,
    /// What all answers in memory may take, in bytes; with 0 none is kept there. Default: 64 MiB.
    pub max_bytes: u64,
    /// How many answers may be in memory. Default: 10,000.
    pub max_entries: u64,
    /// The largest answer that is kept, in bytes; also what a slow reader of a shared stream may be behind the
    /// others. Default: 4 MiB.
    pub max_entry_bytes: usize,
    /// Methods whose answers are kept. Default: `GET` and `POST`.
    pub methods: Vec<Method>,
    /// Headers that are part of the question. Default: `accept`, `anthropic-beta` and `anthropic-version`.
    pub vary: Vec<HeaderName>,
    /// Members of a JSON body that are not, as dotted paths. Default: `metadata.user_id`.
    pub ignore: Vec<String>,
    /// In place of who asks: all callers with the same name share their answers. Default: none.
    pub tenant: Option<String>,
    /// How the events of a kept stream come again. Default: `Instant`.
    pub replay: Replay,
    /// Says the key of a call; one without is not kept. Default: none, the request is the key.
    pub key: Option<Arc<dyn KeyOf>>,
    /// Where answers are kept besides, shared with others. Default: nowhere.
    pub store: Option<Store>,
}

/// How the events of a kept stream come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Replay {
    /// At once.
    #[default]
    Instant,
    /// With the pauses that they came with.
    Paced,
}

/// A second level, behind what is in memory.
#[derive(Clone)]
pub struct Store {
    /// Where the answers are.
    pub entries: Arc<dyn Entries>,
    /// Who alone asks the server, where several replicas lack the same answer. Without it each asks for itself.
    pub leases: Option<Arc<dyn Leases>>,
    /// What the names of all entries begin with. Default: `cache:`.
    pub prefix: String,
    /// How long a replica that asks may be silent before another asks. Default: 5 s.
    pub lease: Duration,
}

impl Store {
    /// The default of [`prefix`](Self::prefix).
    pub const PREFIX: &str = "cache:";
    /// The default of [`lease`](Self::lease).
    pub const LEASE: Duration = Duration::from_secs(5);

    /// A store with all defaults.
    pub fn new(entries: Arc<dyn Entries>, leases: Option<Arc<dyn Leases>>) -> Self {
        Self { entries, leases, prefix: Self::PREFIX.to_owned(), lease: Self::LEASE }
    }
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(300),
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            max_bytes: 64 << 20,
            max_entries: 10_000,
            max_entry_bytes: 4 << 20,
            methods: vec![Method::GET, Method::POST],
            vary: vec![
                ACCEPT,
                HeaderName::from_static("anthropic-beta"),
                HeaderName::from_static("anthropic-version"),
            ],
            ignore: vec!["metadata.user_id".to_owned()],
            tenant: None,
            replay: Replay::Instant,
            key: None,
            store: None,
        }
    }
}

impl fmt::Debug for CacheOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheOptions")
            .field("ttl", &self.ttl)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}
