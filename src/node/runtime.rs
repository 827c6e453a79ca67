//! The one Tokio runtime of the process, made on first use.
//!
//! It is never shut down: napi keeps the addon's image in memory for good once a thread-safe function
//! exists, so its threads cannot outlive their code. What belongs to one JavaScript environment is
//! cancelled and joined when that environment goes ([`super::engine`]).

use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle};

/// Two workers, one of which reads sockets while the other finishes a parse; more only contend with
/// JavaScript. Where JavaScript and one worker fill the machine, a second costs more than it gives:
/// measured on two cores, a burst of events ran 1.5 times as fast with one.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).clamp(1, 2))
}

static RUNTIME: OnceLock<std::io::Result<Handle>> = OnceLock::new();

/// The runtime's handle, or why the operating system would not give it threads.
pub(super) fn handle() -> napi::Result<Handle> {
    let made = RUNTIME.get_or_init(|| {
        let workers = std::env::var("TRAE_NATIVE_WORKERS").ok().and_then(|text| text.parse().ok());
        start(workers.unwrap_or_else(self::workers).clamp(1, 64))
    });
    match made {
        Ok(handle) => Ok(handle.clone()),
        Err(cause) => {
            Err(napi::Error::from_reason(format!("trae-native could not start its threads: {cause}")))
        }
    }
}

/// Layers of a pipeline lie upon each other on the stack: as many as `client::MOST_LAYERS` of the largest have room
/// in a third of it. Only what is used of it takes memory.
pub(super) const STACK: usize = 16 << 20;

/// One worker needs no stealing, and its scheduler has no locks for it.
fn start(workers: usize) -> std::io::Result<Handle> {
    if workers > 1 {
        let runtime = Builder::new_multi_thread()
            .worker_threads(workers)
            .thread_name("trae-native")
            .thread_stack_size(STACK)
            .enable_all()
            .build()?;
        return Ok(std::mem::ManuallyDrop::new(runtime).handle().clone());
    }
    let runtime = Builder::new_current_thread().thread_name("trae-native").enable_all().build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("trae-native".to_owned())
        .stack_size(STACK)
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}
