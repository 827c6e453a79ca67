//! What can be set about a pool of keys, and the one place where its defaults are written.

use std::{fmt, sync::Arc, time::Duration};

use crate::{credential::Scheme, pipeline::Middleware, secret::Secret};

/// Which keys there are, and how they are sent.
#[derive(Debug, Clone)]
pub struct KeyPoolOptions {
    /// The keys.
    pub keys: Vec<Key>,
    /// In which header a key goes. Default: `ApiKey`.
    pub scheme: Scheme,
    /// How long a key is passed over that the server refuses, and the most that one is for any other reason.
    /// Default: 60 s.
    pub rest: Duration,
}

impl Default for KeyPoolOptions {
    fn default() -> Self {
        Self { keys: Vec::new(), scheme: Scheme::ApiKey, rest: Duration::from_secs(60) }
    }
}

/// One of the keys.
#[derive(Clone)]
pub struct Key {
    /// What it is called in `res.key`, histories and errors.
    pub name: Arc<str>,
    /// The key itself.
    pub secret: Secret,
    /// How much it can carry, against the others. Default: 1.
    pub weight: f64,
    /// What stands around calls with this key and no other, the outermost first.
    pub layers: Vec<Arc<dyn Middleware>>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .field("weight", &self.weight)
            .field("layers", &self.layers.len())
            .finish_non_exhaustive()
    }
}
