//! The native middlewares, a room each; a room knows none of the others.
//!
//! Each has the same shelves: `mod.rs` is the mechanism, `options.rs` what can be set and its defaults, and
//! each judgement a file of its own: pure functions, without a clock or chance of their own.
//!
//! - [`auth`]: sends a call with a key or a token that somebody has · [`jwt`]: with one that is made here
//! - [`retry`]: makes a call again that failed in a way that may heal
//! - [`timeout`]: gives up on a call, or on one attempt, after a time
//! - [`cache`]: gives an answer again that was given to the same question
//! - [`rate_limit`]: holds calls to a rate · [`concurrency`]: lets only so many be under way
//! - [`quota`]: lets no more be used up in a day than somebody may
//! - [`circuit_breaker`]: leaves a server alone that fails too often
//! - [`fallback`]: sends a call that fails at one target to the next
//! - [`key_pool`]: sends each call with the key that has least to carry
//! - [`hedge`]: makes a call a second time whose answer is late
//! - [`logger`]: writes a line for each request, answer and failure · [`redact`]: says what is never shown
//! - [`metrics`]: counts what passes, and tells it · [`journal`]: keeps the last calls, for whoever watches
//! - [`idempotency_key`]: names a call to the server, so that it is done once however often it is sent
//!
//! May be used by `client`, which reads their options, and by tests.

pub mod auth;
pub mod cache;
pub mod circuit_breaker;
pub mod concurrency;
pub mod fallback;
pub mod hedge;
pub mod idempotency_key;
pub mod journal;
pub mod jwt;
pub mod key_pool;
pub mod logger;
pub mod metrics;
pub mod quota;
pub mod rate_limit;
pub mod redact;
pub mod retry;
pub mod timeout;
