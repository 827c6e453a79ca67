//! What can be set about circuits, and the one place where its defaults are written.

use std::time::Duration;

use crate::partition::Partition;

/// When a circuit opens, for how long, and when it closes again.
#[derive(Debug, Clone)]
pub struct CircuitBreakerOptions {
    /// The share of failures among the calls of the window that opens the circuit, above 0 and up to 1. Default: 0.5.
    pub failure_share: f64,
    /// How many calls of the window must have ended before their share means anything. Default: 20.
    pub min_calls: u32,
    /// How far back calls count. Default: 30 s.
    pub window: Duration,
    /// How long it stays open the first time. Each time that the trials fail it is twice as long. Default: 5 s.
    pub open: Duration,
    /// What that never exceeds. Default: 60 s.
    pub max_open: Duration,
    /// How many calls are let through on trial, and must succeed before it closes. Default: 3.
    pub trials: u32,
    /// What has a circuit of its own. Default: `Origin`.
    pub per: Partition,
}

impl Default for CircuitBreakerOptions {
    fn default() -> Self {
        Self {
            failure_share: 0.5,
            min_calls: 20,
            window: Duration::from_secs(30),
            open: Duration::from_secs(5),
            max_open: Duration::from_secs(60),
            trials: 3,
            per: Partition::Origin,
        }
    }
}
