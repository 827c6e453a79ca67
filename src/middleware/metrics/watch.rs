//! Bodies that tell, while they pass, when they came and what they took.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::stream;
use http::StatusCode;
use tokio::time::Instant;

use super::course::Course;
use crate::{
    Error,
    body::{Body, ByteStream, EventStream, collect},
    claude::{StreamRules, Usage, Verdict},
    event::Event,
};

/// An answer that is wanted whole: read in one go, as whoever reads it would, so that it is kept once.
pub(super) fn whole(
    body: ByteStream,
    mut course: Course,
    status: StatusCode,
    limit: u64,
    length: Option<u64>,
) -> ByteStream {
    Box::pin(stream::once(async move {
        let outcome = collect(Body::Stream(body), limit, length).await;
        match &outcome {
            Ok(bytes) => finish(course, status, bytes),
            Err(error) => course.failed(error),
        }
        outcome
    }))
}

/// Counts an answer that is there.
pub(super) fn finish(mut course: Course, status: StatusCode, content: &[u8]) {
    course.count_tokens(Usage::of_message(content));
    course.answered(status);
}

/// Something that passes a stream on and sees its items.
trait Watch<T> {
    fn see(&mut self, item: Option<Result<&T, &Error>>);
}

struct Watched<T, W> {
    items: Pin<Box<dyn Stream<Item = Result<T, Error>> + Send>>,
    watch: W,
}

impl<T, W: Watch<T> + Unpin> Stream for Watched<T, W> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.items.as_mut().poll_next(cx));
        self.watch.see(item.as_ref().map(Result::as_ref));
        Poll::Ready(item)
    }
}

/// A stream of bytes.
pub(super) fn bytes(items: ByteStream, course: Course) -> ByteStream {
    Box::pin(Watched { items, watch: ByteWatch(course) })
}

struct ByteWatch(Course);

impl Watch<Bytes> for ByteWatch {
    fn see(&mut self, item: Option<Result<&Bytes, &Error>>) {
        match item {
            Some(Ok(_)) => {}
            Some(Err(error)) => self.0.ended(Some(error)),
            None => self.0.ended(None),
        }
    }
}

/// A stream of events, by these rules where it is one of JSON.
pub(super) fn events(items: EventStream, course: Course, rules: Option<StreamRules>) -> EventStream {
    let watch = EventWatch { course, rules, usage: Usage::default(), last: None, over: false };
    Box::pin(Watched { items, watch })
}

struct EventWatch {
    course: Course,
    rules: Option<StreamRules>,
    usage: Usage,
    /// When events came last.
    last: Option<Instant>,
    over: bool,
}

/// What an event is to the figures.
enum Seen {
    Nothing,
    Event,
    End(Option<Error>),
}

impl Watch<Vec<Event>> for EventWatch {
    fn see(&mut self, item: Option<Result<&Vec<Event>, &Error>>) {
        if self.over {
            return;
        }
        match item {
            Some(Ok(events)) => self.arrived(events),
            Some(Err(error)) => self.end(Some(error)),
            None => {
                let failure = self.rules.as_ref().and_then(StreamRules::end_of_body);
                self.end(failure.as_ref());
            }
        }
    }
}

impl EventWatch {
    /// Events of one read came at once; only the read is a moment.
    fn arrived(&mut self, events: &[Event]) {
        let mut any = false;
        let mut end = None;
        for event in events {
            match self.judge(event) {
                Seen::Nothing => {}
                Seen::Event => any = true,
                Seen::End(failure) => {
                    any |= failure.is_none();
                    end = Some(failure);
                    break;
                }
            }
        }
        if any {
            let now = Instant::now();
            match self.last.replace(now) {
                None => self.course.first_event(now),
                Some(last) => self.course.next_event(now - last),
            }
        }
        if let Some(failure) = end {
            self.end(failure.as_ref());
        }
    }

    fn judge(&mut self, event: &Event) -> Seen {
        let Some(rules) = &mut self.rules else { return Seen::Event };
        match rules.accept(event) {
            Verdict::Deliver => {
                self.usage.note(event);
                Seen::Event
            }
            Verdict::Ping | Verdict::Skip => Seen::Nothing,
            Verdict::DeliverAndEnd | Verdict::End => Seen::End(None),
            Verdict::Fail(error) => Seen::End(Some(error)),
        }
    }

    fn end(&mut self, failure: Option<&Error>) {
        self.over = true;
        self.course.count_tokens(std::mem::take(&mut self.usage));
        self.course.ended(failure);
    }
}

/// What a message took is billed, also if nobody reads it to its end.
impl Drop for EventWatch {
    fn drop(&mut self) {
        if !self.over {
            self.course.count_tokens(self.usage);
        }
    }
}
