//! Why nobody waits for an answer any more, as far as that can be known: limits further out say nothing to those
//! that they drop.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    ErrorKind,
    request::{Deadline, Request},
};

/// The limits on a call that are watched further out.
pub struct Limits {
    deadline: Option<Deadline>,
    first_event: Option<Duration>,
    stage: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    Asked,
    /// A stream has begun, whose first event must come by a moment.
    Silent {
        until: Option<Instant>,
    },
    Streaming,
}

impl Limits {
    /// Those of a request.
    pub fn of(req: &Request) -> Self {
        let deadline = req.extensions.get::<Deadline>().copied();
        Self { deadline, first_event: req.options.timeouts.first_event, stage: Stage::Asked }
    }

    /// A stream has begun.
    pub fn begun(&mut self, of_events: bool) {
        let limit = self.first_event.filter(|_| of_events);
        self.stage = Stage::Silent { until: limit.and_then(|limit| Instant::now().checked_add(limit)) };
    }

    /// It has brought events.
    pub fn read(&mut self) {
        self.stage = Stage::Streaming;
    }

    /// What happened, where that was a limit that has passed, or a fault; otherwise somebody just left.
    pub fn broken(&self) -> Option<ErrorKind> {
        let now = Instant::now();
        let asked = matches!(self.stage, Stage::Asked);
        let holds = self.deadline.filter(|limit| limit.in_streams || asked);
        let is_late = holds.is_some_and(|limit| now.into_std() >= limit.at)
            || matches!(self.stage, Stage::Silent { until: Some(at) } if now >= at);
        match (std::thread::panicking(), is_late) {
            (true, _) => Some(ErrorKind::Internal),
            (false, true) => Some(ErrorKind::Timeout),
            (false, false) => None,
        }
    }
}
