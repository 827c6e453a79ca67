//! The specification of the core, a file per room, without Node.

mod claude;
mod client;
mod fold;
mod hostile;
mod jsonl;
mod layers;
mod message;
mod middleware;
#[cfg(feature = "server")]
mod simulator;
mod sse;
mod store;
mod support;
mod transport;
