//! A socket that knows how its connection begins, and gives up on a peer that takes nothing.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// How HTTP/2 begins; no request of HTTP/1 does. All of it: who does not go on is cut off here.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A socket, with what was read of it to see how it begins.
pub(super) struct Patient<S> {
    socket: S,
    begun: [u8; HTTP2.len()],
    /// Which of these are still to be read.
    unread: std::ops::Range<usize>,
    /// How long nothing may be taken.
    patience: Option<Duration>,
    waiting: Option<Pin<Box<Sleep>>>,
    lingers: Lingers,
    is_shut: bool,
}

/// How long what is still being sent is taken after the last answer. Who is cut off while he sends never sees why: his
/// system throws the answer away.
const LINGER: Duration = Duration::from_secs(2);

/// Whether a connection ends though its peer may still be sending.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Lingers(Arc<AtomicBool>);

impl Lingers {
    pub(in super::super) fn set(&self) {
        self.0.store(true, Relaxed);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Patient<S> {
    pub(super) fn new(socket: S, patience: Option<Duration>, lingers: Lingers) -> Self {
        let begun = [0; HTTP2.len()];
        Self { socket, begun, unread: 0..0, patience, waiting: None, lingers, is_shut: false }
    }

    /// Whether the peer speaks HTTP/2 at once. Reads no more than it takes to know.
    pub(super) async fn begins_as_http2(&mut self) -> io::Result<bool> {
        let mut read = 0;
        while read < HTTP2.len() && self.begun[..read] == HTTP2[..read] {
            match self.socket.read(&mut self.begun[read..]).await? {
                0 => break,
                more => read += more,
            }
        }
        self.unread = 0..read;
        Ok(self.begun[..read] == *HTTP2)
    }

    /// Takes what comes until the peer has seen that it ends.
    fn linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let until = self.waiting.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        if until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut thrown_away = [0; 8 << 10];
        loop {
            let mut buf = ReadBuf::new(&mut thrown_away);
            match ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => {}
                _ => return Poll::Ready(()),
            }
        }
    }

    /// The peer has taken something, or there was nothing to take.
    fn taken<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.waiting = None;
            return outcome;
        }
        let Some(patience) = self.patience else { return Poll::Pending };
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(waiting.as_mut().poll(cx));
        self.waiting = None;
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the caller took nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            return Pin::new(&mut self.socket).poll_read(cx, buf);
        }
        let size = self.unread.len().min(buf.remaining());
        let from = self.unread.start;
        buf.put_slice(&self.begun[from..from + size]);
        self.unread.start += size;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.taken(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.taken(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.socket).poll_flush(cx);
        self.taken(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_shut {
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
            self.is_shut = true;
            self.waiting = None;
        }
        if self.lingers.0.load(Relaxed) {
            ready!(self.linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}

/// When something must have happened.
pub(super) async fn within<T>(limit: Duration, what: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout_at(Instant::now() + limit, what)
        .await
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "the peer said nothing in time")))
}
