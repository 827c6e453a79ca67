//! The decoder behind a body: a stream of bytes in, a stream of batches of events out.

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use crate::{
    Error, ErrorKind, Phase, Result,
    body::{ByteStream, EventStream},
    event::Event,
    sse::Decoder,
};

/// The events of a body, those that one chunk completed together; never an empty batch.
///
/// A failure, the body's own or that of an event larger than `max_event_bytes`, comes after the events
/// completed before it and ends the stream. A block that the end of the body cuts short is no event.
pub fn events(body: ByteStream, max_event_bytes: usize) -> EventStream {
    Box::pin(Events::Open { body, decoder: Decoder::new(max_event_bytes) })
}

/// Leaving `Open` drops the body, which ends the transfer.
#[expect(clippy::large_enum_variant, reason = "there is one for each stream, and it is boxed")]
enum Events {
    Open { body: ByteStream, decoder: Decoder },
    Failed(Error),
    Done,
}

impl Stream for Events {
    type Item = Result<Vec<Event>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while let Self::Open { body, decoder } = &mut *self {
            let mut batch = Vec::new();
            let outcome = match ready!(body.as_mut().poll_next(cx)) {
                Some(Ok(bytes)) => decoder.feed(&bytes, &mut batch),
                Some(Err(error)) => Err(in_stream(error)),
                None => {
                    *self = Self::Done;
                    break;
                }
            };
            if let Err(error) = outcome {
                *self = Self::Failed(error);
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
