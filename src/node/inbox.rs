//! Calls on their way from JavaScript to the engine's threads, and the one wake-up for all of them.
//!
//! The mirror of the mailbox, and the same invariant: a wake-up is sent only when none is pending, and
//! the pending flag falls before the calls are taken. To spawn each call from JavaScript's thread would
//! cost that thread a system call each.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use futures_util::future::{AbortHandle, AbortRegistration, Abortable};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::{
    call::{self, Job},
    mailbox::lock,
};

/// The calls of one environment that have not begun.
#[derive(Default)]
pub(super) struct Inbox {
    jobs: Mutex<Vec<(Job, AbortRegistration)>>,
    pending: AtomicBool,
    arrived: Notify,
}

impl Inbox {
    /// Leaves a call; the handle cancels it, whether it has begun or not.
    pub(super) fn push(&self, job: Job) -> AbortHandle {
        let (handle, registration) = AbortHandle::new_pair();
        lock(&self.jobs).push((job, registration));
        if !self.pending.swap(true, Ordering::AcqRel) {
            self.arrived.notify_one();
        }
        handle
    }

    fn take(&self) -> Vec<(Job, AbortRegistration)> {
        self.pending.store(false, Ordering::Release);
        std::mem::take(&mut lock(&self.jobs))
    }
}

/// Begins each call as a task of its own, for as long as the environment lives.
pub(super) async fn dispatch(inbox: Arc<Inbox>, tasks: TaskTracker) {
    loop {
        inbox.arrived.notified().await;
        for (job, registration) in inbox.take() {
            tokio::spawn(tasks.track_future(Abortable::new(call::run(job), registration)));
        }
    }
}
