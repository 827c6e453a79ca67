//! Heads of requests that say in two ways where they end. hyper believes one of them and says nothing of the other;
//! whoever stands before the proxy may believe the other one.
//!
//! Looks at lines as they come in, and knows nothing of bodies: one of them may look like a head, so this alone refuses
//! nothing.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const LENGTH: &[u8] = b"content-length";
const ENCODING: &[u8] = b"transfer-encoding";

/// Whether a head was seen that has both a length and an encoding.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Ambiguous(Arc<AtomicBool>);

impl Ambiguous {
    /// Whether there was one.
    pub(in super::super) fn was_seen(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// The lines of what passes.
#[derive(Debug, Default)]
struct Lines {
    /// The begin of the line that is not complete.
    begin: Vec<u8>,
    length: bool,
    encoding: bool,
}

impl Lines {
    /// Whether a head with both is among them.
    fn pass(&mut self, bytes: &[u8]) -> bool {
        let mut found = false;
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest);
            let line = &rest[..end.unwrap_or(rest.len())];
            let room = (ENCODING.len() + 1).saturating_sub(self.begin.len());
            self.begin.extend_from_slice(&line[..line.len().min(room)]);
            let Some(end) = end else { break };
            found |= self.line();
            rest = &rest[end + 1..];
        }
        found
    }

    fn line(&mut self) -> bool {
        let is =
            |name: &[u8]| self.begin.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
        match self.begin.as_slice() {
            [] | [b'\r'] => (self.length, self.encoding) = (false, false),
            _ if is(LENGTH) => self.length = true,
            _ if is(ENCODING) => self.encoding = true,
            _ => {}
        }
        self.begin.clear();
        self.length && self.encoding
    }
}

/// A connection whose lines are looked at.
pub(super) struct Sniffed<S> {
    inner: S,
    lines: Lines,
    ambiguous: Ambiguous,
}

impl<S> Sniffed<S> {
    pub(super) fn new(inner: S, ambiguous: Ambiguous) -> Self {
        Self { inner, lines: Lines::default(), ambiguous }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Sniffed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        if self.lines.pass(&buf.filled()[before..]) {
            self.ambiguous.0.store(true, Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Sniffed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_with_both_is_seen_in_either_order_and_however_it_is_cut() {
        for (text, expected) in [
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", true),
            ("POST / HTTP/1.1\r\nTRANSFER-ENCODING: chunked\r\nx: y\r\ncontent-length: 3\r\n\r\n", true),
            ("POST / HTTP/1.1\ntransfer-encoding: chunked\ncontent-length: 3\n\n", true),
            (
                "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcPOST / HTTP/1.1\r\nTransfer-Encoding: c\r\n\r\n",
                false,
            ),
            ("POST / HTTP/1.1\r\nx-content-length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", false),
        ] {
            for size in 1..text.len() {
                let mut lines = Lines::default();
                let found =
                    text.as_bytes().chunks(size).fold(false, |found, piece| found | lines.pass(piece));
                assert_eq!(found, expected, "{text} in pieces of {size}");
            }
        }
    }
}
