//! The Node addon: converts and carries, decides nothing. The only room that names napi.
//!
//! - [`engine`]: what JavaScript can call · [`client`]: what it holds · [`call`]: a call as a task · [`at_once`]: its first poll, before it is one
//! - [`js_middleware`]: a group of JavaScript's middlewares as a layer · [`groups`]: those that calls have come to ·
//!   [`passage`]: how JavaScript answers
//! - [`held`]: values that stay in JavaScript · [`callback`] and [`functions`]: what Rust may ask there
//! - [`warmup`]: connections ready before the first call · [`ask`]: what a middleware is asked besides calls
//! - [`inbox`]: calls from JavaScript, one wake-up for all
//! - [`mailbox`]: news for JavaScript, one wake-up for all · [`drain`]: how they are handed over
//! - [`script`]: clients without a network, in a time of their own
//! - [`ledger`]: lines of a log
//! - [`outbox`]: a stream's pieces and its credit · [`pack`]: events as text · [`upload`]: a request body's pieces and its pauses
//! - [`text`]: heads, events and errors as text · [`runtime`] and [`lifecycle`]: threads, exits

#![expect(clippy::needless_pass_by_value, reason = "napi hands arguments over by value")]
#![expect(clippy::unused_self, reason = "the facade knows only the engine, so everything is a method of it")]
#![expect(clippy::too_many_arguments, reason = "one positional call is what makes a call out cheap")]

mod ask;
mod at_once;
mod call;
mod callback;
mod client;
mod drain;
mod engine;
mod functions;
mod groups;
mod held;
mod inbox;
mod js_middleware;
mod ledger;
mod lifecycle;
mod mailbox;
mod outbox;
mod pack;
mod passage;
mod proxy;
mod runtime;
mod script;
mod simulator;
mod text;
mod upload;
mod wanted;
mod warmup;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
