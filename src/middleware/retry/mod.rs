//! Makes a call again that failed in a way that may heal, while nothing of its answer has been handed out.
//!
//! What is inside of it is an attempt, what is outside sees one call.
//!
//! ```
//! use std::sync::Arc;
//! use trae_native::{
//!     middleware::retry::{Retry, RetryOptions},
//!     pipeline::Pipeline,
//!     transport::Scripted,
//! };
//!
//! let retry = Retry::new(RetryOptions { max_retries: 3, ..RetryOptions::default() });
//! let pipeline = Pipeline::new(vec![Arc::new(retry)], Arc::new(Scripted::default()));
//! ```
//!
//! - [`options`]: what can be set · [`overrides`]: what a call sets for itself
//! - `verdict`: whether and when again · `backoff`: the wait

mod backoff;
pub mod options;
pub mod overrides;
mod verdict;

use std::{
    borrow::Cow,
    future::Future,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout_at};

use self::verdict::{Moment, Reason, wait};
pub use self::{
    options::{Jitter, Judge, OnRetry, RetryOptions},
    overrides::{Change, RetryOverride},
};
pub use crate::budget::BudgetOptions;
use crate::{
    Error, Phase, Result,
    budget::Budget,
    pipeline::{BoxFuture, Middleware, Next},
    random,
    request::Request,
    response::Response,
    watch::{self, Attempts, Failure},
};

/// The middleware; one budget for all calls that pass it.
pub struct Retry {
    options: RetryOptions,
    budget: Option<Mutex<Budget>>,
}

impl Retry {
    /// A middleware with a full budget.
    pub fn new(options: RetryOptions) -> Self {
        let budget = options.budget.map(|budget| Mutex::new(Budget::new(budget, Instant::now())));
        Self { options, budget }
    }

    fn deposit(&self, now: Instant) {
        if let Some(budget) = &self.budget {
            budget.lock().unwrap_or_else(PoisonError::into_inner).deposit(now);
        }
    }

    fn withdraw(&self, now: Instant) -> bool {
        let Some(budget) = &self.budget else { return true };
        budget.lock().unwrap_or_else(PoisonError::into_inner).withdraw(now)
    }
}

impl Middleware for Retry {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let options = match req.extensions.get::<RetryOverride>() {
                Some(own) => Cow::Owned(own.over(&self.options)),
                None => Cow::Borrowed(&self.options),
            };
            if options.max_retries == 0 {
                return next.run(req).await;
            }
            let now = Instant::now();
            self.deposit(now);
            Course::begin(self, &options, &req, now).run(req, next).await
        })
    }
}

/// A call on its way through its attempts.
struct Course<'a> {
    retry: &'a Retry,
    options: &'a RetryOptions,
    started: Instant,
    retries: u32,
    /// The wait before the present attempt.
    waited: Duration,
    attempts: Attempts,
    last: Option<Error>,
}

impl<'a> Course<'a> {
    fn begin(retry: &'a Retry, options: &'a RetryOptions, req: &Request, now: Instant) -> Self {
        Self {
            retry,
            options,
            started: now,
            retries: 0,
            waited: Duration::ZERO,
            attempts: Attempts::of(req),
            last: None,
        }
    }

    async fn run(mut self, mut req: Request, next: Next<'_>) -> Result<Response> {
        loop {
            let spare = self.spare(&req);
            let judge = watch::Judge::of(&req);
            let begun = Instant::now();
            let failure = match self.in_time(judge.outcome(next.run(req))).await {
                Some(Ok(res)) => return Ok(self.answered(res, begun)),
                Some(Err(failure)) => failure,
                None => return Err(self.late(begun)),
            };
            self.failed(&failure.error, begun);
            let is_worth = match self.in_time(self.is_worth(&failure.error)).await {
                Some(Ok(is_worth)) => is_worth,
                Some(Err(error)) => return Err(self.attempts.on_error(error)),
                None => return Err(self.overdue(failure.error)),
            };
            let wait = match self.verdict(&failure.error, is_worth, spare) {
                Ok((spare, wait)) => {
                    req = spare;
                    wait
                }
                Err(reason) => return self.give_up(failure, reason),
            };
            if let Some(tell) = &self.options.on_retry {
                // One that failed before anything was sent was one nevertheless to who hears of it.
                tell(&failure.error, self.attempts.count().max(1), wait);
            }
            // The connection is free before the wait.
            drop(failure.answer);
            self.last = Some(failure.error);
            sleep(wait).await;
            self.retries += 1;
            self.waited = wait;
            req.attempt = self.attempts.count() + 1;
        }
    }

