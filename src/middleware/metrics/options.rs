//! What can be set about the figures, and the one place where its defaults are written.

use std::time::Duration;

use super::labels::Extra;

/// How calls are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsOptions {
    /// What all names begin with. Default: `claude_`.
    pub prefix: String,
    /// Upper bounds of the duration of requests, ascending. Default: those of prom-client, from 5 ms to 10 s.
    pub buckets: Vec<Duration>,
    /// More labels. Default: none.
    pub labels: Vec<Extra>,
    /// How many values each of these may have; any further one is `other`. Default: 20.
    pub max_values: usize,
}

impl Default for MetricsOptions {
    fn default() -> Self {
        Self {
            prefix: "claude_".to_owned(),
            buckets: milliseconds(&[5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]),
            labels: Vec::new(),
            max_values: 20,
        }
    }
}

/// Bounds by milliseconds.
pub(super) fn milliseconds(bounds: &[u64]) -> Vec<Duration> {
    bounds.iter().copied().map(Duration::from_millis).collect()
}
