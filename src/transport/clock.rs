//! The time limits of one call, and which of them comes first.

use std::time::{Duration, Instant};

use crate::{Phase, request::Timeouts};

/// When a call began and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub started: Instant,
    pub timeouts: Timeouts,
}

/// A moment at which a limit will have passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    pub at: Instant,
    pub phase: Phase,
    pub after: Duration,
}

impl Clock {
    pub fn start(timeouts: Timeouts) -> Self {
        Self { started: Instant::now(), timeouts }
    }

    /// The earlier of the whole call's limit and that of a stage that begins now.
    pub fn first_of(&self, phase: Phase, stage: Option<Duration>) -> Option<Limit> {
        self.first_since(phase, stage, Instant::now)
    }

    /// The same for a stage that began earlier; the moment is asked for only where it matters.
    pub fn first_since(
        &self,
        phase: Phase,
        stage: Option<Duration>,
        since: impl FnOnce() -> Instant,
    ) -> Option<Limit> {
        let stage =
            stage.and_then(|limit| Some(Limit { at: since().checked_add(limit)?, phase, after: limit }));
        match (stage, self.total()) {
            (Some(stage), Some(total)) => Some(if stage.at <= total.at { stage } else { total }),
            (stage, total) => stage.or(total),
        }
    }

    /// The whole call's limit.
    pub fn total(&self) -> Option<Limit> {
        let limit = self.timeouts.total?;
        // A limit beyond the end of time is none.
        Some(Limit { at: self.started.checked_add(limit)?, phase: Phase::Total, after: limit })
    }
}
