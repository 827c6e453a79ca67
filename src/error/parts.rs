//! What an error may hold that is seldom there.

use std::{error::Error as StdError, fmt, sync::Arc};

use super::Error;

/// What had come of a message; never printed.
#[derive(Clone)]
pub(super) struct Partial(pub(super) String);

impl fmt::Debug for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partial({} bytes)", self.0.len())
    }
}

/// The source of an error that several have met.
#[derive(Debug)]
pub(super) struct Shared(pub(super) Arc<Error>);

impl Shared {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        StdError::source(&*self.0)
    }
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source().map_or(Ok(()), |source| fmt::Display::fmt(source, f))
    }
}

impl StdError for Shared {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source()?.source()
    }
}
