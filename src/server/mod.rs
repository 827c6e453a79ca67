//! Servers: the simulated API.
//!
//! May be used by `node`, by tests and by benchmarks; uses nothing of the client, so that a fault of
//! the client cannot hide in its own test peer.
//!
//! - what the simulator is asked to do, answers and remembers: [`simulator`]

pub mod simulator;
