//! The caching conversation proxy: the engine's pipeline behind a server that speaks the Messages API.
//!
//! - options, each error with its name and line: `options` · starting, reloading, stopping: `handle`
//! - threads that answer each by itself: `shards` · connections and what they may take: `wire` · which place a request is for: `route`, pure
//! - who asks and what that allows: `callers`, pure · limits that are one caller's: `per_caller`
//! - a request through the pipeline and back: `forward`; its body: `intake`; headers: `heads`, pure; the answer's body:
//!   `emit`, over HTTP/2 as far as it is taken: `watched`; what the proxy says itself: `answer` · the pipeline: `engine`
//! - what the service manager is told: `systemd`
//! - what is told of all of it: `admin`; what the proxy measures of itself: `meter`; the page: `page`

mod admin;
mod answer;
mod callers;
mod emit;
mod engine;
mod forward;
mod handle;
mod heads;
mod intake;
mod meter;
mod models;
mod options;
mod page;
mod per_caller;
mod route;
mod serve;
mod shards;
mod systemd;
mod watched;
mod wire;

pub use self::{handle::Proxy, options::Sources};
use serve::serve;

/// The defaults of a proxy's own options: for the documentation's test.
pub fn defaults() -> serde_json::Value {
    options::defaults()
}
