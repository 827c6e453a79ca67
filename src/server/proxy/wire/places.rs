//! How many connections there may be: a number that may change while they last.

use std::sync::{
    Arc,
    atomic::{
        AtomicUsize,
        Ordering::{AcqRel, Acquire, Release},
    },
};

use tokio::sync::Notify;

/// The places of all connections.
pub(in super::super) struct Places(Arc<State>);

struct State {
    most: AtomicUsize,
    taken: AtomicUsize,
    freed: Notify,
}

/// One of them, free again when it is dropped.
pub(super) struct Taken(Arc<State>);

impl Places {
    pub(super) fn new(most: usize) -> Self {
        let (most, taken) = (AtomicUsize::new(most), AtomicUsize::new(0));
        Self(Arc::new(State { most, taken, freed: Notify::new() }))
    }

    /// Allows so many from now on; who is here stays.
    pub(in super::super) fn allow(&self, most: usize) {
        self.0.most.store(most, Release);
        self.0.freed.notify_waiters();
    }

    /// A place, as soon as there is one.
    pub(super) async fn take(&self) -> Taken {
        loop {
            // Before the look: what is freed after it is not missed.
            let freed = self.0.freed.notified();
            let most = self.0.most.load(Acquire);
            let one_more = |taken: usize| (taken < most).then_some(taken + 1);
            if self.0.taken.fetch_update(AcqRel, Acquire, one_more).is_ok() {
                return Taken(Arc::clone(&self.0));
            }
            freed.await;
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, AcqRel);
        self.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn there_are_as_many_as_are_allowed_now_and_who_is_here_stays() {
        let places = Places::new(1);
        let first = places.take().await;
        let mut second = Box::pin(places.take());
        assert!(second.as_mut().now_or_never().is_none());
        places.allow(2);
        let second = second.await;
        places.allow(1);
        drop(first);
        let mut third = Box::pin(places.take());
        poll_fn(|cx| {
            assert!(third.poll_unpin(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        drop(second);
        drop(third.await);
    }
}
