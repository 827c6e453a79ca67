//! Leaves a server alone that fails too often: calls fail at once, until a few on trial have succeeded.
//!
//! What counts is decided when an answer has ended, that of a stream included. The caller's own faults, his rate
//! limits and what he gives up say nothing of the server and do not count.
//!
//! ```
//! use std::sync::Arc;
//! use trae_native::{
//!     middleware::circuit_breaker::{CircuitBreaker, CircuitBreakerOptions},
//!     pipeline::Pipeline,
//!     transport::Scripted,
//! };
//!
//! let breaker = CircuitBreaker::new(CircuitBreakerOptions::default());
//! let pipeline = Pipeline::new(vec![Arc::new(breaker)], Arc::new(Scripted::default()));
//! ```
//!
//! - [`options`]: what can be set · `circuit`: whether a call may pass · `window`: what is remembered of those that
//!   have ended · `outcome`: what an end says

mod circuit;
pub mod options;
mod outcome;
mod window;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use self::circuit::{Circuit, Outcome, Ticket};
pub use self::options::CircuitBreakerOptions;
use crate::{
    Error, ErrorKind, Phase, Result,
    claude::Usage,
    partition::Partition,
    pipeline::{BoxFuture, Middleware, Next},
    request::Request,
    response::Response,
    watch::{Asked, End, Watcher, watch},
};

/// The middleware; one set of circuits for all calls that pass it.
pub struct CircuitBreaker {
    options: CircuitBreakerOptions,
    circuits: Arc<Circuits>,
}

/// By what has one of its own.
type Circuits = Mutex<HashMap<String, Circuit>>;

/// Beyond so many, those that nothing has happened to lately are forgotten.
const MANY: usize = 1024;

impl CircuitBreaker {
    /// A middleware all of whose circuits are closed.
    pub fn new(options: CircuitBreakerOptions) -> Self {
        Self { options, circuits: Arc::default() }
    }

    /// How many circuits are open, on trial, and closed.
    pub fn states(&self) -> [(&'static str, usize); 3] {
        let now = Instant::now();
        let circuits = lock(&self.circuits);
        let count = |state| circuits.values().filter(|circuit| circuit.state(now) == state).count();
        ["open", "half-open", "closed"].map(|state| (state, count(state)))
    }

    fn enter(&self, key: &str, now: Instant) -> Result<Ticket, Duration> {
        let mut circuits = lock(&self.circuits);
        if let Some(circuit) = circuits.get_mut(key) {
            return circuit.enter(now);
        }
        if circuits.len() >= MANY {
            circuits.retain(|_, circuit| !circuit.is_idle(now));
        }
        let circuit = circuits.entry(key.to_owned());
        circuit.or_insert_with(|| Circuit::new(self.options.clone(), now)).enter(now)
    }

    fn open(&self, key: &str, wait: Duration) -> Error {
        // A key of the caller's own is not repeated: it may be made of whatever he has.
        let which = match self.options.per {
            Partition::Origin | Partition::Endpoint => format!("to {key}"),
            Partition::All => "to the server".to_owned(),
            Partition::Credential => "with this credential".to_owned(),
            Partition::Model => "with this credential and model".to_owned(),
            Partition::Own(_) => "of this `key`".to_owned(),
        };
        let when = if wait.is_zero() {
            "calls on trial are under way".to_owned()
        } else {
            format!("the next one is let through in {} ms", wait.as_millis())
        };
        let message = format!("too many calls {which} have failed (`circuitBreaker()`): {when}");
        Error::new(ErrorKind::CircuitOpen, Phase::Prepare, message)
            .with_attempts(0)
            .with_retry_after(Some(wait))
    }
}

impl Middleware for CircuitBreaker {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let key = self.options.per.key(&req).await?;
            let ticket = self.enter(&key, Instant::now()).map_err(|wait| self.open(&key, wait))?;
            let mut passage =
                Passage { circuits: Arc::clone(&self.circuits), key, ticket: Some(ticket), status: 0 };
            let asked = Asked::of(&req);
            match next.run(req).await {
                Ok(res) => {
                    passage.status = res.status.as_u16();
                    Ok(watch(asked, res, passage))
                }
                Err(error) => {
                    passage.end(outcome::of_error(&error));
                    Err(error)
                }
            }
        })
    }
}

/// A call that was let through. Dropped, it says nothing.
struct Passage {
    circuits: Arc<Circuits>,
    key: String,
    ticket: Option<Ticket>,
    status: u16,
}

impl Passage {
    fn end(&mut self, outcome: Outcome) {
        let Some(ticket) = self.ticket.take() else { return };
        if let Some(circuit) = lock(&self.circuits).get_mut(&self.key) {
            circuit.leave(ticket, outcome, Instant::now());
        }
    }
}

impl Watcher for Passage {
    fn over(&mut self, _usage: Usage, end: End<'_>) {
        self.end(outcome::of_end(self.status, &end));
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.end(Outcome::Unknown);
    }
}

fn lock(circuits: &Circuits) -> MutexGuard<'_, HashMap<String, Circuit>> {
    circuits.lock().unwrap_or_else(PoisonError::into_inner)
}
