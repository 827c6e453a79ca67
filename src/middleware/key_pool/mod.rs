//! Sends each call with the key that has least to carry, and with the next one where a key is refused or used up.
//!
//! Around the calls of a key stand layers that are that key's alone, as its limits and its circuit.
//!
//! Invariants: a key goes to the client's own origin and nowhere else; a call is tried at most once with each key, and
//! once more with one whose limit it waits for; after something was handed out no other key is tried; a call counts for
//! its key until its answer is over, and then no longer, however it ends.
//!
//! ```
//! use std::sync::Arc;
//! use trae_native::{
//!     middleware::key_pool::{Key, KeyPool, KeyPoolOptions},
//!     pipeline::Pipeline,
//!     secret::Secret,
//!     transport::Scripted,
//! };
//!
//! let key = |name: &str, key| Key { name: name.into(), secret: Secret::new(key), weight: 1.0, layers: Vec::new() };
//! let keys = vec![key("team", "sk-…1"), key("spare", "sk-…2")];
//! let pool = KeyPool::new(KeyPoolOptions { keys, ..KeyPoolOptions::default() })?;
//! let pipeline = Pipeline::new(vec![Arc::new(pool)], Arc::new(Scripted::default()));
//! # Ok::<(), trae_native::Error>(())
//! ```
//!
//! - [`options`]: what can be set · `load`: which key is the next · `verdict`: what a failure says of a key
//! - `permit`: that a call counts once

mod load;
pub mod options;
mod permit;
mod verdict;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::HeaderValue;
use tokio::time::Instant;

pub use self::options::{Key, KeyPoolOptions};
use self::{
    load::Loads,
    permit::{Permit, lock},
    verdict::{Verdict, verdict},
};
use crate::{
    Error, ErrorKind, Result,
    attempt::Attempt,
    credential::Scheme,
    identity::Identity,
    pipeline::{BoxFuture, Middleware, Next},
    request::{Authorized, Impatient, Request},
    response::{Response, Served},
    watch::{Asked, Attempts, Failure, Judge, watch},
};

/// The middleware.
pub struct KeyPool {
    keys: Vec<Ready>,
    scheme: Scheme,
    rest: Duration,
    loads: Arc<Mutex<Loads>>,
}

/// A key as it is sent.
struct Ready {
    name: Arc<str>,
    value: HeaderValue,
    layers: Vec<Arc<dyn Middleware>>,
}

/// How a key does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFigures {
    /// What it is called.
    pub name: Arc<str>,
    /// Calls under way with it.
    pub in_flight: u32,
    /// All that were sent with it.
    pub calls: u64,
    /// How long it is still passed over.
    pub rests: Duration,
}

impl KeyPool {
    /// A pool of these keys; one that cannot be sent is refused here.
    pub fn new(options: KeyPoolOptions) -> Result<Self> {
        let KeyPoolOptions { keys, scheme, rest } = options;
        let loads = Arc::new(Mutex::new(Loads::new(keys.iter().map(|key| key.weight))));
        let ready = |mut key: Key| {
            if !key.layers.is_empty() {
                key.layers.push(Arc::new(Patience));
            }
            Ok(Ready { name: key.name, value: scheme.write(&key.secret)?, layers: key.layers })
        };
        let keys = keys.into_iter().map(ready).collect::<Result<_>>()?;
        Ok(Self { keys, scheme, rest, loads })
    }

    /// Who asks, of calls that are sent with any of its keys.
    pub fn identity(&self) -> Identity {
        let name = self.scheme.name().as_str().as_bytes();
        Identity::of(std::iter::once(name).chain(self.keys.iter().map(|key| key.value.as_bytes())))
    }

    /// How each key does.
    pub fn figures(&self) -> Vec<KeyFigures> {
        let now = Instant::now();
        let loads = lock(&self.loads);
        let told = self.keys.iter().zip(loads.figures());
        told.map(|(key, figures)| KeyFigures {
            name: Arc::clone(&key.name),
            in_flight: figures.in_flight,
            calls: figures.calls,
            rests: figures.rests_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now)),
        })
        .collect()
    }

    fn choose(&self, tried: &[usize]) -> Option<(usize, &Ready)> {
        let key = lock(&self.loads).choose(tried, Instant::now())?;
        Some((key, self.keys.get(key)?))
    }

    fn rest(&self, key: usize, rest: Duration) {
        lock(&self.loads).rest(key, Instant::now().checked_add(rest));
    }
}

impl Middleware for KeyPool {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        let has_one =
            req.headers.contains_key(self.scheme.name()) || req.extensions.get::<Authorized>().is_some();
        if !req.is_home() || has_one {
            return next.run(req);
        }
        let course = Course {
            pool: self,
            attempts: Attempts::of(&req),
            tried: Vec::new(),
            said: Vec::new(),
            soonest: None,
            shortest: None,
            sent: None,
        };
        Box::pin(course.run(req, next))
    }
}

/// A call on its way along the keys.
struct Course<'a> {
    pool: &'a KeyPool,
    attempts: Attempts,
    tried: Vec<usize>,
    /// What came of each.
    said: Vec<String>,
    /// When the first of the keys may be used again.
    soonest: Option<Duration>,
    /// The key whose own limit would let the call pass first.
    shortest: Option<(Duration, usize)>,
    /// The last failure of a key that the call was sent with.
    sent: Option<Error>,
}

