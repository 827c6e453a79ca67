//! Servers: the caching proxy, and the simulated API.
//!
//! May be used by `node`, by tests and by benchmarks. The simulator uses nothing of the client, so that a fault of
//! the client cannot hide in its own test peer.
//!
//! - the engine behind a server of HTTP: [`proxy`]
//! - what the simulator is asked to do, answers and remembers: [`simulator`]

pub mod proxy;
pub mod simulator;
