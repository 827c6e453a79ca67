//! Calls on their way from JavaScript to the engine's threads, and the one wake-up for all of them.
//!
//! The mirror of the mailbox, and the same invariant: a wake-up is sent only when none is pending, and
//! the pending flag falls before the calls are taken. To spawn each call from JavaScript's thread would
//! cost that thread a system call each.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use futures_util::future::{AbortHandle, AbortRegistration, Abortable, BoxFuture};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::{
    call::{self, Job},
    mailbox::lock,
};

/// A call on its way.
pub(super) enum Work {
    Fresh(Job),
    /// It was tried at once, and goes on here.
    Begun(BoxFuture<'static, ()>),
}

/// The calls of one environment that have not arrived.
#[derive(Default)]
pub(super) struct Inbox {
    jobs: Mutex<Vec<(Work, AbortRegistration)>>,
    pending: AtomicBool,
    arrived: Notify,
}

impl Inbox {
    /// Leaves a call; the handle cancels it, whether it has begun or not.
    pub(super) fn push(&self, work: Work) -> AbortHandle {
        let (handle, registration) = AbortHandle::new_pair();
        lock(&self.jobs).push((work, registration));
        if !self.pending.swap(true, Ordering::AcqRel) {
            self.arrived.notify_one();
        }
        handle
    }

    fn take(&self) -> Vec<(Work, AbortRegistration)> {
        self.pending.store(false, Ordering::Release);
        std::mem::take(&mut lock(&self.jobs))
    }
}

/// Begins each call as a task of its own, for as long as the environment lives.
pub(super) async fn dispatch(inbox: Arc<Inbox>, tasks: TaskTracker) {
    loop {
        inbox.arrived.notified().await;
        for (work, registration) in inbox.take() {
            match work {
                Work::Fresh(job) => {
                    tokio::spawn(tasks.track_future(Abortable::new(call::run(job), registration)));
                }
                Work::Begun(call) => {
                    tokio::spawn(tasks.track_future(Abortable::new(call, registration)));
                }
            }
        }
    }
}
