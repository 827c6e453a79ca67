//! An answer's body on its way in: watched for silence, holding its socket's place, left politely.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt;
use tokio::{
    runtime::Handle,
    time::{Instant, Sleep, sleep_until, timeout},
};
use url::Url;

use super::{
    errors::{Facts, in_body, peer, timed_out},
    pool::Permit,
};
use crate::{
    Error, ErrorKind, Phase, Result,
    body::{Body, ByteStream},
};

/// A rest of at most this many bytes is read and thrown away, to keep the connection.
const WORTH_DRAINING: u64 = 128 << 10;
/// For no longer than this.
const DRAIN_FOR: Duration = Duration::from_secs(1);

type Source = Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>;

/// The bytes of one answer as they come off the wire.
pub(super) struct Transfer {
    source: Option<Source>,
    /// Bytes still to come, where the headers told.
    remaining: Option<u64>,
    idle: Option<Idle>,
    url: Url,
    permit: Option<Permit>,
}

/// Time since the last read. The timer is armed only when there is something to wait for, and moved on
/// only when it fires: a busy stream touches no timer.
struct Idle {
    limit: Duration,
    last: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Idle {
    /// Whether the limit has passed; otherwise arranges to be woken when it may have.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = self.last + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            timer.as_mut().reset(due);
        }
        Poll::Pending
    }
}

impl Transfer {
    pub fn new(
        source: Source,
        remaining: Option<u64>,
        idle: Option<Duration>,
        url: Url,
        permit: Permit,
    ) -> ByteStream {
        let idle = idle.map(|limit| Idle { limit, last: Instant::now(), timer: None });
        Box::pin(Self { source: Some(source), remaining, idle, url, permit: Some(permit) })
    }

    /// The transfer is over: the place in the pool is free.
    fn finish(&mut self) {
        self.source = None;
        self.permit = None;
    }
}

impl Stream for Transfer {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let this = &mut *self;
        let Some(source) = &mut this.source else { return Poll::Ready(None) };
        match source.as_mut().poll_next(cx) {
            Poll::Ready(Some(Ok(chunk))) => {
                if let Some(idle) = &mut this.idle {
                    idle.last = Instant::now();
                }
                this.remaining = this.remaining.map(|left| left.saturating_sub(chunk.len() as u64));
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(Some(Err(cause))) => {
                let cause = cause.without_url();
                let error = in_body(&Facts::of(&cause), &this.url).with_source(cause);
                this.finish();
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(None) => {
                this.finish();
                Poll::Ready(None)
            }
            Poll::Pending => {
                let Some(idle) = &mut this.idle else { return Poll::Pending };
                ready!(idle.poll(cx));
                let error = timed_out(Phase::Idle, idle.limit, &peer(&this.url));
                this.finish();
                Poll::Ready(Some(Err(error)))
            }
        }
    }
}

impl Drop for Transfer {
    /// A body that is nearly there is read to its end, so that its connection can serve the next call.
    fn drop(&mut self) {
        let nearly = self.remaining.is_some_and(|left| left <= WORTH_DRAINING);
        let Some(mut source) = self.source.take().filter(|_| nearly) else { return };
        let permit = self.permit.take();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _held = permit;
                let _late = timeout(DRAIN_FOR, async { while let Some(Ok(_)) = source.next().await {} }).await;
            });
        }
    }
}

/// All of a body. The limit is checked against what the headers announce and against what comes.
pub async fn collect(body: Body, limit: u64, length: Option<u64>) -> Result<Bytes> {
    if length.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let mut stream = match body {
        Body::Empty | Body::Events(_) => return Ok(Bytes::new()),
        Body::Full(bytes) if bytes.len() as u64 > limit => return Err(too_large(limit)),
        Body::Full(bytes) => return Ok(bytes),
        Body::Stream(stream) => stream,
    };
    let Some(first) = stream.next().await.transpose()? else { return Ok(Bytes::new()) };
    let mut all = match stream.next().await.transpose()? {
        // One chunk is handed on as it is.
        None if first.len() as u64 <= limit => return Ok(first),
        second => {
            let mut all = BytesMut::from(first);
            all.extend_from_slice(&second.unwrap_or_default());
            all
        }
    };
    while all.len() as u64 <= limit {
        match stream.next().await.transpose()? {
            Some(chunk) => all.extend_from_slice(&chunk),
            None => return Ok(all.freeze()),
        }
    }
    Err(too_large(limit))
}

fn too_large(limit: u64) -> Error {
    let message = format!("the answer is larger than {limit} bytes (`maxResponseBytes`)");
    Error::new(ErrorKind::TooLarge, Phase::Body, message)
}
