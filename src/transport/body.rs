//! An answer's content on its way in: time limits, the place in the pool, and a polite ending.

use std::{
    error::Error as StdError,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;
use tokio::time::Sleep;
use url::Url;

use super::{
    clock::{Clock, Limit},
    errors,
    facts::{Facts, Http},
};
use crate::{Error, Phase, Result, body::ByteStream};

/// The most that is read for nobody, to keep a connection, and for how long.
const DRAIN_BYTES: u64 = 128 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// What is known of a content before its first byte.
pub(super) struct Terms<P> {
    /// Where it comes from.
    pub url: Url,
    /// The limits of the call.
    pub clock: Clock,
    /// Bytes still to come, where the server said so.
    pub remaining: Option<u64>,
    /// Whether other requests wait for this one to leave the connection.
    pub exclusive: bool,
    /// Kept until the content has ended.
    #[expect(dead_code, reason = "it is held, and given back when dropped")]
    pub place: P,
}

/// The bytes of an answer as the network brings them.
pub(super) struct Incoming<S: Pieces, P: Send + 'static> {
    /// `None` once it has ended.
    open: Option<Open<S, P>>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Since when a read has been waiting. A reader that does not ask does not make the server silent.
    waiting_since: Option<Instant>,
}

struct Open<S, P> {
    source: S,
    terms: Terms<P>,
}

impl<S: Pieces, P: Send + 'static> Incoming<S, P> {
    pub fn new(source: S, terms: Terms<P>) -> Self {
        Self { open: Some(Open { source, terms }), timer: None, waiting_since: None }
    }
}

/// What the network gives.
pub(super) trait Pieces: Stream<Item = Result<Bytes, Self::Error>> + Unpin + Send + 'static {
    /// What the network reports.
    type Error: StdError + Send + Sync + 'static;
}

impl<S, E> Pieces for S
where
    S: Stream<Item = Result<Bytes, E>> + Unpin + Send + 'static,
    E: StdError + Send + Sync + 'static,
{
    type Error = E;
}

impl<S: Pieces, P: Send + Unpin + 'static> Stream for Incoming<S, P> {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let this = self.get_mut();
        let Some(Open { source, terms }) = &mut this.open else { return Poll::Ready(None) };
        let piece = match source.poll_next_unpin(cx) {
            Poll::Pending => {
                let since = *this.waiting_since.get_or_insert_with(Instant::now);
                Some(Err(ready!(terms.poll_late(since, &mut this.timer, cx))))
            }
            Poll::Ready(None) => terms.shortfall().map(Err),
            Poll::Ready(Some(piece)) => {
                this.waiting_since = None;
                Some(terms.check(piece))
            }
        };
        if !matches!(piece, Some(Ok(_))) {
            this.open = None;
        }
        Poll::Ready(piece)
    }
}

impl<P> Terms<P> {
    fn check(&mut self, piece: Result<Bytes, impl StdError + Send + Sync + 'static>) -> Result<Bytes> {
        let bytes = piece.map_err(|err| errors::in_body(&Facts::of(&err), &self.url).with_source(err))?;
        match self.clock.total() {
            // A source that always has data would otherwise outlive its limit.
            Some(total) if Instant::now() >= total.at => Err(self.late(total)),
            _ => {
                self.remaining = self.remaining.map(|rest| rest.saturating_sub(bytes.len() as u64));
                Ok(bytes)
            }
        }
    }

    /// An HTTP/2 server may reset a stream without calling it an error, which then looks like an end.
    fn shortfall(&self) -> Option<Error> {
        let facts = Facts { http: Some(Http::CutShort), ..Facts::default() };
        self.remaining.filter(|rest| *rest > 0).map(|_| errors::in_body(&facts, &self.url))
    }

    fn late(&self, limit: Limit) -> Error {
        errors::timed_out(limit.phase, limit.after, &errors::peer(&self.url))
    }

    /// Ready once a limit has passed. The timer is set once and only moved when it rings too early:
    /// moving it at every read would take the runtime's timer lock per chunk.
    fn poll_late(
        &self,
        since: Instant,
        timer: &mut Option<Pin<Box<Sleep>>>,
        cx: &mut Context<'_>,
    ) -> Poll<Error> {
        let Some(limit) = self.clock.first_since(Phase::Idle, self.clock.timeouts.idle, || since) else {
            return Poll::Pending;
        };
        let at = limit.at.into();
        let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= at {
                return Poll::Ready(self.late(limit));
            }
            timer.as_mut().reset(at);
        }
    }
}

/// A connection whose answer is nearly through is worth a moment; any other is given up at once.
impl<S: Pieces, P: Send + 'static> Drop for Incoming<S, P> {
    fn drop(&mut self) {
        let Some(Open { mut source, terms }) = self.open.take() else { return };
        let nearly_done =
            terms.exclusive && terms.remaining.is_some_and(|rest| (1..=DRAIN_BYTES).contains(&rest));
        if !nearly_done {
            return;
        }
        // Without a runtime there is nobody to read on.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let rest = async { while let Some(Ok(_)) = source.next().await {} };
            let _ = tokio::time::timeout(DRAIN_TIME, rest).await;
            drop(terms);
        });
    }
}

/// Reads on in the background what the caller no longer wants, to keep the connection: up to 128 KiB
/// and for one second. Must be called within a runtime.
pub fn drain(body: ByteStream) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    runtime.spawn(async move {
        let _ = tokio::time::timeout(DRAIN_TIME, read_off(body)).await;
    });
}

/// Reads what nobody wants, up to 128 KiB; says whether that was all.
pub(super) async fn read_off<E>(mut body: impl Stream<Item = Result<Bytes, E>> + Unpin) -> bool {
    let mut read = 0;
    while let Some(Ok(bytes)) = body.next().await {
        read += bytes.len() as u64;
        if read > DRAIN_BYTES {
            return false;
        }
    }
    true
}
