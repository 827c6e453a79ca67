//! Threads that each answer by themselves: what one has accepted it answers, over connections of its own to the API. So
//! no request hops between threads, and as many as there are cores answer as many times as much.
//!
//! What they share is what has to be one: the cache, limits, conversations, figures.

use std::{io, sync::Arc, thread};

use futures_util::future::join_all;
use tokio::runtime::{Builder, Handle};

use super::{
    handle::Shared,
    wire::{self, Bound},
};
use crate::client::settle;

/// Layers of a pipeline lie upon each other on the stack; only what is used of it takes memory.
const STACK: usize = 16 << 20;

/// Answers at these places: on threads of its own, or with none on the runtime of the process.
pub(super) fn start(
    threads: usize,
    process: &Handle,
    shared: &Arc<Shared>,
    bound: Vec<Bound>,
) -> io::Result<()> {
    if threads == 0 {
        let _entered = process.enter();
        for place in bound {
            process.spawn(wire::accept(Arc::clone(shared), place.listen()?));
        }
        return Ok(());
    }
    for shard in 0..threads {
        let places = bound.iter().map(Bound::again).collect::<io::Result<Vec<_>>>()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(shared);
        let work = move || {
            settle(shard);
            runtime.block_on(answer(shared, places));
        };
        thread::Builder::new().name("trae-native-proxy".to_owned()).stack_size(STACK).spawn(work)?;
    }
    Ok(())
}

/// Until the proxy has stopped: what is accepted here is answered here, to its end.
async fn answer(shared: Arc<Shared>, places: Vec<Bound>) {
    let listeners = places.into_iter().filter_map(|place| place.listen().ok());
    join_all(listeners.map(|listener| wire::accept(Arc::clone(&shared), listener))).await;
    shared.connections.tasks.wait().await;
}
