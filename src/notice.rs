//! What a layer has to say to whoever keeps a log further out, besides what becomes of the call.

use std::sync::{Arc, Mutex, PoisonError};

use http::Extensions;

/// Put into a request's extensions by whoever keeps a log. Whoever tells something does so once, and not with every
/// call that meets it.
#[derive(Debug, Clone, Default)]
pub struct Notices(Arc<Mutex<Vec<String>>>);

impl Notices {
    /// Tells it, where there is a log.
    pub fn tell(extensions: &Extensions, text: impl Into<String>) {
        if let Some(notices) = extensions.get::<Self>() {
            notices.note(text);
        }
    }

    /// Tells it, for whoever has kept them since the request was there.
    pub fn note(&self, text: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text.into());
    }

    /// What was told since the last time.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