impl Course<'_> {
    async fn run(mut self, mut req: Request, next: Next<'_>) -> Result<Response> {
        loop {
            let Some((place, key)) = self.pool.choose(&self.tried) else { return next.run(req).await };
            self.tried.push(place);
            let spare = if self.pool.keys.len() > 1 { req.replay() } else { None };
            if spare.is_some() {
                req.extensions.insert(Impatient);
            }
            let failure = match self.attempt(place, key, req, next).await {
                Ok(res) => return Ok(self.attempts.on_answer(res)),
                Err(failure) => failure,
            };
            let Some(spare) = spare.filter(|_| self.goes_on(place, &failure.error)) else {
                return self.give_up(failure, key);
            };
            req = spare;
            if self.tried.len() == self.pool.keys.len() {
                return self.wait(req, failure, key, next).await;
            }
            if failure.error.attempts() > 0 && failure.answer.is_none() {
                self.sent = Some(failure.error);
            }
            req.attempt = self.attempts.count().saturating_add(1).max(req.attempt);
        }
    }

    /// No key is left to try; where the limit of one only wants the call to wait for its turn, it does.
    async fn wait(
        mut self,
        mut req: Request,
        last: Failure,
        tried: &Ready,
        next: Next<'_>,
    ) -> Result<Response> {
        let key = self.shortest.take().and_then(|(_, place)| Some((place, self.pool.keys.get(place)?)));
        let Some((place, key)) = key else { return self.give_up(last, tried) };
        drop(last);
        req.attempt = self.attempts.count().saturating_add(1).max(req.attempt);
        match self.attempt(place, key, req, next).await {
            Ok(res) => Ok(self.attempts.on_answer(res)),
            Err(failure) => {
                self.goes_on(place, &failure.error);
                self.give_up(failure, key)
            }
        }
    }

    async fn attempt(
        &mut self,
        place: usize,
        key: &Ready,
        mut req: Request,
        next: Next<'_>,
    ) -> Result<Response, Failure> {
        if req.headers.try_insert(self.pool.scheme.name(), key.value.clone()).is_err() {
            return Err(Error::config("the headers are too many for one more, of the key").into());
        }
        req.extensions.insert(Authorized);
        let permit = Permit::enter(&self.pool.loads, place);
        let (asked, judge, begun) = (Asked::of(&req), Judge::of(&req), Instant::now());
        match judge.outcome(next.through(&key.layers, req)).await {
            Ok(mut res) => {
                self.pool.rest(place, Duration::ZERO);
                name(self.attempts.answered(&mut res, Duration::ZERO, begun.elapsed()), key);
                Ok(watch(asked, served(res, key), permit))
            }
            Err(failure) => {
                name(self.attempts.failed(&failure.error, Duration::ZERO, begun.elapsed()), key);
                self.said.push(format!("`{}` {}", key.name, failure.error.code()));
                Err(failure)
            }
        }
    }

    /// Whether another key may do.
    fn goes_on(&mut self, place: usize, error: &Error) -> bool {
        let wait = match verdict(error, self.pool.rest) {
            Verdict::Final => return false,
            Verdict::Rests(rest) => {
                self.pool.rest(place, rest);
                // A server that refuses a key says nothing of time.
                error.retry_after().or_else(|| is_refused(error).then_some(rest))
            }
            Verdict::Waits(wait) => {
                if self.shortest.is_none_or(|(shortest, _)| wait < shortest) {
                    self.shortest = Some((wait, place));
                }
                Some(wait)
            }
        };
        self.soonest = self.soonest.into_iter().chain(wait).min();
        true
    }

    fn give_up(self, failure: Failure, key: &Ready) -> Result<Response> {
        if let Some(answer) = failure.answer {
            return Ok(self.attempts.on_answer(served(*answer, key)));
        }
        // That the last key was passed over is less than what the server has said to another.
        let mut error = match self.sent {
            Some(sent) if failure.error.attempts() == 0 => sent,
            _ => failure.error,
        };
        if self.said.len() > 1 {
            if error.retry_after().is_some() || is_refused(&error) {
                error = error.with_retry_after(self.soonest);
            }
            error = error.with_note(&format!("`keyPool()` has tried {}", self.said.join(", ")));
        }
        Err(self.attempts.on_error(error))
    }
}

fn is_refused(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Status(401 | 403))
}

/// Stands innermost of a key's layers: what is further in is no key's own, and has nowhere else to send the call.
struct Patience;

impl Middleware for Patience {
    fn handle<'a>(&'a self, mut req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        req.extensions.remove::<Impatient>();
        next.run(req)
    }
}

fn name(attempts: &mut [Attempt], key: &Ready) {
    for attempt in attempts {
        attempt.served.key.get_or_insert_with(|| Arc::clone(&key.name));
    }
}

fn served(mut res: Response, key: &Ready) -> Response {
    let served = res.extensions.get_or_insert_default::<Served>();
    served.key.get_or_insert_with(|| Arc::clone(&key.name));
    res
}
