//! The credential that is kept, and the one flight that fetches the next, for whoever waits.
//!
//! Whoever waits polls the flight, so that it is cancelled when the last one leaves and goes on while one
//! stays. In the background a task of the keeper's waits; it ends with the keeper.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures_util::{
    FutureExt,
    future::{Shared, WeakShared},
};
use http::HeaderValue;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::{
    options::Terms,
    provider::{Ask, Provider, Reason, Token},
    remedy::{Refused, Remedy, remedy},
    scheme::Scheme,
    tier::{Course, Tier},
};
use crate::{
    Error, ErrorKind, Phase, Result,
    pipeline::{BoxFuture, Next},
    random,
};

/// Keeps what a provider gives.
pub(super) struct Keeper {
    supply: Arc<Supply>,
    state: Arc<Mutex<State>>,
}

/// Where credentials come from, and what holds for them.
struct Supply {
    provider: Arc<dyn Provider>,
    scheme: Scheme,
    terms: Terms,
}

/// A credential as it is kept.
pub(super) struct Held {
    pub(super) header: HeaderValue,
    generation: u64,
    reason: Reason,
    received: Instant,
    course: Option<Course>,
}

#[derive(Default)]
struct State {
    present: Option<Arc<Held>>,
    /// Why there is none, where there is none.
    lacking: Reason,
    /// The one under way; a flight that nobody waits for is gone.
    flight: Option<(u64, WeakShared<Flight>)>,
    /// Numbers flights, and so the credentials that they bring.
    flights: u64,
    /// Until then nothing is tried that can wait.
    rests: Option<Instant>,
    background: Option<AbortOnDropHandle<()>>,
}

type Flight = BoxFuture<'static, Landing>;
type Landing = Result<Arc<Held>, Arc<Error>>;

impl Held {
    fn tier(&self, now: Instant) -> Tier {
        self.course.map_or(Tier::Fresh, |course| course.tier(now))
    }
}

impl Keeper {
    pub(super) fn new(provider: Arc<dyn Provider>, scheme: Scheme, terms: Terms) -> Self {
        let supply = Arc::new(Supply { provider, scheme, terms });
        Self { supply, state: Arc::default() }
    }

    /// The credential for a call.
    pub(super) async fn obtain(&self, next: Next<'_>) -> Result<Arc<Held>> {
        let (flight, kept, reason) = {
            let mut state = self.state();
            let now = Instant::now();
            match state.present.clone().map(|held| (held.tier(now), held)) {
                Some((Tier::Fresh, held)) => return Ok(held),
                Some((Tier::Stale, held)) => {
                    self.refresh(&mut state, now, next);
                    return Ok(held);
                }
                Some((Tier::Late, held)) if state.rests(now) => return Ok(held),
                Some((_, held)) => {
                    (self.join(&mut state, Reason::Expiring, next), Some(held), Reason::Expiring)
                }
                None => {
                    let reason = state.lacking;
                    (self.join(&mut state, reason, next), None, reason)
                }
            }
        };
        match (flight.await, kept) {
            (Ok(held), _) => Ok(held),
            (Err(_), Some(kept)) if kept.tier(Instant::now()) < Tier::Expired => Ok(kept),
            (Err(error), _) => Err(self.explain(error, reason)),
        }
    }

    /// The server refused a call that was sent with this one. Says whether another is worth a try; if so,
    /// [`obtain`](Self::obtain) gives it.
    pub(super) fn refuse(&self, held: &Held) -> Remedy {
        let mut state = self.state();
        let refused =
            Refused { generation: held.generation, reason: held.reason, age: held.received.elapsed() };
        let present = state.present.as_ref().map(|held| held.generation);
        let remedy = remedy(refused, present, self.supply.terms.renewal.pause);
        if remedy == Remedy::Renew {
            state.present = None;
            state.lacking = Reason::Refused;
        }
        remedy
    }

