//! A scriptable Claude API on a real socket: what it answers, how it breaks and what it received.
//!
//! - options and their defaults: `options`; starting, scripting and closing: `handle`
//! - what a scripted answer may say, checked and prebuilt: `reply`
//! - what the real API would say (shapes, headers, errors): `api`, pure
//! - which answer a request gets, and how its body is written: `answer`; without a connection: `answer::recipe`
//! - sockets, TLS, broken connections, the proxy role: `wire`
//! - what was received, and the counters: `record`; a request's head in words: `head`
//!
//! ```no_run
//! # fn main() -> std::io::Result<()> {
//! # let runtime = tokio::runtime::Runtime::new()?;
//! use trae_native::server::simulator::{Reply, Simulator, SimulatorOptions};
//!
//! let simulator = Simulator::start(runtime.handle(), SimulatorOptions::default())?;
//! simulator.script(Reply::list(r#"[{"status": 529}, {"text": "Hello there"}]"#)?)?;
//! assert!(simulator.url().starts_with("http://127.0.0.1:"));
//! # Ok(()) }
//! ```

mod answer;
mod api;
mod handle;
mod head;
mod options;
mod record;
mod reply;
mod wire;

pub use answer::recipe::{Ending, Recipe, Written};
pub use handle::Simulator;
pub use options::{HttpVersions, SimulatorOptions};
pub use record::{Counters, Received};
pub use reply::{Cut, Encoding, ErrorAt, Hang, HeaderText, Match, ReadBody, Reply, Transcript};
