//! Values that stay in JavaScript while what stands for them passes through Rust: the mirror of `js/held.ts`.
//!
//! Invariant: JavaScript keeps a value until it hears that nothing here stands for it any more, or is handed its
//! number by the last that did.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::Extensions;

use super::mailbox::{Letter, Mailbox};
use crate::response::Replaced;

/// Stands for a value; JavaScript forgets that when the last of these is dropped.
#[derive(Clone)]
pub(super) struct Held(Arc<Guard>);

struct Guard {
    number: u32,
    mailbox: Arc<Mailbox>,
    /// JavaScript has the value and forgets it by itself.
    returned: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.returned {
            self.mailbox.push(Letter::Dropped { number: self.number });
        }
    }
}

impl Held {
    /// JavaScript holds a value under this number.
    pub(super) fn new(number: u32, mailbox: &Arc<Mailbox>) -> Self {
        Self(Arc::new(Guard { number, mailbox: Arc::clone(mailbox), returned: false }))
    }

    pub(super) fn number(&self) -> u32 {
        self.0.number
    }

    /// Gives the value back to JavaScript; says whether this was the last that stood for it.
    pub(super) fn give_back(mut self) -> bool {
        match Arc::get_mut(&mut self.0) {
            Some(guard) => {
                guard.returned = true;
                true
            }
            None => false,
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Held({})", self.0.number)
    }
}

/// Stands with an answer whose content JavaScript has replaced.
#[derive(Clone)]
pub(super) struct Kept {
    held: Held,
    bytes: Bytes,
}

impl Kept {
    /// The extensions of an answer with this content.
    pub(super) fn mark(held: Held, bytes: &Bytes) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.insert(Self { held, bytes: bytes.clone() });
        extensions.insert(Replaced);
        extensions
    }

    /// The value, where the content is still the one that was written of it. Not equal bytes but the same: a
    /// layer that wrote others, even equal ones, has made another answer.
    pub(super) fn held(self, content: Option<&Bytes>) -> Option<Held> {
        let same = content.is_none_or(|content| {
            content.len() == self.bytes.len()
                && (content.is_empty() || content.as_ptr() == self.bytes.as_ptr())
        });
        same.then_some(self.held)
    }
}

/// What JavaScript threw.
#[derive(Debug, thiserror::Error)]
#[error("it threw")]
pub(super) struct Thrown(pub(super) Held);

/// What JavaScript threw, where that is all that an error says.
pub(super) fn thrown(error: &crate::Error) -> Option<u32> {
    error.made_of::<Thrown>().map(|thrown| thrown.0.number())
}
