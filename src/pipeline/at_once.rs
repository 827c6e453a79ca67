//! A call that is tried at once: polled on the thread that makes it, where a layer may have its answer at hand.
//!
//! To hand a call to another thread and its answer back costs more than many an answer that is in memory. So the
//! first poll may be made here; what is not ready then goes on elsewhere, as the same future, and nothing is done
//! twice. Invariant: a trial never waits, and a layer that has nothing at hand ends it before it does any work that
//! the other thread could do.

use std::{
    cell::Cell,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// Of how many layers a call may be tried: a stack of a thread of JavaScript's has 4 MiB and less, and carries more.
pub const MOST_LAYERS: usize = 24;

thread_local! {
    static TRYING: Cell<bool> = const { Cell::new(false) };
}

/// Polls it once, on this thread. It wakes nobody: a future that is not ready has to be polled again.
pub fn attempt<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    struct Trial;
    impl Drop for Trial {
        fn drop(&mut self) {
            TRYING.set(false);
        }
    }
    TRYING.set(true);
    // Also where the future panics.
    let _trial = Trial;
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// There is nothing at hand: from here on the call goes on elsewhere. Outside of a trial this is ready.
pub async fn over() {
    poll_fn(|cx| {
        if TRYING.replace(false) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[test]
    fn what_is_ready_is_answered_at_once() {
        let mut call = pin!(async { 1 });
        assert_eq!(attempt(call.as_mut()), Poll::Ready(1));
    }

    #[test]
    fn what_has_nothing_at_hand_goes_on_where_it_is_polled_again() {
        let mut call = pin!(async {
            over().await;
            over().await;
            2
        });
        assert_eq!(attempt(call.as_mut()), Poll::Pending);
        assert_eq!(call.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(2));
    }

    #[test]
    fn a_trial_that_panics_leaves_no_trace() {
        let mut call = Box::pin(async { panic!("inside") });
        let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| attempt(call.as_mut())));
        assert!(tried.is_err());
        assert!(!TRYING.get());
    }
}
