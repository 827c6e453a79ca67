//! What a stream of events adds up to, for a journal that keeps what was answered.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use super::{
    entry::{Entry, kept},
    lock,
};
use crate::{Result, body::EventStream, claude::Folding, event::Event};

/// The stream as it was; its message is written down when it is over, or left.
pub(super) fn taken(events: EventStream, entry: Arc<Mutex<Entry>>, most: usize) -> EventStream {
    Box::pin(Taken { events, folding: Folding::default(), read: 0, entry, most })
}

struct Taken {
    events: EventStream,
    folding: Folding,
    read: usize,
    entry: Arc<Mutex<Entry>>,
    most: usize,
}

impl Stream for Taken {
    type Item = Result<Vec<Event>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.events.as_mut().poll_next(cx));
        if let Some(Ok(events)) = &item {
            for event in events {
                // What would be cut is not added up.
                self.read += event.data.len();
                if self.read <= 8 * self.most {
                    self.folding.add(event);
                }
            }
        }
        Poll::Ready(item)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let message = self.folding.message().map(|message| kept(message.as_bytes(), self.most));
        lock(&self.entry).response = message;
    }
}
