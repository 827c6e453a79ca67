//! Bodies that tell, while they pass, what came and how it ended.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::stream;
use http::Extensions;
use tokio::time::Instant;

use super::{Asked, End, Watcher};
use crate::{
    Error,
    body::{Body, ByteStream, EventStream, Items, collect},
    claude::{StreamRules, Usage, Verdict},
    event::Event,
    response::{Conceal, Response},
};

/// The answer, watched. One that is wanted whole is over when all of it is there, a stream at its end.
pub fn watch(asked: Asked, mut res: Response, mut watcher: impl Watcher) -> Response {
    let length = res.content_length();
    res.body = match res.body {
        Body::Stream(body) if asked.expect.streams_bytes() => {
            watcher.begun(false);
            Body::Stream(bytes(body, watcher))
        }
        Body::Stream(body) => Body::Stream(whole(body, watcher, asked.max_response_bytes, length)),
        Body::Events(body) => {
            watcher.begun(true);
            let conceal = res.extensions.get::<Conceal>().cloned();
            let rules = asked.expect.speaks().then(|| asked.rules.concealing(conceal));
            Body::Events(events(body, watcher, rules))
        }
        Body::Full(content) => {
            watcher.over(usage(&content, &mut res.extensions), End::Whole(&content));
            Body::Full(content)
        }
        Body::Empty => {
            watcher.over(Usage::default(), End::Whole(&Bytes::new()));
            Body::Empty
        }
    };
    res
}

/// What a whole content has told, for those who watch further out: they would read the same again.
#[derive(Clone)]
struct Counted {
    /// Kept, so that no other content can stand where it stood.
    content: Bytes,
    usage: Usage,
}

fn usage(content: &Bytes, extensions: &mut Extensions) -> Usage {
    let is_same = |counted: &&Counted| {
        counted.content.as_ptr() == content.as_ptr() && counted.content.len() == content.len()
    };
    if let Some(counted) = extensions.get().filter(is_same) {
        return counted.usage;
    }
    let usage = Usage::of_message(content);
    extensions.insert(Counted { content: content.clone(), usage });
    usage
}

/// Read in one go, as whoever reads it would, so that it is kept once.
fn whole(body: ByteStream, mut watcher: impl Watcher, limit: u64, length: Option<u64>) -> ByteStream {
    Box::pin(stream::once(async move {
        let outcome = collect(Body::Stream(body), limit, length).await;
        match &outcome {
            Ok(bytes) => watcher.over(Usage::of_message(bytes), End::Whole(bytes)),
            Err(error) => watcher.over(Usage::default(), End::Failed(error)),
        }
        outcome
    }))
}

/// What sees the items of a stream.
trait Watch<T> {
    fn see(&mut self, item: Option<Result<&T, &Error>>);
}

struct Watched<T, W> {
    items: Items<T>,
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

fn bytes(items: ByteStream, watcher: impl Watcher) -> ByteStream {
    Box::pin(Watched { items, watch: Course::new(watcher) })
}

/// A stream of events, by these rules where it is one of JSON.
fn events(items: EventStream, watcher: impl Watcher, rules: Option<StreamRules>) -> EventStream {
    Box::pin(Watched { items, watch: EventCourse { course: Course::new(watcher), rules } })
}

/// A stream from its begin to its end, of which the watcher is told once.
struct Course<W: Watcher> {
    watcher: W,
    usage: Usage,
    over: bool,
}

impl<W: Watcher> Course<W> {
    fn new(watcher: W) -> Self {
        Self { watcher, usage: Usage::default(), over: false }
    }

    fn end(&mut self, end: End<'_>) {
        if !self.over {
            self.over = true;
            self.watcher.over(self.usage, end);
        }
    }
}

/// What a message took is billed, also if nobody reads it to its end.
impl<W: Watcher> Drop for Course<W> {
    fn drop(&mut self) {
        self.end(End::Dropped);
    }
}

impl<W: Watcher> Watch<Bytes> for Course<W> {
    fn see(&mut self, item: Option<Result<&Bytes, &Error>>) {
        match item {
            Some(Ok(_)) => {}
            Some(Err(error)) => self.end(End::Failed(error)),
            None => self.end(End::Complete),
        }
    }
}

struct EventCourse<W: Watcher> {
    course: Course<W>,
    rules: Option<StreamRules>,
}

impl<W: Watcher> Watch<Vec<Event>> for EventCourse<W> {
    fn see(&mut self, item: Option<Result<&Vec<Event>, &Error>>) {
        if self.course.over {
            return;
        }
        match item {
            Some(Ok(events)) => self.arrived(events),
            Some(Err(error)) => self.course.end(End::Failed(error)),
            None => match self.rules.as_ref().and_then(StreamRules::end_of_body) {
                Some(error) => self.course.end(End::Failed(&error)),
                None => self.course.end(End::Complete),
            },
        }
    }
}

/// What an event is to who watches.
enum Seen {
    Nothing,
    Event,
    End(Option<Error>),
}

impl<W: Watcher> EventCourse<W> {
    /// Events of one read came at once; only the read is a moment.
    fn arrived(&mut self, events: &[Event]) {
        let mut count = 0;
        let mut end = None;
        for event in events {
            match self.judge(event) {
                Seen::Nothing => {}
                Seen::Event => count += 1,
                Seen::End(failure) => {
                    count += usize::from(failure.is_none());
                    end = Some(failure);
                    break;
                }
            }
        }
        if count > 0 {
            self.course.watcher.read(count, Instant::now());
        }
        match end {
            None => {}
            Some(None) => self.course.end(End::Complete),
            Some(Some(error)) => self.course.end(End::Failed(&error)),
        }
    }

    fn judge(&mut self, event: &Event) -> Seen {
        let Some(rules) = &mut self.rules else { return Seen::Event };
        match rules.accept(event) {
            Verdict::Deliver => {
                self.course.usage.note(event);
                Seen::Event
            }
            Verdict::Ping | Verdict::Skip => Seen::Nothing,
            Verdict::DeliverAndEnd | Verdict::End => Seen::End(None),
            Verdict::Fail(error) => Seen::End(Some(error)),
        }
    }
}
