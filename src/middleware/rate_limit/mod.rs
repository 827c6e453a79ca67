//! Holds requests and tokens to a rate: calls wait in a fair queue for their turn, in one process or over all that
//! share a store.
//!
//! A call counts once where this stands outside of `retry`, and inside of it each attempt does. What it will read is
//! estimated and what it will write is expected to be what such calls have written; both are corrected when it ends,
//! so a limit of tokens may be exceeded by what estimates are wrong by, and is then paid back.
//!
//! ```
//! use std::sync::Arc;
//! use trae_native::{
//!     middleware::rate_limit::{Amounts, RateLimit, RateLimitOptions},
//!     pipeline::Pipeline,
//!     transport::Scripted,
//! };
//!
//! let limits = vec![Amounts { requests: Some(50), input_tokens: Some(40_000), ..Amounts::default() }];
//! let limit = RateLimit::new(RateLimitOptions { limits, ..RateLimitOptions::default() });
//! let pipeline = Pipeline::new(vec![Arc::new(limit)], Arc::new(Scripted::default()));
//! ```
//!
//! - [`options`]: what can be set · `cost`: what a call takes · `learned`: what calls have taken
//! - `account`: the limits of this process · `lease`: what was taken ahead of those that replicas share
//! - `told`: what the server says · `health`: whether the store is there · `lane`: one partition · `course`: one call

mod account;
mod cost;
mod course;
mod health;
mod lane;
mod learned;
mod lease;
pub mod options;
mod told;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

pub use self::options::{Amounts, LEASE, OnStoreFailure, RateLimitOptions, SharedOptions};
use self::{
    course::Course,
    health::Health,
    lane::{Lane, Shared},
};
use crate::{
    Result,
    identity::Identity,
    notice::Notices,
    pipeline::{BoxFuture, Middleware, Next},
    queue::{Decided, Decisions, Passed, Standing},
    request::Request,
    response::Response,
    watch::{Asked, watch},
};

/// The middleware; one set of limits for all calls that pass it.
pub struct RateLimit {
    options: RateLimitOptions,
    decisions: Arc<Decisions>,
    lanes: Mutex<HashMap<String, Arc<Lane>>>,
    shared: Option<Arc<Shared>>,
}

/// Beyond so many partitions, those that nothing has happened to lately are forgotten.
const MANY: usize = 1024;

impl RateLimit {
    /// A middleware that has let nothing pass yet.
    pub fn new(options: RateLimitOptions) -> Self {
        let shared = options.shared.clone();
        let shared = shared.map(|options| Arc::new(Shared { options, health: Health::default() }));
        Self { options, decisions: Arc::default(), lanes: Mutex::default(), shared }
    }

    /// What was decided so far.
    pub fn decided(&self) -> Decided {
        self.decisions.read()
    }

    /// How often the store has failed.
    pub fn store_failures(&self) -> u64 {
        self.shared.as_ref().map_or(0, |shared| shared.health.failures())
    }

    fn lane(&self, key: String) -> Arc<Lane> {
        let mut lanes = self.lock();
        if let Some(lane) = lanes.get(&key) {
            return Arc::clone(lane);
        }
        if lanes.len() >= MANY {
            let now = Instant::now();
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1 || !lane.is_idle(now));
        }
        let name = format!("rate-limit:{}", Identity::of([key.as_bytes()]).short());
        let lane = Lane::new(name, &self.options, &self.decisions, self.shared.clone());
        lanes.insert(key, Arc::clone(&lane));
        lane
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Lane>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Middleware for RateLimit {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let lane = self.lane(self.options.per.key(&req).await?);
            let (estimate, cost) = lane.foresee(&req.body);
            let standing = Standing::of(&req);
            let passed = lane.queue.pass(&lane, cost, standing).await;
            if let Some(notice) = self.shared.as_ref().and_then(|shared| shared.health.notice()) {
                Notices::tell(&req.extensions, notice);
            }
            let Passed { permit: taken, waited } = passed?;
            let course = Course { lane, taken, estimate, adapts: self.options.adapt };
            let asked = Asked::of(&req);
            match next.run(req).await {
                Ok(mut res) => {
                    res.timing.hold(waited);
                    course.answered(&res);
                    Ok(watch(asked, res, course))
                }
                Err(error) => {
                    course.failed(&error);
                    Err(error)
                }
            }
        })
    }
}
