//! Values that stay in JavaScript while what stands for them passes through Rust.

use bytes::Bytes;
use http::Extensions;

/// Stands with an answer whose content JavaScript has replaced: the value is there, under this number.
#[derive(Clone)]
pub(super) struct Kept {
    token: u32,
    bytes: Bytes,
}

impl Kept {
    /// The extensions of an answer with this content.
    pub(super) fn mark(token: u32, bytes: &Bytes) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.insert(Self { token, bytes: bytes.clone() });
        extensions
    }

    /// The value's number, where the content is still the one that was written of it. Not equal bytes but
    /// the same: a layer that wrote others, even equal ones, has made another answer.
    pub(super) fn token(&self, content: Option<&Bytes>) -> Option<u32> {
        let same = content.is_none_or(|content| {
            content.len() == self.bytes.len()
                && (content.is_empty() || content.as_ptr() == self.bytes.as_ptr())
        });
        same.then_some(self.token)
    }
}

/// What JavaScript threw, which is there under this number.
#[derive(Debug, thiserror::Error)]
#[error("a JavaScript middleware threw")]
pub(super) struct Thrown(pub(super) u32);
