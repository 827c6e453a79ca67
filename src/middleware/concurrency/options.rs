//! What can be set about calls under way, and the one place where its defaults are written.

use std::time::Duration;

use crate::{partition::Partition, queue::QueueOptions};

/// How many calls may be under way, and what becomes of the rest.
#[derive(Debug, Clone)]
pub struct ConcurrencyOptions {
    /// The limit. Default: adaptive.
    pub limit: Ceiling,
    /// What has a limit of its own. Default: `Origin`.
    pub per: Partition,
    /// Those who wait.
    pub queue: QueueOptions,
}

/// Where the limit is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ceiling {
    /// Always there.
    Fixed(u64),
    /// Where the server's answers put it.
    Adaptive(Adaptive),
}

/// How a limit is found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adaptive {
    /// The least that it becomes. Default: 1.
    pub min: u64,
    /// The most. Default: 256.
    pub max: u64,
    /// What it begins with. Default: 8.
    pub initial: u64,
    /// What is left of it when the server is overloaded, above 0 and below 1. Default: 0.75.
    pub backoff: f64,
    /// An answer whose headers take longer says that the server is overloaded. Default: `None`, however long.
    pub slow: Option<Duration>,
}

impl Default for Adaptive {
    fn default() -> Self {
        Self { min: 1, max: 256, initial: 8, backoff: 0.75, slow: None }
    }
}

impl Default for ConcurrencyOptions {
    fn default() -> Self {
        Self {
            limit: Ceiling::Adaptive(Adaptive::default()),
            per: Partition::Origin,
            queue: QueueOptions::default(),
        }
    }
}
