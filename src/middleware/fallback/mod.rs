//! Sends a call that fails at one target to the next, while nothing of its answer has been handed out.
//!
//! Invariants: after something was handed out nothing is sent to another target; no credential of the client's
//! leaves its origin, and none of a target's goes anywhere else; a body that passes only once is sent once.
//!
//! Only calls to the client's own origin have other targets.
//!
//! ```
//! use std::sync::Arc;
//! use trae_native::{
//!     middleware::fallback::{Fallback, FallbackOptions, On, Strategy, Target},
//!     pipeline::Pipeline,
//!     transport::Scripted,
//! };
//!
//! let own = Target { name: "primary".into(), ..Target::default() };
//! let smaller = Target { name: "smaller".into(), model: Some("claude-haiku-4-5".into()), ..Target::default() };
//! let options = FallbackOptions { targets: vec![own, smaller], strategy: Strategy::Ordered, on: On::defaults() };
//! let pipeline = Pipeline::new(vec![Arc::new(Fallback::new(options))], Arc::new(Scripted::default()));
//! ```
//!
//! - [`options`]: what can be set · `on`: which failures send a call on · `order`: to which target · `model`: another
//!   model in its content

mod model;
mod on;
pub mod options;
mod order;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use self::{model::with_model, order::order};
pub use self::{
    on::On,
    options::{FallbackOptions, Strategy, Target},
};
use crate::{
    Error, Result,
    attempt::Attempt,
    body::Body,
    identity::Identity,
    pipeline::{BoxFuture, Middleware, Next},
    random,
    request::{Authorized, Request, drop_credentials},
    response::{Response, Served, StandIn},
    watch::{Attempts, Failure, Judge},
};

/// The middleware.
pub struct Fallback {
    options: FallbackOptions,
    weights: Vec<f64>,
}

impl Fallback {
    /// A middleware with these targets.
    pub fn new(options: FallbackOptions) -> Self {
        let weights = options.targets.iter().map(|target| target.weight).collect();
        Self { options, weights }
    }

    /// Who asks by way of it: a digest of what its targets send calls with.
    pub fn identity(&self) -> Identity {
        Identity::of(self.options.targets.iter().flat_map(|target| {
            let headers =
                target.headers.iter().flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
            let model = target.model.as_deref().unwrap_or_default();
            [target.name.as_bytes(), model.as_bytes()].into_iter().chain(headers)
        }))
    }

    fn sends_on(&self, error: &Error) -> bool {
        self.options.on.iter().any(|on| on.matches(error))
    }
}

impl Middleware for Fallback {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        if !req.is_home() || self.options.targets.is_empty() {
            return next.run(req);
        }
        let order = order(self.options.strategy, &self.weights, random::unit);
        let targets = order.into_iter().filter_map(|place| self.options.targets.get(place)).collect();
        let course = Course { fallback: self, attempts: Attempts::of(&req), said: Vec::new(), sent: None };
        Box::pin(course.run(req, next, targets))
    }
}

/// A call on its way along the targets.
struct Course<'a> {
    fallback: &'a Fallback,
    attempts: Attempts,
    /// What each target has said.
    said: Vec<String>,
    /// The last failure of a target that the call was sent to.
    sent: Option<Error>,
}

impl Course<'_> {
    async fn run(mut self, mut req: Request, next: Next<'_>, targets: Vec<&Target>) -> Result<Response> {
        let mut targets = targets.into_iter().peekable();
        loop {
            // Checked to be there by whoever calls, and before each turn.
            let Some(target) = targets.next() else { return next.run(req).await };
            let spare = targets.peek().map(|_| req.replay());
            target.prepare(&mut req);
            let (judge, begun) = (Judge::of(&req), Instant::now());
            let failure = match judge.outcome(next.run(req)).await {
                Ok(res) => return Ok(self.answered(res, target, begun)),
                Err(failure) => failure,
            };
            name(self.attempts.failed(&failure.error, Duration::ZERO, begun.elapsed()), target);
            self.said.push(format!("`{}` {}", target.name, failure.error.code()));
            let sends_on = self.fallback.sends_on(&failure.error);
            let passes_once = sends_on && matches!(spare, Some(None));
            req = match spare.flatten().filter(|_| sends_on) {
                Some(spare) => spare,
                None => return self.give_up(failure, target, passes_once),
            };
            if failure.error.attempts() > 0 && failure.answer.is_none() {
                self.sent = Some(failure.error);
            }
            req.attempt = self.attempts.count().saturating_add(1).max(req.attempt);
        }
    }

    fn answered(mut self, mut res: Response, target: &Target, begun: Instant) -> Response {
        name(self.attempts.answered(&mut res, Duration::ZERO, begun.elapsed()), target);
        if !self.said.is_empty() {
            res.extensions.insert(StandIn);
        }
        self.attempts.on_answer(served(res, target))
    }

    fn give_up(self, failure: Failure, target: &Target, passes_once: bool) -> Result<Response> {
        if let Some(answer) = failure.answer {
            return Ok(self.attempts.on_answer(served(*answer, target)));
        }
        // That the last one was not even asked is less than what the one before has said.
        let error = match self.sent {
            Some(sent) if failure.error.attempts() == 0 => sent,
            _ => failure.error,
        };
        let error = if passes_once {
            error
                .with_note("not sent to another target: the request's body is streamed, and passes only once")
        } else if self.said.len() > 1 {
            error.with_note(&format!("`fallback()` has tried {}", self.said.join(", ")))
        } else {
            error
        };
        Err(self.attempts.on_error(error))
    }
}

impl Target {
    /// Makes the request one of this target's.
    fn prepare(&self, req: &mut Request) {
        if let Some(place) = &self.place {
            place.take(req);
        }
        if self.headers.values().any(http::HeaderValue::is_sensitive) {
            drop_credentials(&mut req.headers, &req.options.secret_headers);
            req.extensions.insert(Authorized);
        }
        for (name, value) in &self.headers {
            // Among tens of thousands of headers there is no room for one more: no server takes them anyway.
            let _full = req.headers.try_insert(name, value.clone());
        }
        if let (Some(model), Body::Full(json)) = (&self.model, &req.body)
            && let Some(changed) = with_model(json, model)
        {
            req.body = Body::Full(changed);
        }
    }
}

/// A layer further in may know the target better.
fn name(attempts: &mut [Attempt], target: &Target) {
    for attempt in attempts {
        attempt.served.target.get_or_insert_with(|| Arc::clone(&target.name));
    }
}

fn served(mut res: Response, target: &Target) -> Response {
    let served = res.extensions.get_or_insert_default::<Served>();
    served.target.get_or_insert_with(|| Arc::clone(&target.name));
    res
}
