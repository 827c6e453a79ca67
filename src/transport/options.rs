//! What a transport is made of, and the one place where its defaults are written.

use std::{fmt, path::PathBuf, time::Duration};

/// Everything that is fixed when a transport is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransportOptions {
    /// Sockets and the queue in front of them.
    pub pool: PoolOptions,
    /// Which protocol is spoken. Default: `Auto`.
    pub http2: Http2,
    /// How an HTTP/2 connection is checked.
    pub ping: PingOptions,
    /// Through whom. Default: `Env`.
    pub proxy: ProxyOptions,
    /// Whom to trust and what to show.
    pub tls: TlsOptions,
    /// Limits on the headers of an answer.
    pub headers: HeaderLimits,
}

/// Sockets per origin (scheme, host and port).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolOptions {
    /// Whether a socket serves several requests. Default: `true`.
    pub keep_alive: bool,
    /// Sockets in use at once per origin. Over HTTP/1.1 each carries one request; over HTTP/2 another one is
    /// opened only when those open are full. Default: 256.
    pub max_sockets: usize,
    /// Requests at once on an HTTP/2 connection. What a server allows less of them waits inside hyper, unseen.
    /// Default: 100, the least that RFC 9113 recommends to allow, and what common servers do.
    pub max_streams: usize,
    /// Idle sockets kept per origin. Default: 256.
    pub max_free_sockets: usize,
    /// How long an idle socket is kept. Default: 90 s, well below the 400 s of common edges, so that
    /// we rarely meet a socket that the other side has just given up.
    pub idle_timeout: Duration,
    /// Requests that may wait per origin; one more fails at once. Default: 10 000.
    pub queue_limit: usize,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            keep_alive: true,
            max_sockets: 256,
            max_streams: 100,
            max_free_sockets: 256,
            idle_timeout: Duration::from_secs(90),
            queue_limit: 10_000,
        }
    }
}

impl PoolOptions {
    /// Whether a socket outlives its request; over HTTP/2 whether several share one.
    pub fn keeps_sockets(&self) -> bool {
        self.keep_alive && self.max_free_sockets > 0
    }
}

/// Which protocol is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Http2 {
    /// HTTP/2 where the TLS handshake agrees on it, otherwise HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1 only.
    Off,
    /// HTTP/2 only, over plain TCP too.
    Only,
}

/// How an HTTP/2 connection with calls under way is checked: unlike TCP it says so when its peer is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PingOptions {
    /// How long nothing may have come before it is asked. Default: 30 s.
    pub interval: Duration,
    /// How long it may take to answer. Default: 20 s.
    pub timeout: Duration,
}

impl Default for PingOptions {
    fn default() -> Self {
        Self { interval: Duration::from_secs(30), timeout: Duration::from_secs(20) }
    }
}

/// Limits on the headers of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderLimits {
    /// Headers of an HTTP/1.1 answer. Default: `None`, which is hyper's limit of 100; its head has a
    /// fixed limit of about 400 KiB besides.
    pub max_count: Option<usize>,
    /// Bytes of an HTTP/2 answer's headers. Default: 64 KiB.
    pub max_bytes: u32,
}

impl Default for HeaderLimits {
    fn default() -> Self {
        Self { max_count: None, max_bytes: 64 * 1024 }
    }
}

/// Through whom requests go.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum ProxyOptions {
    /// As `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say when the transport is made.
    #[default]
    Env,
    /// Straight to the server, whatever the environment says.
    Off,
    /// This proxy for every request.
    Url {
        /// `http`, `https`, `socks5` or `socks5h`, with `user:password@` where it asks for one.
        url: String,
        /// Hosts, domains, addresses and networks that are reached directly.
        no_proxy: Vec<String>,
    },
}

/// A proxy URL may hold a password.
impl fmt::Debug for ProxyOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env => f.write_str("Env"),
            Self::Off => f.write_str("Off"),
            Self::Url { no_proxy, .. } => {
                f.debug_struct("Url").field("no_proxy", no_proxy).finish_non_exhaustive()
            }
        }
    }
}

/// Whom to trust and what to show in a TLS handshake.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct TlsOptions {
    /// PEM bundles of authorities trusted besides the system's.
    pub ca: Vec<Vec<u8>>,
    /// Our certificate chain as PEM, leaf first; needs `key`.
    pub cert: Option<Vec<u8>>,
    /// The key of `cert` as PEM.
    pub key: Option<Vec<u8>>,
    /// The oldest protocol accepted. Default: `None`, which is TLS 1.2.
    pub min_version: Option<TlsVersion>,
    /// A PEM bundle of more authorities (`NODE_EXTRA_CA_CERTS`), read at the first `https` call.
    pub extra_ca_file: Option<PathBuf>,
}

/// The key is a secret, and certificates are noise.
impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("ca", &self.ca.len())
            .field("cert", &self.cert.is_some())
            .field("key", &self.key.is_some())
            .field("min_version", &self.min_version)
            .field("extra_ca_file", &self.extra_ca_file)
            .finish()
    }
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}
