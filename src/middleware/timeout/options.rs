//! What can be set about the limit, and the one place where its defaults are written.

use std::time::Duration;

/// How long what is inside may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeoutOptions {
    /// The limit; `None` for no limit. Default: 10 minutes.
    pub after: Option<Duration>,
    /// Whether it holds until the end of a stream, and not only until the stream begins. Default: `false`.
    pub stream: bool,
}

impl Default for TimeoutOptions {
    fn default() -> Self {
        Self { after: Some(Duration::from_secs(600)), stream: false }
    }
}
