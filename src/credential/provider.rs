//! Who has credentials, and what is asked of them.

use std::{sync::Arc, time::Duration};

use crate::{
    Result,
    pipeline::{BoxFuture, Endpoint},
    secret::Secret,
};

/// Gives a credential when one is needed. Its answers are kept, and never more than one is asked for at a
/// time; the error that it gives is told to everybody who waits. See the [room's](super) example.
pub trait Provider: Send + Sync {
    /// A credential. Dropping the future means that nobody waits for it any more.
    fn token(&self, ask: Ask) -> BoxFuture<'_, Result<Token>>;
}

/// A question to a provider.
#[derive(Clone)]
pub struct Ask {
    /// Why it is asked.
    pub reason: Reason,
    /// Through whom it may make requests: the centre of the client whose call needs the credential.
    pub endpoint: Arc<dyn Endpoint>,
}

/// Why a provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reason {
    /// There is none yet, or it was thrown away.
    #[default]
    Missing,
    /// The one there is expires.
    Expiring,
    /// The server refused the one there is: a copy of it is of no use.
    Refused,
}

impl Reason {
    /// The name that JavaScript sees.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Expiring => "expiring",
            Self::Refused => "refused",
        }
    }
}

/// A credential, and how long it will do.
#[derive(Debug, Clone)]
pub struct Token {
    /// The credential.
    pub secret: Secret,
    /// Counted from now, so that no change of the wall clock matters; `None`: until told otherwise.
    pub lifetime: Option<Duration>,
}
