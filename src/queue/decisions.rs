//! What a limit did with those who came.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts of what was decided.
#[derive(Debug, Default)]
pub struct Decisions {
    passed: AtomicU64,
    waited: AtomicU64,
    refused: AtomicU64,
    waiting: AtomicU64,
}

/// The counts at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decided {
    /// How many passed at once.
    pub passed: u64,
    /// How many passed after they had waited.
    pub waited: u64,
    /// How many were turned away, or waited for longer than they may.
    pub refused: u64,
    /// How many wait now.
    pub waiting: u64,
}

impl Decisions {
    /// The counts at this moment.
    pub fn read(&self) -> Decided {
        Decided {
            passed: self.passed.load(Relaxed),
            waited: self.waited.load(Relaxed),
            refused: self.refused.load(Relaxed),
            waiting: self.waiting.load(Relaxed),
        }
    }

    pub(super) fn passed(&self) {
        self.passed.fetch_add(1, Relaxed);
    }

    pub(super) fn waited(&self) {
        self.waited.fetch_add(1, Relaxed);
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(super) fn came(&self) {
        self.waiting.fetch_add(1, Relaxed);
    }

    pub(super) fn left(&self) {
        self.waiting.fetch_sub(1, Relaxed);
    }
}
