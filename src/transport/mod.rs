//! Sockets: pool, TLS, proxies, timeouts.
