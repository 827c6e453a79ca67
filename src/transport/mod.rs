//! Sockets: everything between a checked request and its answer's bytes. The only room that knows reqwest.
//!
//! - [`options`]: what a transport is made of, and the defaults · [`wire`]: the reqwest clients
//! - [`endpoint`]: one request, its redirects and its dead sockets · [`redirect`]: where it may go
//! - [`pool`]: how many at once · [`connect`]: connections as they are opened
//! - [`body`]: an answer's bytes · [`decompress`]: their encodings
//! - [`errors`]: what a failure was

mod body;
mod connect;
mod decompress;
mod errors;
mod options;
mod pool;
mod redirect;
mod endpoint;
mod wire;

pub use self::{
    body::collect,
    options::{HeaderLimits, Http2, PoolOptions, ProxyOptions, TlsOptions, TlsVersion, TransportOptions},
    endpoint::{Stats, Transport},
};
