//! The native middlewares, a room each; a room knows none of the others.
//!
//! Each has the same shelves: `mod.rs` is the mechanism, `options.rs` what can be set and its defaults, and
//! each judgement a file of its own: pure functions, without a clock or chance of their own.
//!
//! - [`timeout`]: gives up on a call, or on one attempt, after a time
//!
//! May be used by `client`, which reads their options, and by tests.

pub mod timeout;
