//! What the lines of a block say: the crate `eventsource-stream`, fed by hand with complete lines.
//!
//! Its traps, and what keeps us out of them: it slices a byte order mark within a character at the
//! beginning of its input (so that the first thing it reads is our empty line), fails on broken UTF-8
//! (repaired here), waits after a CR and copies its rest for each line (`block` hands over few lines,
//! ended by LF).

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use eventsource_stream::EventStream;
use futures_core::Stream;

use crate::event::Event;

/// The parser refused complete lines of valid text, which its grammar does not allow for.
#[derive(Debug)]
pub(super) struct Refused;

/// The parser of fields. The last event id lives in it, from block to block.
pub(super) struct Fields {
    slot: Slot,
    parser: EventStream<Slot>,
}

/// The parser owns its input, so that the text is passed through a slot that both sides hold.
/// Nobody ever waits for the lock: we fill it and poll in turn.
#[derive(Clone, Default)]
struct Slot(Arc<Mutex<Option<String>>>);

impl Slot {
    fn swap(&self, text: Option<String>) -> Option<String> {
        std::mem::replace(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), text)
    }
}

impl Stream for Slot {
    type Item = Result<String, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.swap(None) {
            Some(text) => Poll::Ready(Some(Ok(text))),
            None => Poll::Pending,
        }
    }
}

impl Fields {
    pub(super) fn new() -> Self {
        let slot = Slot(Arc::new(Mutex::new(Some("\n".into()))));
        let mut parser = EventStream::new(slot.clone());
        // The empty line is no event; it moves the parser past its look for a byte order mark.
        let _ = Pin::new(&mut parser).poll_next(&mut Context::from_waker(Waker::noop()));
        Self { slot, parser }
    }

    /// Reads complete lines, of which only the last may be blank: then a block ends, and may be an event.
    pub(super) fn read(&mut self, lines: Vec<u8>) -> Result<Option<Event>, Refused> {
        // Line ends are ASCII, so that repairing lines is the same as repairing the stream.
        let text = String::from_utf8(lines)
            .unwrap_or_else(|broken| String::from_utf8_lossy(broken.as_bytes()).into_owned());
        self.slot.swap(Some(text));
        match Pin::new(&mut self.parser).poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Ok(event))) => {
                let eventsource_stream::Event { event, data, id, retry } = event;
                Ok(Some(Event { event, data, id, retry }))
            }
            Poll::Pending => Ok(None),
            Poll::Ready(None | Some(Err(_))) => Err(Refused),
        }
    }
}

/// Says nothing of the content: it is the caller's.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields").finish_non_exhaustive()
    }
}
