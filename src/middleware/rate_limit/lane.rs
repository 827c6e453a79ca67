//! One partition: its limits, what it has learned, and those who wait.
//!
//! Invariant: what a call takes is settled once, by what is known when it ends; a call that is given up is taken to
//! have used what was reserved.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout};

use super::{
    account::Account,
    cost::{Cost, Estimate, Of},
    health::{Again, Health},
    learned::Learned,
    lease::{Leases, Taken},
    options::{OnStoreFailure, RateLimitOptions, SharedOptions},
    told::Told,
};
use crate::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    queue::{Decisions, Limit, Queue, Turn},
    store::buckets::{Ask, Buckets, Given, Part},
};

/// How long the store may take for an answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// What a server may ask for at most: after that one call finds out whether it still holds.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The store and what is known of it, for all partitions.
pub(super) struct Shared {
    pub options: SharedOptions,
    pub health: Health,
}

/// A partition.
pub(super) struct Lane {
    /// Its name in the store; no part of it can be read.
    key: String,
    began: Instant,
    pub queue: Queue<Cost>,
    state: Mutex<State>,
    shared: Option<Arc<Shared>>,
}

struct State {
    account: Account,
    learned: Learned,
    leases: Leases,
}

/// What a call has taken.
#[derive(Debug)]
pub(super) struct Reservation {
    pub cost: Cost,
    of: Source,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    Account,
    Lease,
    /// Nothing was counted.
    Nobody,
}

impl Lane {
    pub fn new(
        key: String,
        options: &RateLimitOptions,
        decisions: &Arc<Decisions>,
        shared: Option<Arc<Shared>>,
    ) -> Arc<Self> {
        let state = State {
            account: Account::new(&options.limits),
            learned: Learned::default(),
            leases: Leases::default(),
        };
        Arc::new(Self {
            key,
            began: Instant::now(),
            queue: Queue::new(options.queue, "rateLimit", Arc::clone(decisions)),
            state: Mutex::new(state),
            shared,
        })
    }

    /// What a call with this body is taken to need; its tokens are told only where they matter.
    pub fn foresee(&self, body: &Body) -> (Estimate, Cost) {
        let (counts, learned) = {
            let state = self.lock();
            (state.account.counts_tokens(), state.learned)
        };
        // A large body is read outside of the lock.
        let estimate = if counts { Estimate::of(body) } else { Estimate::default() };
        (estimate, Cost(Of::ALL.map(|of| learned.foresee(estimate, of))))
    }

    /// A call has used this instead of what it was taken to need.
    pub fn settle(&self, taken: &Reservation, used: &Cost) {
        let now = self.clock(Instant::now());
        let state = &mut *self.lock();
        match taken.of {
            Source::Account => state.account.correct(&taken.cost, used, now),
            Source::Lease => state.leases.correct(&taken.cost, used, &state.account.dims),
            Source::Nobody => {}
        }
    }

    /// A call has ended that needed this.
    pub fn learn(&self, estimate: Estimate, read: u64, written: u64) {
        self.lock().learned.learn(estimate, read, written);
    }

    /// An answer has told of the API's limits.
    pub fn adapt(&self, told: &Told, pause: Option<Duration>) {
        if *told == Told::default() && pause.is_none() {
            return;
        }
        let now = self.clock(Instant::now());
        let state = &mut *self.lock();
        state.account.adapt(told, now);
        let until = pause.map_or(0, |pause| now.saturating_add(nanoseconds(pause.min(LONGEST_PAUSE))));
        state.account.pause(until);
        if self.shared.is_some() {
            state.leases.adapt(told, &state.account.dims, until);
        }
    }

    /// Whether nobody would miss it.
    pub fn is_idle(&self, now: Instant) -> bool {
        let now = self.clock(now);
        let state = self.lock();
        self.queue.is_empty() && state.account.is_idle(now) && state.leases.is_idle(now)
    }

    /// Asks the store, whoever waits for it meanwhile: what it gives is the lane's.
    fn ask_store(self: &Arc<Self>, shared: &Arc<Shared>, ask: Ask) {
        let (lane, shared) = (Arc::clone(self), Arc::clone(shared));
        tokio::spawn(async move {
            let SharedOptions { buckets, on_failure, lease } = &shared.options;
            let taken = take(&**buckets, &lane.key, &ask);
            let answer = timeout(PATIENCE, taken).await.unwrap_or_else(|_| {
                Err(Error::new(ErrorKind::Store, Phase::Queue, "it did not answer within a second"))
            });
            let moment = Instant::now();
            let now = lane.clock(moment);
            match answer {
                Ok(given) => {
                    shared.health.well();
                    lane.lock().leases.given(&ask, given, *lease, now);
                }
                Err(error) => {
                    shared.health.failed(&error, *on_failure, moment);
                    lane.lock().leases.refused(&ask, now);
                }
            }
            lane.queue.wake();
        });
    }

