//! A body read as events: a stream of bytes in, a stream of batches of events out.

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll},
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

/// How much is gathered into one batch.
const BATCH: usize = 64 << 10;

/// The events of a body, those that one chunk completed together; never an empty batch.
///
/// A failure, the body's own or the decoder's, comes after the events completed before it and ends the stream.
pub fn decoded(body: ByteStream, decoder: impl Decode + Unpin) -> EventStream {
    Box::pin(Events::Open { body, decoder, batch: Vec::new(), size: 0, turn: Turn::None })
}

/// The same, those that are there together as one batch, for whoever pays for each.
///
/// Whoever reads a connection hands over one piece, and the next when that was taken and he had his turn: what one read
/// of a socket has brought would come event by event, each at the cost of a batch. So a turn is given before a batch
/// goes out, and nothing waits for longer than that.
pub fn gathered(body: ByteStream, decoder: impl Decode + Unpin) -> EventStream {
    Box::pin(Events::Open { body, decoder, batch: Vec::new(), size: 0, turn: Turn::Due })
}

/// Whether the other side has had its turn since something came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It gets none.
    None,
    Due,
    Given,
}

/// Leaving `Open` drops the body, which ends the transfer.
enum Events<D> {
    Open {
        body: ByteStream,
        decoder: D,
        batch: Vec<Event>,
        /// Of what it was made, in bytes.
        size: usize,
        turn: Turn,
    },
    Failed(Error),
    Done,
}

impl<D: Decode + Unpin> Stream for Events<D> {
    type Item = Result<Vec<Event>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while let Self::Open { body, decoder, batch, size, turn } = &mut *self {
            let Poll::Ready(read) = body.as_mut().poll_next(cx) else {
                if batch.is_empty() {
                    return Poll::Pending;
                }
                if *turn == Turn::Due {
                    *turn = Turn::Given;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                return Poll::Ready(Some(Ok(taken(batch, size, turn))));
            };
            let ended = read.is_none();
            let outcome = match read {
                Some(Ok(bytes)) => {
                    *size += bytes.len();
                    if *turn == Turn::Given {
                        *turn = Turn::Due;
                    }
                    decoder.feed(&bytes, batch)
                }
                Some(Err(error)) => Err(in_stream(error)),
                None => decoder.end(batch),
            };
            let is_enough = *size >= BATCH || (*turn == Turn::None && !batch.is_empty());
            if outcome.is_ok() && !ended && !is_enough {
                continue;
            }
            let batch = taken(batch, size, turn);
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

fn taken(batch: &mut Vec<Event>, size: &mut usize, turn: &mut Turn) -> Vec<Event> {
    *size = 0;
    if *turn == Turn::Given {
        *turn = Turn::Due;
    }
    mem::take(batch)
}

/// What a failure of the body is called where the body is a stream of events.
fn in_stream(error: Error) -> Error {
    match (error.kind(), error.phase()) {
        (ErrorKind::Timeout, Phase::Idle) => error.into_kind(ErrorKind::StreamIdle),
        (ErrorKind::Incomplete, _) => error.into_kind(ErrorKind::IncompleteStream),
        _ => error,
    }
}
