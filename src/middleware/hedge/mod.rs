//! Makes a call a second time whose answer is later than usual, and takes the answer that comes first.
//!
//! An answer of events has come when the first of them is there. The attempt that loses is dropped at once, which ends
//! its transfer; what it has cost by then is spent.
//!
//! Invariants: there are never more than two attempts, and only one is handed out; nothing is sent after something was
//! handed out; second attempts keep to a budget; both are the same call, with the same idempotency key.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use trae_native::{
//!     middleware::hedge::{Hedge, HedgeOptions},
//!     pipeline::Pipeline,
//!     transport::Scripted,
//! };
//!
//! let delay = Some(Duration::from_secs(2));
//! let hedge = Hedge::new(HedgeOptions { delay, ..HedgeOptions::default() });
//! let pipeline = Pipeline::new(vec![Arc::new(hedge)], Arc::new(Scripted::default()));
//! ```
//!
//! - [`options`]: what can be set · `delay`: when an answer is late · `latency`: what answers have taken lately

mod delay;
mod latency;
pub mod options;

use std::{
    collections::HashMap,
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::{Either, select};
use tokio::time::{Instant, timeout};

pub use self::options::HedgeOptions;
use self::{delay::delay, latency::Latencies};
pub use crate::budget::BudgetOptions;
use crate::{
    Error, ErrorKind, Phase, Result,
    budget::Budget,
    pipeline::{BoxFuture, Middleware, Next},
    request::{CallId, Expect, Lane, Request},
    response::Response,
    watch::{Attempts, Failure, Judge},
};

/// Beyond so many kinds of calls, what was learned is learned anew.
const MANY: usize = 1024;

/// The middleware; one budget and one experience for all calls that pass it.
pub struct Hedge {
    options: HedgeOptions,
    seen: Mutex<HashMap<String, Latencies>>,
    budget: Option<Mutex<Budget>>,
}

impl Hedge {
    /// A middleware that has seen nothing yet.
    pub fn new(options: HedgeOptions) -> Self {
        let budget = options.budget.map(|budget| Mutex::new(Budget::new(budget, Instant::now())));
        Self { options, seen: Mutex::default(), budget }
    }

    /// After which time a call of this kind is late.
    fn delay(&self, kind: &str) -> Option<Duration> {
        let seen = lock(&self.seen);
        seen.get(kind)
            .map_or_else(|| delay(&self.options, &Latencies::new()), |seen| delay(&self.options, seen))
    }

    fn note(&self, kind: &str, took: Duration) {
        let mut seen = lock(&self.seen);
        if let Some(latencies) = seen.get_mut(kind) {
            return latencies.note(took);
        }
        if seen.len() >= MANY {
            seen.clear();
        }
        seen.entry(kind.to_owned()).or_insert_with(Latencies::new).note(took);
    }

    fn deposit(&self) {
        if let Some(budget) = &self.budget {
            lock(budget).deposit(Instant::now());
        }
    }

    fn withdraw(&self) -> bool {
        self.budget.as_ref().is_none_or(|budget| lock(budget).withdraw(Instant::now()))
    }
}

impl Middleware for Hedge {
    fn handle<'a>(&'a self, mut req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        // Both attempts have the call's name, also where nobody further out has given it one.
        req.extensions.get_or_insert_with(CallId::next);
        let Some(spare) = req.replay().filter(|_| self.options.methods.contains(&req.method)) else {
            return next.run(req);
        };
        let key = self.options.per.key(&req);
        Box::pin(async move {
            // A first event comes sooner than a whole answer.
            let streams = matches!(req.options.expect, Expect::Events | Expect::TextEvents);
            let kind = format!("{streams}:{}", key.await?);
            self.deposit();
            Course { hedge: self, kind, attempts: Attempts::of(&req) }.run(req, spare, next).await
        })
    }
}

/// What an attempt came to.
type Outcome = Result<Response, Failure>;

/// A call on its way.
struct Course<'a> {
    hedge: &'a Hedge,
    kind: String,
    attempts: Attempts,
}