    fn local(state: &mut State, cost: &Cost, now: u64) -> Result<Reservation, u64> {
        state.account.take(cost, now).map(|()| Reservation { cost: *cost, of: Source::Account })
    }

    fn clock(&self, now: Instant) -> u64 {
        nanoseconds(now.saturating_duration_since(self.began))
    }

    fn moment(&self, at: u64) -> Option<Instant> {
        self.began.checked_add(Duration::from_nanos(at))
    }

    fn turn(&self, taken: Result<Reservation, u64>) -> Turn<Reservation> {
        match taken {
            Ok(reservation) => Turn::Pass(reservation),
            Err(at) => Turn::Later(self.moment(at)),
        }
    }

    /// The state is consistent after every line, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Limit for Arc<Lane> {
    type Cost = Cost;
    type Permit = Reservation;

    fn ask(&self, cost: &Cost, moment: Instant) -> Turn<Reservation> {
        let now = self.clock(moment);
        let mut state = self.lock();
        let paused = state.account.paused();
        if paused > now {
            return Turn::Later(self.moment(paused));
        }
        let Some(shared) = &self.shared else {
            return self.turn(Lane::local(&mut state, cost, now));
        };
        let away = shared.health.away(moment);
        if away == Some(Again::Later) {
            return self.while_away(shared, &mut state, cost, now);
        }
        let State { account, leases, .. } = &mut *state;
        let taken = leases.take(cost, &account.dims, shared.options.lease, now);
        match (taken, away) {
            (Taken::Ask(ask), away) => {
                self.ask_store(shared, ask);
                // Nobody waits for a store of which it is not known that it is back.
                if away.is_some() {
                    return self.while_away(shared, &mut state, cost, now);
                }
                Turn::Later(None)
            }
            (Taken::Now, _) => Turn::Pass(Reservation { cost: *cost, of: Source::Lease }),
            (_, Some(_)) => self.while_away(shared, &mut state, cost, now),
            (Taken::At(at), None) => Turn::Later(self.moment(at)),
            (Taken::Soon, None) => Turn::Later(None),
        }
    }

    fn wait<'a>(&self, costs: impl Iterator<Item = &'a Cost>, moment: Instant) -> Option<Duration> {
        let now = self.clock(moment);
        let costs: Vec<Cost> = costs.copied().collect();
        let state = self.lock();
        let ready = match &self.shared {
            Some(shared) if shared.health.away(moment).is_none() => {
                state.leases.ready(costs.len() as u64, now).max(state.account.paused())
            }
            _ => state.account.ready(&costs),
        };
        let ready = ready.max(now);
        Some(Duration::from_nanos(ready - now))
    }
}

impl Lane {
    fn while_away(&self, shared: &Shared, state: &mut State, cost: &Cost, now: u64) -> Turn<Reservation> {
        match shared.options.on_failure {
            OnStoreFailure::Open => Turn::Pass(Reservation { cost: *cost, of: Source::Nobody }),
            OnStoreFailure::Closed => {
                let message = "the store of the limits is away, and no call passes without it (`rateLimit.onStoreFailure`)";
                Turn::Refuse(Error::new(ErrorKind::Store, Phase::Queue, message).with_attempts(0))
            }
            OnStoreFailure::Local => self.turn(Lane::local(state, cost, now)),
        }
    }
}

/// Once more where a connection that was idle has been lost. If that has reached the store, as nobody knows, what is
/// wanted is taken twice, and comes again; what is given back must not be given back twice.
async fn take(buckets: &dyn Buckets, key: &str, ask: &Ask) -> Result<Given> {
    match buckets.take(key, ask).await {
        Err(error) if error.kind() == ErrorKind::Store => {
            let parts = ask.parts.iter().map(|part| Part { owed: part.owed.max(0), ..part.clone() });
            buckets.take(key, &Ask { parts: parts.collect(), pause: ask.pause }).await
        }
        answer => answer,
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
