//! Lets only so many calls be under way, streams until their end; the others wait in a fair queue.
//!
//! The limit is fixed, or found by what the server answers (`aimd`).
//!
//! ```
//! use std::sync::Arc;
//! use trae_native::{
//!     middleware::concurrency::{Ceiling, Concurrency, ConcurrencyOptions},
//!     pipeline::Pipeline,
//!     transport::Scripted,
//! };
//!
//! let options = ConcurrencyOptions { limit: Ceiling::Fixed(4), ..ConcurrencyOptions::default() };
//! let pipeline = Pipeline::new(vec![Arc::new(Concurrency::new(options))], Arc::new(Scripted::default()));
//! ```
//!
//! - [`options`]: what can be set · `aimd`: where the limit is · `outcome`: what an end says of it
//! - `lane`: one partition

mod aimd;
mod lane;
pub mod options;
mod outcome;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

pub use self::options::{Adaptive, Ceiling, ConcurrencyOptions};
use self::{
    aimd::Outcome,
    lane::{Lane, Permit},
};
use crate::{
    ErrorKind, Result,
    claude::Usage,
    pipeline::{BoxFuture, Middleware, Next},
    queue::{Decided, Decisions, Passed, Standing},
    request::Request,
    response::Response,
    watch::{Asked, End, Limits, Watcher, watch},
};

/// The middleware; one set of limits for all calls that pass it.
pub struct Concurrency {
    options: ConcurrencyOptions,
    decisions: Arc<Decisions>,
    lanes: Mutex<HashMap<String, Arc<Lane>>>,
}

/// Beyond so many partitions, those that nobody uses are forgotten.
const MANY: usize = 1024;

impl Concurrency {
    /// A middleware with nothing under way.
    pub fn new(options: ConcurrencyOptions) -> Self {
        Self { options, decisions: Arc::default(), lanes: Mutex::default() }
    }

    /// What was decided so far.
    pub fn decided(&self) -> Decided {
        self.decisions.read()
    }

    /// How many may be under way, and how many are, over all partitions.
    pub fn read(&self) -> (u64, u64) {
        let lanes: Vec<Arc<Lane>> = self.lock().values().cloned().collect();
        lanes.iter().map(|lane| lane.read()).fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    }

    fn lane(&self, key: String) -> Arc<Lane> {
        let mut lanes = self.lock();
        if let Some(lane) = lanes.get(&key) {
            return Arc::clone(lane);
        }
        if lanes.len() >= MANY {
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1 || !lane.is_idle());
        }
        let lane = Lane::new(&self.options, &self.decisions);
        lanes.insert(key, Arc::clone(&lane));
        lane
    }

    fn slow(&self) -> Option<Duration> {
        match self.options.limit {
            Ceiling::Fixed(_) => None,
            Ceiling::Adaptive(adaptive) => adaptive.slow,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Lane>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Middleware for Concurrency {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let lane = self.lane(self.options.per.key(&req).await?);
            let standing = Standing::of(&req);
            let Passed { permit, waited } = lane.queue.pass(&lane, (), standing).await?;
            let mut course =
                Course { permit: Some(permit), limits: Limits::of(&req), status: 0, slow: false };
            let (asked, began) = (Asked::of(&req), Instant::now());
            match next.run(req).await {
                Ok(mut res) => {
                    res.timing.hold(waited);
                    course.status = res.status.as_u16();
                    course.slow = self.slow().is_some_and(|slow| began.elapsed() > slow);
                    Ok(watch(asked, res, course))
                }
                Err(error) => {
                    course.end(outcome::of_error(&error));
                    Err(error)
                }
            }
        })
    }
}

/// A call under way. Dropped before its end, it was given up: because its time was over, or for reasons of the
/// caller's.
struct Course {
    /// Until its end: an answer that has been read may be kept for longer.
    permit: Option<Permit>,
    limits: Limits,
    status: u16,
    slow: bool,
}

impl Course {
    fn end(&mut self, outcome: Outcome) {
        if let Some(mut permit) = self.permit.take() {
            permit.outcome = if self.slow { Outcome::Overload } else { outcome };
        }
    }

    fn left(&mut self) {
        let late = self.limits.broken() == Some(ErrorKind::Timeout);
        self.end(if late { Outcome::Overload } else { Outcome::Unknown });
    }
}

impl Watcher for Course {
    fn begun(&mut self, of_events: bool) {
        self.limits.begun(of_events);
    }

    fn read(&mut self, _events: usize, _at: Instant) {
        self.limits.read();
    }

    fn over(&mut self, _usage: Usage, end: End<'_>) {
        match end {
            End::Dropped => self.left(),
            end => self.end(outcome::of_end(self.status, &end)),
        }
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        self.left();
    }
}
