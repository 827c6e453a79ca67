//! How a Redis is reached, and the one place where its defaults are written.

use std::{fmt, time::Duration};

/// Where Redis is and how it is talked to. Stores with equal options share their connection.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisOptions {
    /// `redis://`, `rediss://` (TLS) or `unix://`, with `user:password@` and `/database` where there is one. Several
    /// are nodes of a cluster, or Sentinels.
    pub urls: Vec<String>,
    /// These URLs are Sentinels, to be asked for a master. User, password and database of the URLs are the master's.
    pub sentinel: Option<SentinelOptions>,
    /// Whether this is a cluster; several URLs that are no Sentinels always are one. Default: `false`.
    pub cluster: bool,
    /// What every key begins with. Default: `trae:`.
    pub prefix: String,
    /// How long a command may take. Default: 500 ms.
    pub timeout: Duration,
    /// How long it may take to connect to one server, its handshakes included. Default: 2 s.
    pub connect_timeout: Duration,
    /// Whom to trust and what to show; `rediss://` only.
    pub tls: RedisTls,
}

/// Sentinels that know who the master is.
#[derive(Clone, PartialEq, Eq)]
pub struct SentinelOptions {
    /// The name of the master.
    pub name: String,
    /// With which user a Sentinel is asked. Default: `None`.
    pub username: Option<String>,
    /// With which password a Sentinel is asked. Default: `None`.
    pub password: Option<String>,
}

/// Whom to trust and what to show in a TLS handshake with Redis.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct RedisTls {
    /// PEM of the authorities that are trusted, instead of the system's.
    pub ca: Option<Vec<u8>>,
    /// Our certificate chain as PEM; needs `key`.
    pub cert: Option<Vec<u8>>,
    /// The key of `cert` as PEM.
    pub key: Option<Vec<u8>>,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            sentinel: None,
            cluster: false,
            prefix: "trae:".to_owned(),
            timeout: Duration::from_millis(500),
            connect_timeout: Duration::from_secs(2),
            tls: RedisTls::default(),
        }
    }
}

/// URLs hold passwords.
impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("urls", &self.urls.len())
            .field("sentinel", &self.sentinel.as_ref().map(|sentinel| &sentinel.name))
            .field("cluster", &self.cluster)
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}
