//! A fair, bounded queue in front of a limit: who waits, in which order, for how long.
//!
//! Only the first in line asks the [`Limit`], and takes its permit there and then: a permit is never under way to
//! somebody who may have left, so none can be lost. Invariants, whatever is dropped when:
//!
//! 1. No more wait than allowed, and nobody passes who has somebody before him (`line`).
//! 2. Whoever leaves the line, by whatever way, has the next one ask.
//! 3. A permit is in the hands of whoever passed, or it was never taken.
//!
//! - [`options`]: what can be set · [`priority`]: who matters more · `line`: the order
//! - [`decisions`]: what was decided, counted
//!
//! The middlewares that limit may use this room; it uses the nouns only.

pub mod decisions;
mod line;
pub mod options;
pub mod priority;

use std::{
    iter,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout_at},
};

use self::line::{Line, Ticket};
pub use self::{
    decisions::{Decided, Decisions},
    options::QueueOptions,
    priority::{Priority, Standing},
};
use crate::{Error, ErrorKind, Phase, Result};

/// What is waited for.
pub trait Limit {
    /// What one who passes takes of it.
    type Cost;
    /// What one who has passed holds.
    type Permit;

    /// The first in line asks. It is asked under the queue's lock: it must not wait, nor use the queue.
    fn ask(&self, cost: &Self::Cost, now: Instant) -> Turn<Self::Permit>;

    /// How long one would wait who comes behind these, as far as that can be known.
    fn wait<'a>(&self, costs: impl Iterator<Item = &'a Self::Cost>, now: Instant) -> Option<Duration>
    where
        Self::Cost: 'a;
}

/// What the first in line is told.
pub enum Turn<P> {
    /// It passes.
    Pass(P),
    /// It asks again at this moment, or when the queue is [woken](Queue::wake).
    Later(Option<Instant>),
    /// It does not pass at all.
    Refuse(Error),
}

/// Who has passed.
pub struct Passed<P> {
    /// What it holds.
    pub permit: P,
    /// How long it has waited.
    pub waited: Duration,
}

/// The queue of one limit.
pub struct Queue<C> {
    options: QueueOptions,
    /// The option of the middleware, as the user writes it, without its last word.
    name: &'static str,
    decisions: Arc<Decisions>,
    began: Instant,
    line: Mutex<Line<Waiting<C>>>,
}

struct Waiting<C> {
    cost: Arc<C>,
    wake: Arc<Notify>,
}

impl<C> Queue<C> {
    /// An empty one of the middleware that has this name. What is decided is counted there.
    pub fn new(options: QueueOptions, name: &'static str, decisions: Arc<Decisions>) -> Self {
        Self { options, name, decisions, began: Instant::now(), line: Mutex::new(Line::new()) }
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.lock().len() == 0
    }

    /// Something has changed: the first in line asks again.
    pub fn wake(&self) {
        if let Some(first) = self.lock().first() {
            first.wake.notify_one();
        }
    }

    /// Waits until it is one's turn and the limit lets one pass. Dropping the future leaves the line.
    ///
    /// Who is impatient passes at once or is refused, with the wait that it would have had.
    pub async fn pass<L>(&self, limit: &L, cost: C, standing: Standing) -> Result<Passed<L::Permit>>
    where
        L: Limit<Cost = C>,
    {
        let started = Instant::now();
        let place = match self.enter(limit, cost, standing, started)? {
            Entry::Passed(permit) => return Ok(Passed { permit, waited: Duration::ZERO }),
            Entry::Waits(place) => place,
        };
        let outcome = match self.options.timeout.and_then(|timeout| started.checked_add(timeout)) {
            Some(at) => {
                let cost = Arc::clone(&place.cost);
                let turn = timeout_at(at, place.turn(limit)).await;
                turn.unwrap_or_else(|_| Err(self.late(limit.wait(iter::once(&*cost), Instant::now()))))
            }
            None => place.turn(limit).await,
        };
        match outcome {
            Ok(permit) => {
                self.decisions.waited();
                Ok(Passed { permit, waited: started.elapsed() })
            }
            Err(error) => {
                self.decisions.refused();
                Err(error)
            }
        }
    }

