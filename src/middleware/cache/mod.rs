//! Gives an answer again that was given to the same question, for a while; and asks once where many ask the same.
//!
//! Only complete, successful answers are kept: of a stream what came up to its end, and of what is asked of the
//! Messages API either form is made of the other. Who asks is part of the question.
//!
//! ```
//! use std::sync::Arc;
//! use trae_native::{
//!     middleware::cache::{Cache, CacheOptions},
//!     pipeline::Pipeline,
//!     transport::Scripted,
//! };
//!
//! let cache = Arc::new(Cache::new(CacheOptions::default()));
//! let pipeline = Pipeline::new(vec![cache.clone()], Arc::new(Scripted::default()));
//! assert_eq!(cache.stats().entries, 0);
//! ```
//!
//! - [`options`]: what can be set · [`overrides`]: what a call sets for itself
//! - `key`: what is asked, and by whom · `storable`: what may be kept · `fresh`: for how long
//! - `entry`: an answer as it is kept, `packed`: its events · `memory`: all of them · `shared`: those of other replicas
//! - `flight`: calls under way that others join · `course`: a call's way through · `stats`: what is counted

mod ask;
mod course;
mod entry;
mod flight;
mod fresh;
mod key;
mod memory;
pub mod options;
pub mod overrides;
mod packed;
mod shared;
mod stats;
mod storable;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{Extensions, HeaderMap, StatusCode, Version};
use tokio::time::Instant;

use self::{
    entry::Entry,
    flight::Flights,
    fresh::{Freshness, Grace},
    key::{Key, Rules},
    memory::Memory,
    shared::Level,
    stats::{Counts, count},
};
pub use self::{
    options::{CacheOptions, Replay, Store},
    overrides::{CacheOverride, Mode, Own},
    stats::Stats,
};
use crate::{
    Result,
    body::Body,
    pipeline::{BoxFuture, Middleware, Next},
    request::Request,
    response::{Cached, Response, Timing},
};

/// The middleware; one set of answers for all calls that pass it.
pub struct Cache {
    core: Arc<Core>,
}

/// What flights hold on to.
struct Core {
    options: CacheOptions,
    rules: Rules,
    memory: Memory,
    flights: Arc<Flights>,
    level: Option<Level>,
    counts: Arc<Counts>,
    /// How often everything was forgotten.
    cleared: AtomicU64,
}

impl Cache {
    /// A middleware that keeps nothing yet.
    pub fn new(options: CacheOptions) -> Self {
        let counts = Arc::new(Counts::default());
        let core = Core {
            rules: Rules::new(&options),
            memory: Memory::new(options.max_bytes, options.max_entries),
            flights: Arc::default(),
            level: Level::new(&options, &counts),
            counts,
            options,
            cleared: AtomicU64::new(0),
        };
        Self { core: Arc::new(core) }
    }

    /// What it has done, and what it holds.
    pub fn stats(&self) -> Stats {
        self.core.counts.read(self.core.memory.held(), self.core.flights.count())
    }

    /// Forgets everything, in the store too.
    pub async fn clear(&self) -> Result<()> {
        self.core.cleared.fetch_add(1, Ordering::AcqRel);
        self.core.flights.forget_all();
        self.core.memory.clear();
        match &self.core.level {
            Some(level) => level.clear().await,
            None => Ok(()),
        }
    }
}

impl Middleware for Cache {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        match req.extensions.get::<CacheOverride>() {
            Some(CacheOverride::Forget(own)) => {
                let key = course::own_key(&self.core, &req, Some(own));
                Box::pin(self.forget(req, key))
            }
            _ => Box::pin(course::run(&self.core, req, next)),
        }
    }

    fn answers_at_once(&self) -> bool {
        true
    }
}

impl Cache {
    /// Answers 200 where something was forgotten and 204 where there was nothing.
    async fn forget(
        &self,
        req: Request,
        key: impl Future<Output = Result<Option<String>>> + Send,
    ) -> Result<Response> {
        let key = key.await?;
        let mut forgot = false;
        let question = self.core.rules.question(&req, key.as_deref());
        if let Some(question) = question {
            let key = self.core.rules.key(&question);
            self.core.flights.forget(&key);
            forgot = self.core.memory.delete(&key);
            if let Some(level) = &self.core.level {
                forgot |= level.delete(&question.name()).await?;
            }
        }
        let mut extensions = Extensions::new();
        extensions.insert(Cached::Bypass);
        Ok(Response {
            status: if forgot { StatusCode::OK } else { StatusCode::NO_CONTENT },
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
            body: Body::Empty,
            url: req.url,
            timing: Timing::default(),
            attempts: 0,
            history: Vec::new(),
            extensions,
        })
    }
}

impl Core {
    fn grace(&self) -> Grace {
        Grace { while_revalidate: self.options.stale_while_revalidate, if_error: self.options.stale_if_error }
    }

    fn judge(&self, entry: &Entry, most: Option<Duration>) -> Freshness {
        entry.judge(Instant::now(), self.grace(), most)
    }

    /// Keeps an answer that has just come, unless it is larger than one may be.
    fn keep(&self, key: Key, entry: &Arc<Entry>) {
        if entry.size() > self.options.max_entry_bytes {
            return count(&self.counts.too_large);
        }
        count(&self.counts.stored);
        self.memory.put(key, Arc::clone(entry));
    }

    /// Keeps another replica's answer here too.
    fn keep_found(&self, key: Key, entry: Entry) -> Arc<Entry> {
        let entry = Arc::new(entry);
        if entry.size() <= self.options.max_entry_bytes {
            self.memory.put(key, Arc::clone(&entry));
        }
        entry
    }
}
