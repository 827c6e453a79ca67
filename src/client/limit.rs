//! The limit on a whole call, held from outside of all layers.

use std::future::Future;

use http::Extensions;
use tokio::time::Instant;

use super::{events, settings::Total};
use crate::{
    Error, Phase, Result,
    request::{Deadline, Sent},
};

/// What a call has done that a layer still holds, as a limit, a turn or a function of the caller's.
const WAITS: &str = "the call still waited here and was not sent";

/// The limit on one call.
pub(super) struct Limit {
    total: Total,
    started: Instant,
    /// Attempts that were made before, by whoever makes the call again from outside.
    before: u32,
    sent: Sent,
    /// Whether layers have been told: then attempts are counted.
    counts: bool,
}

impl Limit {
    /// The limit on a call whose first attempt has this number.
    pub(super) fn new(total: Total, started: Instant, attempt: u32) -> Self {
        Self { total, started, before: attempt.saturating_sub(1), sent: Sent::default(), counts: false }
    }

    /// Tells the layers, which are dropped when it strikes.
    pub(super) fn mark(&mut self, extensions: &mut Extensions) {
        let (after, in_streams) = match self.total {
            Total::Unlimited => return,
            Total::UntilStream(after) => (after, false),
            Total::Always(after) => (after, true),
        };
        self.counts = true;
        extensions.insert(self.sent.clone());
        if let Some(at) = self.started.into_std().checked_add(after) {
            extensions.insert(Deadline { at, in_streams });
        }
    }

    /// Holds a part of the call to it. A limit that is a mere number knows no stages: its error is of the one
    /// where it struck.
    pub(super) async fn holds<T>(
        &self,
        part: impl Future<Output = Result<T>>,
        stage: impl FnOnce() -> (Phase, String),
    ) -> Result<T> {
        let (Total::UntilStream(after) | Total::Always(after)) = self.total else { return part.await };
        tokio::time::timeout_at(self.started + after, part).await.unwrap_or_else(|_| {
            let waits = self.counts && self.sent.number() == 0;
            let (phase, what) = if waits { (Phase::Queue, WAITS.to_owned()) } else { stage() };
            let error = match self.total {
                Total::Always(_) => events::unfinished(after),
                _ => Error::timeout(phase, &what, after, "timeout"),
            };
            // Without layers nobody counts, and there is one.
            Err(error.with_attempts(self.before + self.sent.number().max(1)))
        })
    }
}
