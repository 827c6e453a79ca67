//! What can be set about rates, and the one place where its defaults are written.

use std::{sync::Arc, time::Duration};

use crate::{partition::Partition, queue::QueueOptions, store::Buckets};

/// How much may pass, of whom, and what becomes of the rest.
#[derive(Clone)]
pub struct RateLimitOptions {
    /// All of these hold at once. Default: none, so that only what the server says counts.
    pub limits: Vec<Amounts>,
    /// What has limits of its own. Default: `Model`, each credential and model, as the API's own limits are.
    pub per: Partition,
    /// Those who wait.
    pub queue: QueueOptions,
    /// Whether what answers say of the API's limits is obeyed. Default: yes.
    pub adapt: bool,
    /// Where replicas share the limits. Default: `None`, they are of this process.
    pub shared: Option<SharedOptions>,
}

/// How much may pass in a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Amounts {
    /// Requests. Default: `None`, no limit.
    pub requests: Option<u64>,
    /// Tokens that are read, those from the cache not counted. Default: `None`, no limit.
    pub input_tokens: Option<u64>,
    /// Tokens that are written. Default: `None`, no limit.
    pub output_tokens: Option<u64>,
    /// The time. Default: 60 s.
    pub interval: Duration,
    /// The share of each that may pass at once, up to 1. Default: 0.1.
    pub burst: f64,
}

/// Limits that replicas share.
#[derive(Clone)]
pub struct SharedOptions {
    /// Where they are kept.
    pub buckets: Arc<dyn Buckets>,
    /// What the calls do while that is away.
    pub on_failure: OnStoreFailure,
    /// How much a replica takes ahead: what the whole rate brings in this time.
    pub lease: Duration,
}

/// What calls do while the store is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnStoreFailure {
    /// All pass.
    Open,
    /// All fail.
    Closed,
    /// Each replica holds the limits by itself.
    #[default]
    Local,
}

/// What a replica takes ahead where nothing else is said.
pub const LEASE: Duration = Duration::from_secs(1);

impl Default for Amounts {
    fn default() -> Self {
        Self {
            requests: None,
            input_tokens: None,
            output_tokens: None,
            interval: Duration::from_secs(60),
            burst: 0.1,
        }
    }
}

impl Default for RateLimitOptions {
    fn default() -> Self {
        Self {
            limits: Vec::new(),
            per: Partition::Model,
            queue: QueueOptions::default(),
            adapt: true,
            shared: None,
        }
    }
}
