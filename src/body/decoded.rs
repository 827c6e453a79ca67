//! A body read as events: a stream of bytes in, a stream of batches of events out.

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use super::{ByteStream, EventStream};
use crate::{Error, ErrorKind, Phase, Result, event::Event};

/// What finds events in bytes, however these were split: no clock and no socket.
pub trait Decode: Send + 'static {
    /// Reads the next bytes and adds the events that they complete to `out`, also where it fails.
    ///
    /// # Errors
    /// What is in the bytes breaks the format, or a limit. That is final: every later call repeats it.
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()>;

    /// There are no more bytes.
    ///
    /// # Errors
    /// As of `feed`.
    fn end(&mut self, out: &mut Vec<Event>) -> Result<()>;
}

/// The events of a body, those that one chunk completed together; never an empty batch.
///
/// A failure, the body's own or the decoder's, comes after the events completed before it and ends the stream.
pub fn decoded(body: ByteStream, decoder: impl Decode + Unpin) -> EventStream {
    Box::pin(Events::Open { body, decoder })
}

/// Leaving `Open` drops the body, which ends the transfer.
enum Events<D> {
    Open { body: ByteStream, decoder: D },
    Failed(Error),
    Done,
}

impl<D: Decode + Unpin> Stream for Events<D> {
    type Item = Result<Vec<Event>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while let Self::Open { body, decoder } = &mut *self {
            let mut batch = Vec::new();
            let read = ready!(body.as_mut().poll_next(cx));
            let ended = read.is_none();
            let outcome = match read {
                Some(Ok(bytes)) => decoder.feed(&bytes, &mut batch),
                Some(Err(error)) => Err(in_stream(error)),
                None => decoder.end(&mut batch),
            };
            match outcome {
                Err(error) => *self = Self::Failed(error),
                Ok(()) if ended => *self = Self::Done,
                Ok(()) => {}
            }
            if !batch.is_empty() {
                return Poll::Ready(Some(Ok(batch)));
            }
        }
        match mem::replace(&mut *self, Self::Done) {
            Self::Failed(error) => Poll::Ready(Some(Err(error))),
            Self::Open { .. } | Self::Done => Poll::Ready(None),
        }
    }
}

/// What a failure of the body is called where the body is a stream of events.
fn in_stream(error: Error) -> Error {
    match (error.kind(), error.phase()) {
        (ErrorKind::Timeout, Phase::Idle) => error.into_kind(ErrorKind::StreamIdle),
        (ErrorKind::Incomplete, _) => error.into_kind(ErrorKind::IncompleteStream),
        _ => error,
    }
}
