//! One partition: its limit, how many are under way, and those who wait.
//!
//! Invariant: a permit is given back once, when it is dropped, whatever became of its call.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    aimd::{Aimd, Outcome},
    options::{Ceiling, ConcurrencyOptions},
};
use crate::queue::{Decisions, Limit, Queue, Turn};

/// A partition.
pub(super) struct Lane {
    pub queue: Queue<()>,
    state: Mutex<State>,
}

struct State {
    limit: Limited,
    under_way: u64,
    /// How long calls are under way, on average, in seconds.
    usual: f64,
}

enum Limited {
    Fixed(u64),
    Adaptive(Aimd),
}

impl Limited {
    fn now(&self) -> u64 {
        match self {
            Self::Fixed(limit) => *limit,
            Self::Adaptive(aimd) => aimd.limit(),
        }
    }
}

/// A call under way.
pub(super) struct Permit {
    lane: Arc<Lane>,
    began: Instant,
    round: u64,
    /// What its end says; unless somebody says something, nothing.
    pub outcome: Outcome,
}

impl Lane {
    pub fn new(options: &ConcurrencyOptions, decisions: &Arc<Decisions>) -> Arc<Self> {
        let limit = match options.limit {
            Ceiling::Fixed(limit) => Limited::Fixed(limit),
            Ceiling::Adaptive(adaptive) => Limited::Adaptive(Aimd::new(adaptive)),
        };
        Arc::new(Self {
            queue: Queue::new(options.queue, "concurrency", Arc::clone(decisions)),
            state: Mutex::new(State { limit, under_way: 0, usual: 0.0 }),
        })
    }

    /// How many may be under way, and how many are.
    pub fn read(&self) -> (u64, u64) {
        let state = self.lock();
        (state.limit.now(), state.under_way)
    }

    /// Whether nobody would miss it: what it has found out is lost with it.
    pub fn is_idle(&self) -> bool {
        self.lock().under_way == 0 && self.queue.is_empty()
    }

    fn leave(&self, permit: &Permit) {
        let mut state = self.lock();
        if let Limited::Adaptive(aimd) = &mut state.limit {
            let mut changed = *aimd;
            changed.ended(permit.outcome, permit.round, state.under_way);
            state.limit = Limited::Adaptive(changed);
        }
        state.under_way -= 1;
        let took = permit.began.elapsed().as_secs_f64();
        state.usual = if state.usual == 0.0 { took } else { state.usual + 0.125 * (took - state.usual) };
    }

    /// The state is consistent after every line, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Limit for Arc<Lane> {
    type Cost = ();
    type Permit = Permit;

    fn ask(&self, (): &(), now: Instant) -> Turn<Permit> {
        let mut state = self.lock();
        if state.under_way >= state.limit.now() {
            return Turn::Later(None);
        }
        state.under_way += 1;
        let round = match &state.limit {
            Limited::Fixed(_) => 0,
            Limited::Adaptive(aimd) => aimd.round(),
        };
        Turn::Pass(Permit { lane: Arc::clone(self), began: now, round, outcome: Outcome::Unknown })
    }

    /// One place becomes free in each such time, on average.
    fn wait<'a>(&self, costs: impl Iterator<Item = &'a ()>, _: Instant) -> Option<Duration> {
        let state = self.lock();
        let behind = u32::try_from(costs.count()).ok()?;
        let places = u32::try_from(state.limit.now()).ok()?;
        let wait = state.usual * f64::from(behind) / f64::from(places);
        Duration::try_from_secs_f64(wait).ok().filter(|wait| !wait.is_zero())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.lane.leave(self);
        self.lane.queue.wake();
    }
}
