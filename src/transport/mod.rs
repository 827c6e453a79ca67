//! Sockets: everything between a checked request and its answer's bytes.
//!
//! May be used by `client` and by tests; uses the nouns and `pipeline::Endpoint`, nothing else of ours.
//!
//! - one call from end to end: `call`; its time limits: `clock`; what is fixed: `options`
//! - what reqwest is told, and what it reports: `reqwest` `connect` `tls` `proxy`
//! - who may go, on which connection, and who waits: `gate` judges, `pool` does
//! - connections opened before anyone calls: `warmup`
//! - the request's body: `upload`; the answer's: `body` `decompress`
//! - what a redirect leads to: `redirect`; what a failure was: `facts`; what it means: `errors`
//! - transports without sockets, for tests, and their clock: `scripted`

mod body;
mod call;
mod clock;
mod connect;
mod decompress;
mod errors;
mod facts;
mod gate;
mod options;
mod pool;
mod proxy;
mod redirect;
mod reqwest;
mod scripted;
mod tls;
mod upload;
mod warmup;

pub use body::drain;
pub use call::{Stats, Transport};
pub use options::{
    HeaderLimits, Http2, PingOptions, PoolOptions, ProxyOptions, TlsOptions, TlsVersion, TransportOptions,
};
pub use pool::OriginStats;
pub use reqwest::settle;
pub use scripted::{Arrived, Ending, Fault, Outcome, Peer, Pieces, Scene, Scripted, Staged, VirtualTime};
pub use warmup::{Warmth, Warmup};
