//! The engine of `trae-native`: an HTTP client for language-model APIs.
//!
//! A request walks down a pipeline of middlewares to a transport and comes back as a response whose
//! body is bytes or server-sent events. Each layer may use only those above it in this table
//! (`tests/it/layers.rs` checks it):
//!
//! | layer | rooms | what they are |
//! |---|---|---|
//! | 0 nouns | [`error`] [`request`] [`response`] [`attempt`] [`body`] [`event`] [`secret`] [`identity`] [`notice`] [`random`] [`reuse`] | plain data, no runtime |
//! | 1 | [`pipeline`] [`sse`] [`jsonl`] [`claude`] [`redact`] [`store`] | the onion; bytes to events; bytes to rows; the Messages API's shapes; what is never shown; state that calls share |
//! | 2 | [`transport`] | sockets: pool, TLS, proxies, timeouts |
//! | 2 | [`credential`] | what a call is sent with: kept, renewed, put on |
//! | 2 | [`partition`] | which calls belong together |
//! | 2 | [`place`] | where calls go instead of the client's own base, and what must not go with them |
//! | 2 | [`budget`] | how many attempts besides the first all calls may make |
//! | 2 | [`queue`] | who waits for a limit, in which order |
//! | 2 | [`watch`] | an answer on its way out: when it came, what it took, how it ended |
//! | 3 | [`middleware`] | a room each: auth, jwt, retry, timeout, cache, idempotency key, rate limit, concurrency, quota, circuit breaker, fallback, key pool, hedge, logger, redact, metrics, journal |
//! | 3 | [`session`] | conversations over a store |
//! | 4 | [`client`] | options, validated, wired into one pipeline |
//! | 5 | `node` `server` | the Node addon; the caching proxy, the simulator |
//!
//! To change X, go to Y:
//!
//! - how a request looks on the wire: [`transport`]; how an option is read or defaulted: [`client`]
//! - which bytes make an event: [`sse`], or a row: [`jsonl`]; what an event of the Messages API means: [`claude`]
//! - what a native middleware does: its room in [`middleware`]; how its options are read: `client::rooms`
//! - where shared state stands, in memory or in Redis: [`store`]
//! - when a credential is renewed, what follows a 401: [`credential`]
//! - what an error says, and its code: [`error`]; which JavaScript class it becomes: `js/errors.ts`
//! - what crosses to JavaScript, and when: `node`
//! - what the caching proxy does with a request: `server::proxy`; what the simulated API answers: `server::simulator`

pub mod attempt;
pub mod body;
pub mod budget;
pub mod claude;
pub mod client;
pub mod credential;
pub mod error;
pub mod event;
pub mod identity;
pub mod jsonl;
pub mod middleware;
#[cfg(feature = "node")]
pub mod node;
pub mod notice;
pub mod partition;
pub mod pipeline;
pub mod place;
pub mod queue;
pub mod random;
pub mod redact;
pub mod request;
pub mod response;
pub mod reuse;
pub mod secret;
#[cfg(feature = "server")]
pub mod server;
pub mod session;
pub mod sse;
pub mod store;
pub mod transport;
pub mod watch;

pub use error::{Error, ErrorKind, Phase, Result};

/// The Rust of the guide is compiled and its tests are run, as documentation is.
#[cfg(all(doctest, feature = "server"))]
#[doc = include_str!("../docs/write-a-middleware.md")]
struct Guide;
