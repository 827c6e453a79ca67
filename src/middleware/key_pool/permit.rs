//! That a call counts for its key until all of its answer is there, or nobody wants it any more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::load::Loads;
use crate::{
    claude::Usage,
    watch::{End, Watcher},
};

/// A call under way with a key. It is given back once, however the call ends.
pub(super) struct Permit {
    loads: Arc<Mutex<Loads>>,
    /// `None` once it was given back.
    key: Option<usize>,
}

impl Permit {
    /// Counts a call.
    pub fn enter(loads: &Arc<Mutex<Loads>>, key: usize) -> Self {
        lock(loads).enter(key);
        Self { loads: Arc::clone(loads), key: Some(key) }
    }

    fn give_back(&mut self) {
        if let Some(key) = self.key.take() {
            lock(&self.loads).leave(key);
        }
    }
}

impl Watcher for Permit {
    fn over(&mut self, _usage: Usage, _end: End<'_>) {
        self.give_back();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.give_back();
    }
}

pub(super) fn lock(loads: &Mutex<Loads>) -> MutexGuard<'_, Loads> {
    loads.lock().unwrap_or_else(PoisonError::into_inner)
}
