//! What an error may hold that is seldom there, and how several come to hold one.

use std::{error::Error as StdError, fmt, sync::Arc};

use super::{Error, Inner, Source};

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
struct Shared(Arc<Error>);

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

impl Error {
    /// The same failure for another who met it.
    pub fn again(error: &Arc<Self>) -> Self {
        let Inner {
            kind,
            phase,
            ref message,
            retry_after,
            attempts,
            ref history,
            ref response,
            ref source,
            ref partial,
            ref option,
        } = *error.0;
        let source = source.as_ref().map(|_| Source::from(Shared(Arc::clone(error))));
        Self(Box::new(Inner {
            kind,
            phase,
            message: message.clone(),
            retry_after,
            attempts,
            history: history.clone(),
            response: response.clone(),
            source,
            partial: partial.clone(),
            option: option.clone(),
        }))
    }

    /// What it comes of, if that is a `T`; also of one that several have met.
    pub fn made_of<T: StdError + 'static>(&self) -> Option<&T> {
        let source = self.0.source.as_deref()?;
        match source.downcast_ref::<Shared>() {
            Some(Shared(error)) => error.made_of(),
            None => source.downcast_ref(),
        }
    }
}
