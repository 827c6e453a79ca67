//! What a single call sets for itself.

use std::{sync::Arc, time::Duration};

use super::options::{Jitter, RetryOptions};
use crate::budget::BudgetOptions;

/// Stands in a request's extensions: changes to the options of every `Retry` that it passes.
#[derive(Debug, Clone)]
pub struct RetryOverride(Arc<[Change]>);

/// One option that is given.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "each is the option of its name")]
pub enum Change {
    MaxRetries(u32),
    Base(Duration),
    Factor(f64),
    Cap(Option<Duration>),
    Jitter(Jitter),
    Deadline(Option<Duration>),
    MaxRetryAfter(Option<Duration>),
    /// Only where a middleware is made: the budget is that of all its calls.
    Budget(Option<BudgetOptions>),
}

impl RetryOverride {
    /// These changes, the later over the earlier.
    pub fn new(changes: Vec<Change>) -> Self {
        Self(changes.into())
    }

    /// No retry.
    pub fn off() -> Self {
        Self::new(vec![Change::MaxRetries(0)])
    }

    /// The options with the changes made.
    pub fn over(&self, options: &RetryOptions) -> RetryOptions {
        let mut options = options.clone();
        for change in self.0.iter() {
            match *change {
                Change::MaxRetries(count) => options.max_retries = count,
                Change::Base(base) => options.base = base,
                Change::Factor(factor) => options.factor = factor,
                Change::Cap(cap) => options.cap = cap,
                Change::Jitter(jitter) => options.jitter = jitter,
                Change::Deadline(deadline) => options.deadline = deadline,
                Change::MaxRetryAfter(longest) => options.max_retry_after = longest,
                Change::Budget(budget) => options.budget = budget,
            }
        }
        options
    }
}
