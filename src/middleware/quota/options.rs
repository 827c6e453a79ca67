//! What can be set about a quota.

use std::{fmt, sync::Arc};

use crate::{claude::Prices, store::Shared};

/// What may be used up in one day; at least one of the two.
#[derive(Clone)]
pub struct QuotaOptions {
    /// Whose it is: in a store it is found by this name.
    pub name: String,
    /// Tokens of all kinds.
    pub tokens: Option<u64>,
    /// US dollars.
    pub usd: Option<f64>,
    /// What tokens cost.
    pub prices: Prices,
    /// Where replicas count together.
    pub store: Option<Arc<dyn Shared>>,
}

impl fmt::Debug for QuotaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuotaOptions")
            .field("name", &self.name)
            .field("tokens", &self.tokens)
            .field("usd", &self.usd)
            .finish_non_exhaustive()
    }
}
