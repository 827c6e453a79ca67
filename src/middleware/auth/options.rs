//! What `auth` can be told.

use std::time::Duration;

use crate::credential::{Renewal, Scheme};

/// The options, with their defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthOptions {
    /// In which header the credential goes.
    pub scheme: Scheme,
    /// How long a provider may take for one; `None`: as long as it likes.
    pub timeout: Option<Duration>,
    /// How long one is kept whose provider does not say; `None`: until a 401 or `invalidate()`.
    pub ttl: Option<Duration>,
    /// When one that expires is replaced.
    pub renewal: Renewal,
}

impl Default for AuthOptions {
    fn default() -> Self {
        Self {
            scheme: Scheme::ApiKey,
            timeout: Some(Duration::from_secs(10)),
            ttl: None,
            renewal: Renewal::default(),
        }
    }
}
