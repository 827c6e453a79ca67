//! One connection that all share: opened when it is first asked for, and again whenever it is lost.
//!
//! Invariants: at most one attempt to connect is under way. Who asks while the first one is waits for it; while the
//! server is known to be away everybody is told so at once, and a task tries again in the background for as long as
//! somebody asks.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, time};

use super::{
    fault,
    place::{Conn, Place},
};
use crate::random;

/// Between two attempts to connect: the first, and what it never exceeds as it doubles.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// So many commands in a row without an answer, and a connection that seems open is none.
const SILENT: u32 = 3;

pub(super) struct Link {
    place: Place,
    state: watch::Sender<State>,
    /// Whether somebody has asked since the last attempt.
    asked: AtomicBool,
    /// Failures of the connection in a row.
    strikes: AtomicU32,
}

#[derive(Clone)]
enum State {
    Idle,
    Opening,
    Open { conn: Conn, number: u64 },
    Away { reason: Arc<str> },
}

/// A connection, and which one of all that there were.
pub(super) struct Taken {
    pub(super) conn: Conn,
    number: u64,
}

impl Link {
    pub(super) fn new(place: Place) -> Arc<Self> {
        let (asked, strikes) = (AtomicBool::default(), AtomicU32::default());
        Arc::new(Self { place, state: watch::Sender::new(State::Idle), asked, strikes })
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// The connection; or why there is none.
    pub(super) async fn take(self: &Arc<Self>) -> Result<Taken, Arc<str>> {
        self.asked.store(true, Ordering::Relaxed);
        let mut states = self.state.subscribe();
        loop {
            self.begin(|state| matches!(state, State::Idle), 0);
            let settled = states.wait_for(|state| !matches!(state, State::Opening)).await;
            match settled.as_deref() {
                Ok(State::Open { conn, number }) => {
                    return Ok(Taken { conn: conn.clone(), number: *number });
                }
                Ok(State::Away { reason }) => return Err(Arc::clone(reason)),
                // Given up between the two: it begins again.
                Ok(State::Idle | State::Opening) => {}
                Err(_) => return Err("it is closed".into()),
            }
        }
    }

    /// A command was answered.
    pub(super) fn works(&self) {
        if self.strikes.load(Ordering::Relaxed) > 0 {
            self.strikes.store(0, Ordering::Relaxed);
        }
    }

    /// A command was not answered in time.
    pub(super) fn silent(self: &Arc<Self>, taken: &Taken) {
        self.strike(taken, SILENT.max(taken.conn.patience()));
    }

    /// The connection broke, or leads to the wrong server.
    pub(super) fn broken(self: &Arc<Self>, taken: &Taken) {
        self.strike(taken, taken.conn.patience());
    }

    fn strike(self: &Arc<Self>, taken: &Taken, patience: u32) {
        if self.strikes.fetch_add(1, Ordering::Relaxed) + 1 >= patience {
            // Only the one that it was: another may have been opened since.
            let is_same =
                |state: &State| matches!(state, State::Open { number, .. } if *number == taken.number);
            self.begin(is_same, taken.number);
        }
    }

    /// Connects, if the state is so.
    fn begin(self: &Arc<Self>, holds: impl FnOnce(&State) -> bool, last: u64) {
        let begun = self.state.send_if_modified(|state| {
            let begins = holds(state);
            if begins {
                *state = State::Opening;
            }
            begins
        });
        if begun {
            self.strikes.store(0, Ordering::Relaxed);
            tokio::spawn(open(Arc::downgrade(self), last.wrapping_add(1)));
        }
    }
}

/// Tries until there is a connection, nobody asks any more, or nobody has the link.
async fn open(link: Weak<Link>, number: u64) {
    let mut wait = BACKOFF.0;
    loop {
        let Some(here) = link.upgrade() else { return };
        here.asked.store(false, Ordering::Relaxed);
        let reason = match time::timeout(here.place.patience(), here.place.open()).await {
            Ok(Ok(conn)) => {
                here.state.send_replace(State::Open { conn, number });
                return;
            }
            Ok(Err(error)) => fault::words(&error),
            Err(_) => "it cannot be reached in time (`store.connectTimeout`)".to_owned(),
        };
        here.state.send_replace(State::Away { reason: reason.into() });
        drop(here);
        time::sleep(wait.mul_f64(0.5 + random::unit() / 2.0)).await;
        wait = (wait * 2).min(BACKOFF.1);
        let Some(here) = link.upgrade() else { return };
        if !here.asked.load(Ordering::Relaxed) {
            here.state.send_replace(State::Idle);
            return;
        }
    }
}