    /// What another attempt would send, taken while it can be.
    fn spare(&self, req: &Request) -> Result<Request, Reason> {
        if self.is_exhausted() {
            return Err(Reason::Exhausted);
        }
        req.replay().ok_or(Reason::Body)
    }

    fn is_exhausted(&self) -> bool {
        self.retries >= self.options.max_retries
    }

    /// Nobody is asked where the answer would change nothing.
    async fn is_worth(&self, error: &Error) -> Result<bool> {
        match &self.options.should_retry {
            Some(_) if self.is_exhausted() => Ok(false),
            Some(judge) => judge.is_worth(error, self.attempts.count().max(1)).await,
            None => Ok(error.is_retryable()),
        }
    }

    fn verdict(
        &self,
        error: &Error,
        is_worth: bool,
        spare: Result<Request, Reason>,
    ) -> Result<(Request, Duration), Reason> {
        if matches!(spare, Err(Reason::Exhausted)) {
            return Err(Reason::Exhausted);
        }
        if !is_worth {
            return Err(Reason::Final);
        }
        let spare = spare?;
        let now = Instant::now();
        let moment = Moment {
            retries: self.retries,
            hint: error.retry_after(),
            previous: self.waited,
            elapsed: now.duration_since(self.started),
            random: random::unit(),
        };
        let wait = wait(self.options, &moment)?;
        // Last, so that nothing is spent on a retry that something else forbids.
        if self.retry.withdraw(now) { Ok((spare, wait)) } else { Err(Reason::Budget) }
    }

    /// `None` once the deadline has passed.
    async fn in_time<T>(&self, attempt: impl Future<Output = T>) -> Option<T> {
        match self.options.deadline.and_then(|deadline| self.started.checked_add(deadline)) {
            Some(at) => timeout_at(at, attempt).await.ok(),
            None => Some(attempt.await),
        }
    }

    fn answered(mut self, mut res: Response, begun: Instant) -> Response {
        self.attempts.answered(&mut res, self.waited, begun.elapsed());
        self.attempts.on_answer(res)
    }

    fn failed(&mut self, error: &Error, begun: Instant) {
        self.attempts.failed(error, self.waited, begun.elapsed());
    }

    fn give_up(self, failure: Failure, reason: Reason) -> Result<Response> {
        if let Some(answer) = failure.answer {
            return Ok(self.attempts.on_answer(*answer));
        }
        let error = match reason.note() {
            Some(note) => failure.error.with_note(&note),
            None => failure.error,
        };
        Err(self.attempts.on_error(error))
    }

    /// The deadline has passed while somebody still judged this failure.
    fn overdue(mut self, failure: Error) -> Error {
        let deadline = self.options.deadline.unwrap_or_default();
        self.last = None;
        let error = Error::timeout(Phase::Total, "the failure was not judged", deadline, "retry.deadline");
        self.attempts.on_error(error.with_source(failure))
    }

    /// The deadline has passed in the middle of an attempt; what failed before is the cause.
    fn late(mut self, begun: Instant) -> Error {
        let deadline = self.options.deadline.unwrap_or_default();
        let error = Error::timeout(Phase::Total, "the call was not answered", deadline, "retry.deadline");
        self.failed(&error, begun);
        match self.last.take() {
            Some(cause) => self.attempts.on_error(error.with_source(cause)),
            None => self.attempts.on_error(error),
        }
    }
}
