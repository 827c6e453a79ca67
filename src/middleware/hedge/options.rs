//! What can be set about second attempts, and the one place where its defaults are written.

use std::time::Duration;

use http::Method;

use crate::{budget::BudgetOptions, partition::Partition};

/// When a call whose answer is late is made a second time.
#[derive(Debug, Clone)]
pub struct HedgeOptions {
    /// Always after this time; `None`: by what answers have taken lately. Default: `None`.
    pub delay: Option<Duration>,
    /// Later than this share of them, from 0.5 to 0.999. Default: 0.95.
    pub percentile: f64,
    /// But no sooner than this. Default: 50 ms.
    pub min_delay: Duration,
    /// And no later than this, which holds also while too few were seen; `None`: then there is no second attempt.
    /// Default: `None`.
    pub max_delay: Option<Duration>,
    /// How many were seen before they mean anything. Default: 20.
    pub min_calls: u32,
    /// How many second attempts all calls together may make. Default: a share of 0.1, and 1 per second.
    pub budget: Option<BudgetOptions>,
    /// Which methods may be sent twice. Default: those that change nothing, and POST.
    pub methods: Vec<Method>,
    /// Whose answers are compared. Default: `Model`.
    pub per: Partition,
}

impl Default for HedgeOptions {
    fn default() -> Self {
        Self {
            delay: None,
            percentile: 0.95,
            min_delay: Duration::from_millis(50),
            max_delay: None,
            min_calls: 20,
            budget: Some(BudgetOptions { share: 0.1, min_per_second: 1.0 }),
            methods: vec![Method::GET, Method::HEAD, Method::OPTIONS, Method::POST],
            per: Partition::Model,
        }
    }
}
