//! What proves who is calling: it cannot be printed, and its memory is wiped when the last holder lets go.

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;
use subtle::ConstantTimeEq;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::{Error, Result};

/// A key, a password or a token. A clone shares the memory, so that there is one place to wipe.
///
/// The bytes that a socket, TLS or a server's echo made of it are not ours to wipe.
///
/// ```
/// use trae_native::secret::Secret;
///
/// let key = Secret::new("sk-quite-secret");
/// assert_eq!(format!("{key:?}"), "[redacted]");
/// let value = key.header("Bearer ").unwrap();
/// assert_eq!((value.as_bytes(), value.is_sensitive()), (b"Bearer sk-quite-secret".as_slice(), true));
/// ```
#[derive(Clone)]
pub struct Secret(Bytes);

impl Secret {
    /// Takes over the text, and with it the duty to wipe it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(wiped(text.into().into_bytes()))
    }

    /// The secret itself, for the one who sends it or signs with it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The secret itself as a body: the memory is shared, and wiped after its last use.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// A header's value that is marked as sensitive: the prefix and the secret without white space around
    /// it, as a line break that came along from a file.
    pub fn header(&self, prefix: &str) -> Result<HeaderValue> {
        let bare = self.0.trim_ascii();
        if bare.is_empty() {
            return Err(Error::config("the credential is empty"));
        }
        let written = if prefix.is_empty() {
            self.0.slice_ref(bare)
        } else {
            wiped([prefix.as_bytes(), bare].concat())
        };
        let mut value = HeaderValue::from_maybe_shared(written).map_err(|_| {
            Error::config(
                "the credential has a character that may not be sent (a line break or a control character)",
            )
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

fn wiped(bytes: Vec<u8>) -> Bytes {
    const fn is_wiped<T: ZeroizeOnDrop>(_: &T) {}
    let owner = Zeroizing::new(bytes);
    is_wiped(&owner);
    Bytes::from_owner(owner)
}

/// In constant time for texts of the same length: how long it takes does not tell where they differ.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_by_nothing_that_holds_it() {
        let secret = Secret::new("sk-quite-secret");
        let header = secret.header("Bearer ").unwrap();
        assert!(!format!("{secret:?} {:#?} {header:?}", Some(&secret)).contains("quite"));
    }

    #[test]
    fn a_header_has_no_white_space_around_the_secret() {
        assert_eq!(Secret::new(" sk-1\r\n").header("").unwrap(), "sk-1");
        assert_eq!(Secret::new("sk-1\n").header("Bearer ").unwrap(), "Bearer sk-1");
    }

    #[test]
    fn what_cannot_be_a_header_is_refused_without_being_repeated() {
        for (text, words) in [("", "is empty"), (" \n", "is empty"), ("sk-quite\nsecret", "may not be sent")]
        {
            let error = Secret::new(text).header("").unwrap_err();
            assert!(error.message().contains(words) && !error.message().contains("quite"), "{error}");
        }
    }

    #[test]
    fn a_value_and_its_header_share_the_memory_that_is_wiped() {
        let secret = Secret::new("sk-quite-secret");
        assert_eq!(secret.header("").unwrap().as_bytes().as_ptr(), secret.expose().as_ptr());
    }

    #[test]
    fn secrets_are_equal_by_their_text() {
        assert_eq!(Secret::new("a"), Secret::new("a"));
        assert_ne!(Secret::new("a"), Secret::new("b"));
        assert_ne!(Secret::new("a"), Secret::new("ab"));
    }
}
