//! Who asks: a digest of all credentials that a call is sent with, which tells nothing of them.

use std::{
    fmt::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_lc_rs::digest::{Context, SHA256};
use http::HeaderName;

use crate::{
    random,
    request::{Request, is_credential},
};

/// SHA-256 of credentials. Keys of APIs are long and random: nobody finds one by its digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity([u8; 32]);

impl Identity {
    /// Of these parts, each told from the next.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        Self(bytes)
    }

    /// One that nobody else has.
    pub fn own() -> Self {
        let bits: [[u8; 8]; 4] = std::array::from_fn(|_| random::bits().to_le_bytes());
        Self::of([bits.as_flattened()])
    }

    /// The digest itself.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Half of it in hexadecimal: enough to tell callers apart in a key.
    pub fn short(&self) -> String {
        self.0[..16].iter().fold(String::with_capacity(32), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short()[..8])
    }
}

/// Stands with a request whose answer may be given to whoever asks the same. A layer further in that changes what it is
/// sent with says so here: then it was another who asked, and the answer is nobody else's.
#[derive(Debug, Clone, Default)]
pub struct Asker(Arc<AtomicBool>);

impl Asker {
    /// It is sent with other credentials than it came with.
    pub fn changes(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was.
    pub fn has_changed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Headers that are no credentials but say for whom the caller asks.
const ACCOUNTS: [&str; 6] = [
    "anthropic-organization-id",
    "anthropic-user-profile-id",
    "anthropic-workspace-id",
    "openai-organization",
    "openai-project",
    "x-goog-user-project",
];

fn names_account(name: &HeaderName) -> bool {
    ACCOUNTS.contains(&name.as_str())
}

/// Who asks with this request: by its headers that are credentials or name an account, and by what layers further in will put on. The
/// client has put the identity of those into its extensions.
pub fn identity_of(req: &Request) -> Identity {
    let layers = req.extensions.get::<Identity>().map(|identity| identity.0);
    let secret = &req.options.secret_headers;
    let headers = req.headers.iter().filter(|(name, value)| {
        value.is_sensitive() || is_credential(name) || names_account(name) || secret.contains(name)
    });
    let mut parts: Vec<&[u8]> = layers.iter().map(<[u8; 32]>::as_slice).collect();
    // One call and the next have them in another order where a middleware has put one on.
    let mut named: Vec<(&[u8], &[u8])> =
        headers.map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())).collect();
    named.sort_unstable();
    parts.extend(named.into_iter().flat_map(|(name, value)| [name, value]));
    Identity::of(parts)
}
