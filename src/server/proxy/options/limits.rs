//! What one connection, and all of them, may take.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    Result,
    client::fields::{Fields, Limit},
};

/// Limits of the server side. A client that is slow, large or many is told so, or loses its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Limits {
    /// Connections at once; further ones wait to be accepted. Default: 10,000.
    pub connections: usize,
    /// All headers of a request, in bytes. Default: 64 KiB.
    pub header_bytes: usize,
    /// The body of a request, in bytes. Default: 32 MiB, as the Messages API has it; files may have 512 MiB.
    pub request_bytes: u64,
    /// From a connection, or from the request before, to the last header of a request. Default: 30 s.
    pub headers: Duration,
    /// Between two pieces of a request's body. Default: 30 s.
    pub body: Option<Duration>,
    /// How long a caller may take nothing of an answer that is there. Default: 60 s.
    pub write: Option<Duration>,
    /// How long streams may go on after the proxy was told to stop. Default: 30 s.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            header_bytes: 64 << 10,
            request_bytes: 32 << 20,
            headers: Duration::from_secs(30),
            body: Some(Duration::from_secs(30)),
            write: Some(Duration::from_secs(60)),
            drain: Duration::from_secs(30),
        }
    }
}

/// Of what is uploaded and not looked at.
pub(in super::super) const UPLOAD: u64 = 512 << 20;

/// hyper takes no less.
const LEAST_HEADER_BYTES: u64 = 8 << 10;

pub(super) fn read(fields: &mut Fields) -> Result<Limits> {
    let default = Limits::default();
    let mut limits = Fields::open("limits", fields.take("limits").unwrap_or_default())?;
    let size = |count: Option<u64>, default: usize| {
        count.map_or(default, |count| usize::try_from(count).unwrap_or(usize::MAX))
    };
    let read = Limits {
        connections: size(limits.count("connections", 1)?, default.connections).min(1 << 20),
        header_bytes: size(limits.count("headerBytes", LEAST_HEADER_BYTES)?, default.header_bytes)
            .min(1 << 24),
        request_bytes: limits.count("requestBytes", 1)?.unwrap_or(default.request_bytes),
        headers: limits.wait("headersTimeout")?.filter(|limit| !limit.is_zero()).unwrap_or(default.headers),
        body: limits.limit("bodyTimeout")?.map_or(default.body, Limit::duration),
        write: limits.limit("writeTimeout")?.map_or(default.write, Limit::duration),
        drain: limits.wait("drainTimeout")?.unwrap_or(default.drain),
    };
    limits.finish()?;
    Ok(read)
}

/// By their names, for the documentation's test.
pub(in super::super) fn defaults() -> Value {
    let default = Limits::default();
    let ms = |limit: Option<Duration>| limit.map_or(0, |limit| limit.as_millis());
    json!({
        "limits.connections": default.connections,
        "limits.headerBytes": default.header_bytes,
        "limits.requestBytes": default.request_bytes,
        "limits.headersTimeout": ms(Some(default.headers)),
        "limits.bodyTimeout": ms(default.body),
        "limits.writeTimeout": ms(default.write),
        "limits.drainTimeout": ms(Some(default.drain)),
    })
}
