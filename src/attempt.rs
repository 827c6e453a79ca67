//! One attempt at a call, as it ended: what an answer and an error list of the attempts behind them.

use std::time::Duration;

use crate::{
    Error,
    response::{Response, Served},
};

/// What one attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The status of its answer, or the one that its failure stands for.
    pub status: Option<u16>,
    /// The stable code of its failure; `None` where it was answered.
    pub code: Option<&'static str>,
    /// How long was waited before it.
    pub waited: Duration,
    /// From its start until it was answered or had failed.
    pub took: Duration,
    /// Where it went, and with which key, where there were several.
    pub served: Served,
}

impl Attempt {
    /// The attempt that was answered with this.
    pub fn answered(res: &Response, waited: Duration, took: Duration) -> Self {
        let served = res.extensions.get().cloned().unwrap_or_default();
        Self { status: Some(res.status.as_u16()), code: None, waited, took, served }
    }

    /// The attempt that failed with this.
    pub fn failed(error: &Error, waited: Duration, took: Duration) -> Self {
        Self { status: error.status(), code: Some(error.code()), waited, took, served: Served::default() }
    }
}
