//! What a journal keeps, and the one place where its defaults are written.

use crate::claude::Prices;

/// What is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalOptions {
    /// How many calls. Default: 200.
    pub keep: usize,
    /// How many bytes of what was asked and answered, each; none where it is 0. Default: 0.
    pub bodies: usize,
    /// What tokens cost.
    pub prices: Prices,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self { keep: 200, bodies: 0, prices: Prices::default() }
    }
}
