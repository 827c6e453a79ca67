//! The one Tokio runtime of the process, made on first use.
//!
//! It is never shut down: napi keeps the addon's image in memory for good once a thread-safe function
//! exists, so its threads cannot outlive their code. What belongs to one JavaScript environment is
//! cancelled and joined when that environment goes ([`super::engine`]).

use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};

/// Two workers, one of which reads sockets while the other finishes a parse; more only contend with
/// JavaScript. Where JavaScript and one worker fill the machine, a second costs more than it gives:
/// measured on two cores, a burst of events ran 1.5 times as fast with one.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).clamp(1, 2))
}

static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();

/// The runtime's handle, or why the operating system would not give it threads.
pub(super) fn handle() -> napi::Result<Handle> {
    let workers = std::env::var("TRAE_NATIVE_WORKERS").ok().and_then(|text| text.parse().ok());
    let made = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(workers.unwrap_or_else(self::workers).clamp(1, 64))
            .thread_name("trae-native")
            .enable_all()
            .build()
    });
    made.as_ref().map(|runtime| runtime.handle().clone()).map_err(|cause| {
        napi::Error::from_reason(format!("trae-native could not start its threads: {cause}"))
    })
}
