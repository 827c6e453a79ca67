//! How an environment's engine keeps a script alive, and how it goes when the environment goes.

use std::time::Duration;

use napi::{Env, sys};
use tokio_util::task::TaskTracker;

use super::{
    engine::{Calls, Dispatcher},
    mailbox::{Waker, lock},
    runtime,
};

/// How long an environment that goes away waits for its cancelled calls to let go.
const JOIN: Duration = Duration::from_secs(2);

/// Cancels and joins the environment's calls before it goes, so that none speaks to it afterwards.
pub(super) fn on_exit(
    env: Env,
    running: Calls,
    dispatcher: Dispatcher,
    tasks: TaskTracker,
) -> napi::Result<()> {
    env.add_env_cleanup_hook((running, dispatcher, tasks), |(running, dispatcher, tasks)| {
        abort_all(&running, &dispatcher);
        tasks.close();
        if let Ok(runtime) = runtime::handle() {
            // Too late is better than never: a task that hangs on must not hang the whole process.
            let _late = runtime.block_on(async { tokio::time::timeout(JOIN, tasks.wait()).await });
        }
    })?;
    Ok(())
}

/// Aborts every call, begun or not; their letters are for nobody.
pub(super) fn abort_all(running: &Calls, dispatcher: &Dispatcher) {
    if let Some(dispatcher) = dispatcher.get() {
        dispatcher.abort();
    }
    for running in lock(running).values() {
        running.abort.abort();
    }
}

/// From now on a call is under way: the script has to wait for it.
pub(super) fn hold(env: Env, waker: &Waker) {
    // SAFETY: we are on the environment's own thread and the function lives as long as the engine.
    #[expect(unsafe_code, reason = "napi's safe wrapper wants the only reference to a shared function")]
    let _closing = unsafe { sys::napi_ref_threadsafe_function(env.raw(), waker.raw()) };
}

/// Nothing is under way any more: the script may exit.
pub(super) fn release(env: Env, waker: &Waker) {
    // SAFETY: as above.
    #[expect(unsafe_code, reason = "napi's safe wrapper wants the only reference to a shared function")]
    let _closing = unsafe { sys::napi_unref_threadsafe_function(env.raw(), waker.raw()) };
}