    /// Throws away what is kept; who waits already still gets what is under way.
    pub(super) fn invalidate(&self) {
        let mut state = self.state();
        *state = State { flights: state.flights, ..State::default() };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Starts a flight that nobody waits for, unless there is one or the last one has just failed.
    fn refresh(&self, state: &mut State, now: Instant, next: Next<'_>) {
        if !state.rests(now) && state.under_way().is_none() {
            let flight = self.join(state, Reason::Expiring, next);
            let task = tokio::spawn(flight.map(drop));
            state.background = Some(AbortOnDropHandle::new(task));
        }
    }

    /// The flight under way, or a new one.
    fn join(&self, state: &mut State, reason: Reason, next: Next<'_>) -> Shared<Flight> {
        if let Some(flight) = state.under_way() {
            return flight;
        }
        state.flights += 1;
        let number = state.flights;
        let ask = Ask { reason, endpoint: next.endpoint() };
        let flight: Flight =
            Box::pin(fly(Arc::clone(&self.supply), ask, number, Arc::downgrade(&self.state)));
        let flight = flight.shared();
        state.flight = flight.downgrade().map(|weak| (number, weak));
        flight
    }

    /// In the middleware's words, for one of those who waited.
    fn explain(&self, error: Arc<Error>, reason: Reason) -> Error {
        let room = self.supply.terms.room;
        let what = match reason {
            Reason::Refused => {
                format!("the server refused the credential of `{room}`, which got no other")
            }
            Reason::Missing | Reason::Expiring => format!("`{room}` got no credential"),
        };
        Error::new(error.kind(), Phase::Prepare, format!("{what}: {}", error.message()))
            .with_retry_after(error.retry_after())
            .with_source(error)
    }
}

impl State {
    /// The last flight has just failed.
    fn rests(&self, now: Instant) -> bool {
        self.rests.is_some_and(|until| now < until)
    }

    fn under_way(&self) -> Option<Shared<Flight>> {
        self.flight.as_ref().and_then(|(_, flight)| flight.upgrade())
    }
}

/// Asks the provider and keeps what it gives, unless it was thrown away meanwhile.
async fn fly(supply: Arc<Supply>, ask: Ask, number: u64, state: Weak<Mutex<State>>) -> Landing {
    let reason = ask.reason;
    let landing = match supply.ask(ask).await {
        Ok(token) => supply.hold(&token, number, reason),
        Err(error) => Err(error),
    };
    let landing = landing.map(Arc::new).map_err(Arc::new);
    if let Some(state) = state.upgrade() {
        let mut state = lock(&state);
        if state.flight.as_ref().is_some_and(|(current, _)| *current == number) {
            state.flight = None;
            state.rests = landing.is_err().then(|| Instant::now() + supply.terms.renewal.pause);
            if let Ok(held) = &landing {
                state.present = Some(Arc::clone(held));
                state.lacking = Reason::Missing;
            }
        }
    }
    landing
}

impl Supply {
    async fn ask(&self, ask: Ask) -> Result<Token> {
        let Some(limit) = self.terms.timeout else { return self.provider.token(ask).await };
        tokio::time::timeout(limit, self.provider.token(ask)).await.unwrap_or_else(|_| {
            let (room, ms) = (self.terms.room, limit.as_millis());
            let message = format!("the provider gave none within {ms} ms (`{room}.timeout`)");
            Err(Error::new(ErrorKind::Timeout, Phase::Prepare, message))
        })
    }

    fn hold(&self, token: &Token, generation: u64, reason: Reason) -> Result<Held> {
        let received = Instant::now();
        let lifetime = token.lifetime.or(self.terms.ttl);
        let course = lifetime
            .and_then(|lifetime| Course::plan(received, lifetime, &self.terms.renewal, random::unit()));
        let header = self.scheme.write(&token.secret)?;
        Ok(Held { header, generation, reason, received, course })
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
