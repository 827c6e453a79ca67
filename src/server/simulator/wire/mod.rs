//! Connections: accepting, TLS, HTTP versions, ways to break, and the proxy role.

mod connection;
mod line;
mod proxy;
mod socket;
mod tls;

pub(super) use connection::accept;
pub(super) use line::{Line, Takeover};
pub(super) use proxy::{forward, is_proxied, tunnel, unauthorized};
pub(super) use tls::Tls;
