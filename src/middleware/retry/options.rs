//! What can be set about retries, and the one place where its defaults are written.

use std::{sync::Arc, time::Duration};

use crate::{Error, Result, budget::BudgetOptions, pipeline::BoxFuture};

/// When a failed attempt is followed by another.
#[derive(Clone)]
pub struct RetryOptions {
    /// Attempts after the first; 0 makes the middleware a mere passage. Default: 2.
    pub max_retries: u32,
    /// The longest wait before the second attempt. Default: 500 ms.
    pub base: Duration,
    /// What the longest wait is multiplied by after each attempt; at least 1. Default: 2.
    pub factor: f64,
    /// What the longest wait never exceeds. Default: 8 s.
    pub cap: Option<Duration>,
    /// How a wait is drawn. Default: `Full`.
    pub jitter: Jitter,
    /// From the start of the call until it is answered, all attempts and waits included: what is under way
    /// then is given up, and no wait begins that would last beyond it. Default: `None`.
    pub deadline: Option<Duration>,
    /// The longest wait that a server may ask for; if it asks for more, the call fails at once and says
    /// for how long. Default: 60 s.
    pub max_retry_after: Option<Duration>,
    /// How many retries all calls together may make. Default: see [`BudgetOptions`].
    pub budget: Option<BudgetOptions>,
    /// Decides in our place which failures are worth another attempt. It lifts no other limit. Default: `None`.
    pub should_retry: Option<Arc<dyn Judge>>,
    /// Is told of each retry before its wait: the failure, the number of the attempt that failed, the wait.
    /// Default: `None`.
    pub on_retry: Option<OnRetry>,
}

/// Who is told of a retry.
pub type OnRetry = Arc<dyn Fn(&Error, u32, Duration) + Send + Sync>;

impl Default for RetryOptions {
    fn default() -> Self {
        Self {
            max_retries: 2,
            base: Duration::from_millis(500),
            factor: 2.0,
            cap: Some(Duration::from_secs(8)),
            jitter: Jitter::Full,
            deadline: None,
            max_retry_after: Some(Duration::from_secs(60)),
            budget: Some(BudgetOptions::default()),
            should_retry: None,
            on_retry: None,
        }
    }
}

/// How a wait is drawn from the longest one, which grows from attempt to attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Jitter {
    /// Anything up to the longest wait: spreads those who failed together best.
    #[default]
    Full,
    /// At least half of the longest wait.
    Equal,
    /// Anything between `base` and three times the wait before; `factor` does not matter.
    Decorrelated,
    /// The longest wait itself.
    None,
    /// Always `base`: neither growth nor chance.
    Fixed,
}

/// A judgement of the user's own. A function of the failure and of the number of the attempt is one.
pub trait Judge: Send + Sync {
    /// Whether this failure is worth another attempt. A judgement that fails ends the call with its own error.
    fn is_worth<'a>(&'a self, failure: &'a Error, attempt: u32) -> BoxFuture<'a, Result<bool>>;
}

impl<F: Fn(&Error, u32) -> bool + Send + Sync> Judge for F {
    fn is_worth<'a>(&'a self, failure: &'a Error, attempt: u32) -> BoxFuture<'a, Result<bool>> {
        Box::pin(std::future::ready(Ok(self(failure, attempt))))
    }
}
