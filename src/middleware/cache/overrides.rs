//! What a single call sets for itself.

use std::time::Duration;

/// Stands in a request's extensions: what the call says to every cache that it passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheOverride {
    /// The call passes by: nothing is read and nothing is kept.
    Off,
    /// These options over those of the middleware.
    Own(Own),
    /// The call is none: the answer to it is forgotten.
    Forget(Own),
}

/// A call's own options.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    /// How long its answer is kept, and how old an answer may be that it takes.
    pub ttl: Option<Duration>,
    /// Its key, in place of the request.
    pub key: Option<String>,
    /// What it may do with the cache.
    pub mode: Mode,
}

/// What a call may do with a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Read and write.
    #[default]
    Both,
    /// Its answer is not kept.
    ReadOnly,
    /// It asks the server for itself, and its answer is kept.
    WriteOnly,
    /// It asks the server, together with those that ask the same meanwhile, and its answer is kept.
    Refresh,
}

impl Mode {
    /// Whether what is kept is given.
    pub(super) fn reads(self) -> bool {
        matches!(self, Self::Both | Self::ReadOnly)
    }
}