    fn enter<L>(
        &self,
        limit: &L,
        cost: C,
        standing: Standing,
        now: Instant,
    ) -> Result<Entry<'_, C, L::Permit>>
    where
        L: Limit<Cost = C>,
    {
        let mut line = self.lock();
        let ticket = line.ticket(self.nanoseconds(now), standing.priority);
        if line.is_first(ticket) {
            match limit.ask(&cost, now) {
                Turn::Pass(permit) => {
                    self.decisions.passed();
                    return Ok(Entry::Passed(permit));
                }
                Turn::Refuse(error) => {
                    self.decisions.refused();
                    return Err(error);
                }
                Turn::Later(_) => {}
            }
        }
        if standing.impatient || line.len() >= self.options.limit {
            self.decisions.refused();
            let ahead = line.ahead(ticket).map(|waiting| &*waiting.cost);
            return Err(self.full(standing, limit.wait(ahead.chain([&cost]), now)));
        }
        let (cost, wake) = (Arc::new(cost), Arc::new(Notify::new()));
        line.join(ticket, Waiting { cost: Arc::clone(&cost), wake: Arc::clone(&wake) });
        self.decisions.came();
        Ok(Entry::Waits(Place { queue: self, ticket, cost, wake }))
    }

    fn full(&self, standing: Standing, wait: Option<Duration>) -> Error {
        let (name, limit) = (self.name, self.options.limit);
        let would = wait
            .map(|wait| format!("; its wait would have been {} ms", wait.as_millis()))
            .unwrap_or_default();
        let message = if standing.impatient {
            format!("{name}() would have the call wait, and it has somewhere else to go{would}")
        } else {
            format!(
                "{limit} {} already (`{name}.queueLimit`){would}",
                if limit == 1 { "call waits" } else { "calls wait" }
            )
        };
        Error::new(ErrorKind::QueueFull, Phase::Queue, message).with_attempts(0).with_retry_after(wait)
    }

    fn late(&self, wait: Option<Duration>) -> Error {
        let timeout = self.options.timeout.unwrap_or_default();
        let what = format!("{}() did not let the call pass", self.name);
        Error::timeout(Phase::Queue, &what, timeout, &format!("{}.queueTimeout", self.name))
            .with_attempts(0)
            .with_retry_after(wait)
    }

    fn nanoseconds(&self, now: Instant) -> i64 {
        i64::try_from(now.saturating_duration_since(self.began).as_nanos()).unwrap_or(i64::MAX)
    }

    /// The state is consistent after every line, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Line<Waiting<C>>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Entry<'a, C, P> {
    Passed(P),
    Waits(Place<'a, C>),
}

/// A place in line, left when dropped.
struct Place<'a, C> {
    queue: &'a Queue<C>,
    ticket: Ticket,
    cost: Arc<C>,
    wake: Arc<Notify>,
}

impl<C> Place<'_, C> {
    /// Being dropped once it has passed, it has the next one ask: there may be room for more than one.
    async fn turn<L: Limit<Cost = C>>(self, limit: &L) -> Result<L::Permit> {
        loop {
            match self.ask(limit) {
                Turn::Pass(permit) => return Ok(permit),
                Turn::Refuse(error) => return Err(error),
                Turn::Later(None) => self.wake.notified().await,
                Turn::Later(Some(at)) => tokio::select! {
                    () = self.wake.notified() => {}
                    () = sleep_until(at) => {}
                },
            }
        }
    }

    /// One who came later may have gone before.
    fn ask<L: Limit<Cost = C>>(&self, limit: &L) -> Turn<L::Permit> {
        let line = self.queue.lock();
        if line.is_first(self.ticket) { limit.ask(&self.cost, Instant::now()) } else { Turn::Later(None) }
    }
}

impl<C> Drop for Place<'_, C> {
    fn drop(&mut self) {
        self.queue.lock().leave(self.ticket);
        self.queue.decisions.left();
        self.queue.wake();
    }
}

#[cfg(test)]
mod tests;