impl Course<'_> {
    async fn run(mut self, req: Request, spare: Request, next: Next<'_>) -> Result<Response> {
        let begun = Instant::now();
        let mut first = Box::pin(Judge::of(&req).outcome(next.run(req)));
        let in_time = match self.hedge.delay(&self.kind) {
            Some(delay) => timeout(delay, first.as_mut()).await.ok(),
            None => Some(first.as_mut().await),
        };
        let outcome = match in_time {
            Some(outcome) => outcome,
            // What came in time has cost no budget.
            None if !self.hedge.withdraw() => first.await,
            None => return self.both(first, begun, spare, next).await,
        };
        let outcome = self.ended(outcome, Duration::ZERO, begun.elapsed());
        self.hand_out(outcome)
    }

    /// The first attempt is late: whichever succeeds first is the answer, and the other is dropped.
    async fn both<F>(
        mut self,
        first: F,
        begun: Instant,
        mut spare: Request,
        next: Next<'_>,
    ) -> Result<Response>
    where
        F: Future<Output = Outcome> + Unpin + Send,
    {
        let (again, waited) = (Instant::now(), begun.elapsed());
        spare.attempt = spare.attempt.saturating_add(1);
        spare.extensions.insert(Lane::next());
        let second = Box::pin(Judge::of(&spare).outcome(next.run(spare)));
        let (one, two) = race(first, second).await;
        if one.is_none() {
            // It has taken longer than that, but nobody knows how long.
            self.hedge.note(&self.kind, begun.elapsed());
        }
        let one = one.map(|(outcome, at)| self.ended(outcome, Duration::ZERO, at - begun));
        if one.is_none() {
            self.attempts.given_up(Duration::ZERO, begun.elapsed());
        }
        let two = two.map(|(outcome, at)| self.ended(outcome, waited, at - again));
        if two.is_none() {
            self.attempts.given_up(waited, again.elapsed());
        }
        let outcome = match (one, two) {
            (Some(Ok(res)), _) | (_, Some(Ok(res))) => Ok(res),
            // The second is only more of the same, unless the first was not sent at all.
            (Some(Err(one)), Some(Err(two))) if one.error.attempts() == 0 => Err(two),
            (Some(Err(failure)), _) | (None, Some(Err(failure))) => Err(failure),
            (None, None) => Err(Error::new(ErrorKind::Internal, Phase::Total, "no attempt has ended").into()),
        };
        self.hand_out(outcome)
    }

    /// Lists an attempt, and learns from it what answers take.
    fn ended(&mut self, outcome: Outcome, waited: Duration, took: Duration) -> Outcome {
        match outcome {
            Ok(mut res) => {
                self.hedge.note(&self.kind, took);
                self.attempts.answered(&mut res, waited, took);
                Ok(res)
            }
            Err(failure) => {
                self.attempts.failed(&failure.error, waited, took);
                Err(failure)
            }
        }
    }

    fn hand_out(self, outcome: Outcome) -> Result<Response> {
        match outcome {
            Ok(res) => Ok(self.attempts.on_answer(res)),
            Err(Failure { answer: Some(res), .. }) => Ok(self.attempts.on_answer(*res)),
            Err(Failure { error, answer: None }) => Err(self.attempts.on_error(error)),
        }
    }
}

/// An attempt that has ended, and when.
type Ended = Option<(Outcome, Instant)>;

/// Both attempts, of which one that loses has not ended: it is dropped as soon as the other has succeeded.
async fn race<A, B>(first: A, second: B) -> (Ended, Ended)
where
    A: Future<Output = Outcome> + Unpin,
    B: Future<Output = Outcome> + Unpin,
{
    let ended = |outcome| Some((outcome, Instant::now()));
    match select(first, second).await {
        Either::Left((Ok(res), _loser)) => (ended(Ok(res)), None),
        Either::Right((Ok(res), _loser)) => (None, ended(Ok(res))),
        Either::Left((failed, second)) => {
            let first = ended(failed);
            (first, ended(second.await))
        }
        Either::Right((failed, first)) => {
            let second = ended(failed);
            (ended(first.await), second)
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
