//! Whether the store that replicas share is there.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::options::OnStoreFailure;
use crate::Error;

/// What is known of the store.
#[derive(Debug, Default)]
pub(super) struct Health {
    state: Mutex<State>,
    failures: AtomicU64,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Well,
    /// It is asked again from this moment on; what is to be told of it was told, or not yet.
    Away { until: Instant, notice: Option<String> },
}

/// How long it is left alone after it has failed.
const REST: Duration = Duration::from_secs(1);

impl Health {
    /// Whether it is away, and whether it is time to ask it again.
    pub fn away(&self, now: Instant) -> Option<Again> {
        match &*self.lock() {
            State::Well => None,
            State::Away { until, .. } => Some(if now < *until { Again::Later } else { Again::Now }),
        }
    }

    /// It has answered.
    pub fn well(&self) {
        *self.lock() = State::Well;
    }

    /// It has not.
    pub fn failed(&self, error: &Error, policy: OnStoreFailure, now: Instant) {
        self.failures.fetch_add(1, Relaxed);
        let mut state = self.lock();
        let until = now + REST;
        match &mut *state {
            State::Away { until: known, .. } => *known = until,
            State::Well => {
                let what = match policy {
                    OnStoreFailure::Open => "all calls pass",
                    OnStoreFailure::Closed => "all calls fail",
                    OnStoreFailure::Local => "each replica holds the limits by itself",
                };
                let notice = format!("rateLimit(): the store is away, {what} until it is back: {error}");
                *state = State::Away { until, notice: Some(notice) };
            }
        }
    }

    /// What is to be told of it, once for each time that it goes.
    pub fn notice(&self) -> Option<String> {
        match &mut *self.lock() {
            State::Well => None,
            State::Away { notice, .. } => notice.take(),
        }
    }

    /// How often it has failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a store that is away is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Now,
    Later,
}
