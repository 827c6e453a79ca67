//! What can be set about a queue, and the one place where its defaults are written.

use std::time::Duration;

/// How many wait, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueOptions {
    /// How many may wait; whoever comes then is refused at once. Default: 1000.
    pub limit: usize,
    /// How long one may wait. Default: `None`, for as long as the call's own limits let it.
    pub timeout: Option<Duration>,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self { limit: 1000, timeout: None }
    }
}
