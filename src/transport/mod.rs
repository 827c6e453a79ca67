//! Sockets: everything between a checked request and its answer's bytes.

mod body;
mod connect;
mod errors;
mod options;
mod proxy;
mod reqwest;
mod tls;

pub use body::{collect, drain};
pub use options::{HeaderLimits, Http2, PoolOptions, ProxyOptions, TlsOptions, TlsVersion, TransportOptions};
pub use reqwest::{Stats, Transport};
