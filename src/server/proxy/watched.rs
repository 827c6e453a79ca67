//! Answers over HTTP/2 that nobody takes. A window that stays shut shows on no socket, since others share it; but a body
//! is asked for its next piece only where there is room for it.
//!
//! Invariant: an answer that was not asked for longer than it may wait is let go of, and with it its call of the API.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::emit::AnswerBody;
use crate::{Error, ErrorKind, Phase};

/// An answer, and whoever watches how it is taken.
pub(super) struct Watched {
    state: Arc<Mutex<State>>,
    _watch: AbortOnDropHandle<()>,
}

struct State {
    /// `None` once it is let go of.
    body: Option<AnswerBody>,
    /// Since when it is the caller's turn.
    handed: Option<Instant>,
}

impl Watched {
    pub(super) fn new(body: AnswerBody, patience: Duration) -> Self {
        let state = Arc::new(Mutex::new(State { body: Some(body), handed: Some(Instant::now()) }));
        let watch = tokio::spawn(watch(Arc::downgrade(&state), patience));
        Self { state, _watch: AbortOnDropHandle::new(watch) }
    }

    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let mut state = lock(&self.state);
        let Some(body) = &mut state.body else {
            let words = "the caller took nothing of the answer for too long (`limits.writeTimeout`)";
            return Poll::Ready(Some(Err(Error::new(ErrorKind::Timeout, Phase::Body, words))));
        };
        let polled = Pin::new(body).poll_frame(cx);
        state.handed = matches!(polled, Poll::Ready(Some(Ok(_)))).then(Instant::now);
        polled
    }
}

async fn watch(state: Weak<Mutex<State>>, patience: Duration) {
    let mut next = Instant::now() + patience;
    loop {
        sleep_until(next).await;
        let Some(state) = state.upgrade() else { return };
        let mut state = lock(&state);
        let now = Instant::now();
        next = state.handed.unwrap_or(now) + patience;
        if next <= now {
            state.body = None;
            return;
        }
    }
}

/// The state is consistent after every line, so a panic elsewhere does not spoil it.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::{FutureExt, StreamExt, stream};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Two pieces, the second after a while, and what tells that nobody holds them any more.
    fn answer(after: Duration) -> (Watched, Weak<()>) {
        let held = Arc::new(());
        let gone = Arc::downgrade(&held);
        let pieces = stream::iter(0..2).then(move |at| {
            let held = Arc::clone(&held);
            async move {
                tokio::time::sleep(after * at).await;
                drop(held);
                Ok(Bytes::from_static(b"data: 1\n\n"))
            }
        });
        (Watched::new(AnswerBody::Bytes(Box::pin(pieces)), PATIENCE), gone)
    }

    async fn next(watched: &Watched) -> Option<Result<(), ErrorKind>> {
        let next = poll_fn(|cx| watched.poll(cx)).await;
        next.map(|next| next.map(|_| ()).map_err(|error| error.kind()))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_taken_for_too_long_is_let_go_of() {
        let (watched, gone) = answer(Duration::ZERO);
        assert_eq!(next(&watched).await, Some(Ok(())));
        tokio::time::sleep(PATIENCE / 2).await;
        assert!(gone.upgrade().is_some());
        tokio::time::sleep(2 * PATIENCE).await;
        assert!(gone.upgrade().is_none());
        assert_eq!(next(&watched).await, Some(Err(ErrorKind::Timeout)));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_the_api_waits_as_long_as_it_takes() {
        let (watched, gone) = answer(100 * PATIENCE);
        assert_eq!(next(&watched).await, Some(Ok(())));
        assert_eq!(next(&watched).await, Some(Ok(())));
        assert!(gone.upgrade().is_some());
        assert_eq!(next(&watched).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_of_which_nothing_was_ever_asked_is_no_exception() {
        let (watched, gone) = answer(Duration::ZERO);
        tokio::time::sleep(PATIENCE * 3).await;
        assert!(gone.upgrade().is_none());
        assert!(next(&watched).now_or_never().is_some());
    }
}
