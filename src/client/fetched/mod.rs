//! Answers as `fetch` gives them: every byte as it was sent, and whole where that costs nobody a wait.
//!
//! Layers see such an answer as any other: what is short and about to end is whole, a stream of events is events.
//! The bytes that those were made of go along beside them, so that whoever asked gets them as they came; where a
//! layer has put other events in their place, those are written anew.

mod raw;

use std::{
    fmt::Write,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::{StreamExt, stream};
use http::Extensions;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use self::raw::{Raw, joined};
use super::wire::media_type;
use crate::{
    Error, ErrorKind, Phase, Result,
    body::{Body, ByteStream, EventStream},
    claude::{StreamRules, Verdict},
    event::Event,
    request::Options,
    response::Response,
    sse,
};

/// How much is waited for, and how long, so that an answer can be handed over whole.
const WHOLE: usize = 256 << 10;
const WAIT: Duration = Duration::from_millis(100);

/// A longer text is left to be made by whoever wants it as one.
const LONGEST_TEXT: usize = 64 << 20;

/// Put into a request's extensions where `fetch` asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fetched {
    /// Whether somebody on the way looks at events.
    seen: bool,
    /// Whether the bytes of events go along beside them.
    raw: bool,
    /// Whether those that are there together make one batch.
    gathers: bool,
    max_event_bytes: usize,
}

impl Fetched {
    /// What `fetch` asks for under these options.
    pub(super) fn by(options: &Options, seen: bool) -> Self {
        let seen = seen || options.timeouts.first_event.is_some();
        Self { seen, raw: true, gathers: false, max_event_bytes: options.max_event_bytes }
    }

    /// For whoever passes it on, event by event, and pays for each write; with bytes as they came, or written anew.
    pub(super) fn passed(options: &Options, raw: bool) -> Self {
        Self { seen: true, raw, gathers: true, max_event_bytes: options.max_event_bytes }
    }

    /// Reads an answer as far as that takes no time.
    pub(super) async fn read(self, mut res: Response) -> Result<Response> {
        let (media, length) = (media_type(&res), res.content_length());
        let Body::Stream(body) = res.body else { return Ok(res) };
        res.body = match media.as_deref() {
            Some("text/event-stream") if self.seen && !self.raw => Body::Events(self.events(body)),
            Some("text/event-stream") if self.seen => {
                let raw = Raw::default();
                res.extensions.insert(raw.clone());
                Body::Events(self.events(raw.beside(body)))
            }
            Some("text/event-stream") => Body::Stream(body),
            // Nobody reads JSON before its end. Of anything else that does not say its length each piece may count.
            media if length.is_some() || media.is_some_and(is_json) => at_hand(body, length).await?,
            _ => Body::Stream(body),
        };
        Ok(res)
    }
}

impl Fetched {
    fn events(self, body: ByteStream) -> EventStream {
        let events = if self.gathers { sse::gathered_events } else { sse::events };
        events(body, self.max_event_bytes)
    }
}

fn is_json(media: &str) -> bool {
    media == "application/json" || media.ends_with("+json")
}

/// The whole body where it is short and comes at once; else the stream as it was. One that breaks here fails the
/// call: nothing of it was handed over, and a layer may make it again.
async fn at_hand(mut body: ByteStream, length: Option<u64>) -> Result<Body> {
    if length.is_some_and(|length| length > WHOLE as u64) {
        return Ok(Body::Stream(body));
    }
    let until = Instant::now() + WAIT;
    let (mut read, mut size) = (Vec::new(), 0);
    while size <= WHOLE {
        match timeout_at(until, body.next()).await {
            Err(_) => break,
            Ok(None) => return Ok(Body::Full(joined(read))),
            Ok(Some(piece)) => {
                let piece = piece?;
                size += piece.len();
                read.push(piece);
            }
        }
    }
    Ok(Body::Stream(Box::pin(stream::iter(read.into_iter().map(Ok)).chain(body))))
}

/// Whether these bytes and the text of them are the same: JavaScript reads a text at a fraction of the cost.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    bytes.len() <= LONGEST_TEXT && !bytes.starts_with(b"\xEF\xBB\xBF") && std::str::from_utf8(bytes).is_ok()
}

/// A stream of events as bytes: those that it was made of, where they came along.
pub(super) fn bytes(
    events: EventStream,
    extensions: &mut Extensions,
    look: Look,
    first_event: Option<Duration>,
) -> ByteStream {
    let first =
        first_event.map(|limit| First { passed: Box::pin(sleep_until(Instant::now() + limit)), limit });
    let (raw, gathers) = (extensions.remove(), look.to_the_end);
    Box::pin(AsBytes { events, raw, seen: 0, gathers, look, first, course: Course::UnderWay })
}

/// How the events of a stream are looked at.
pub(super) struct Look {
    pub(super) rules: StreamRules,
    /// Until its end, which must be that of a message that has begun; else until its first event.
    pub(super) to_the_end: bool,
}

impl Look {
    /// Whether one of these is more than a sign of life.
    fn at(&mut self, events: &[Event]) -> bool {
        let mut more = false;
        for event in events {
            match self.rules.accept(event) {
                Verdict::Ping | Verdict::Skip => continue,
                // The stream says itself what is wrong: nothing is added.
                Verdict::Fail(error) if error.kind() != ErrorKind::Parse => self.to_the_end = false,
                _ => {}
            }
            more = true;
        }
        more
    }
}

/// Ends when its events do, also where more bytes would come.
struct AsBytes {
    events: EventStream,
    raw: Option<Raw>,
    /// How much of them was there when it was last looked.
    seen: usize,
    /// Whether what is there together is handed over together.
    gathers: bool,
    look: Look,
    /// Until the first event has come.
    first: Option<First>,
    course: Course,
}

/// What came before an end is handed over first.
enum Course {
    UnderWay,
    Ended,
    Failed(Error),
}

struct First {
    passed: Pin<Box<Sleep>>,
    limit: Duration,
}

impl First {
    fn late(&self) -> Error {
        Error::timeout(Phase::FirstEvent, "no event came", self.limit, "timeout.firstEvent")
    }
}

impl Stream for AsBytes {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            let course = mem::replace(&mut this.course, Course::UnderWay);
            if !matches!(course, Course::UnderWay) {
                // What came before it is handed over first.
                if let Some(bytes) = this.raw.as_ref().and_then(Raw::take) {
                    this.course = course;
                    return Poll::Ready(Some(Ok(bytes)));
                }
                this.course = Course::Ended;
                return match course {
                    Course::Failed(error) => Poll::Ready(Some(Err(error))),
                    Course::UnderWay | Course::Ended => Poll::Ready(None),
                };
            }
            match this.events.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(events))) => {
                    if (this.look.to_the_end || this.first.is_some()) && this.look.at(&events) {
                        this.first = None;
                    }
                    let raw = this.raw.as_ref().map(Raw::take);
                    this.seen = 0;
                    match raw {
                        None => return Poll::Ready(Some(Ok(written(&events)))),
                        Some(Some(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                        Some(None) => {}
                    }
                }
                Poll::Ready(Some(Err(error))) => this.course = Course::Failed(error),
                Poll::Ready(None) => {
                    let lack = this.look.rules.end_of_body().filter(|_| this.look.to_the_end);
                    this.course = lack.map_or(Course::Ended, Course::Failed);
                }
                Poll::Pending => {
                    // Less than an event may have come: half of one, or a comment that keeps a proxy from waiting.
                    // Where more has come since the last look, whoever reads events gives the other side its turn.
                    let size = this.raw.as_ref().map_or(0, Raw::size);
                    let same = mem::replace(&mut this.seen, size) == size;
                    if size > 0 && (same || !this.gathers) {
                        this.seen = 0;
                        if let Some(bytes) = this.raw.as_ref().and_then(Raw::take) {
                            return Poll::Ready(Some(Ok(bytes)));
                        }
                    }
                    if size > 0 {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    let Some(first) = &mut this.first else { return Poll::Pending };
                    ready!(first.passed.as_mut().poll(cx));
                    this.course = Course::Failed(first.late());
                }
            }
        }
    }
}

/// Events as a server would write them.
fn written(events: &[Event]) -> Bytes {
    let mut text = String::new();
    for event in events {
        if !event.event.is_empty() {
            let _infallible = writeln!(text, "event: {}", event.event);
        }
        if !event.id.is_empty() {
            let _infallible = writeln!(text, "id: {}", event.id);
        }
        if let Some(retry) = event.retry {
            let _infallible = writeln!(text, "retry: {}", retry.as_millis());
        }
        for line in event.data.split('\n') {
            let _infallible = writeln!(text, "data: {line}");
        }
        text.push('\n');
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(parts: &[&'static str]) -> ByteStream {
        Box::pin(stream::iter(
            parts.iter().map(|part| Ok(Bytes::from_static(part.as_bytes()))).collect::<Vec<_>>(),
        ))
    }

    async fn all(mut bytes: ByteStream) -> (String, Option<Error>) {
        let mut text = String::new();
        while let Some(piece) = bytes.next().await {
            match piece {
                Ok(piece) => text.push_str(std::str::from_utf8(&piece).unwrap()),
                Err(error) => return (text, Some(error)),
            }
        }
        (text, None)
    }

    fn through(body: ByteStream, first_event: Option<Duration>) -> ByteStream {
        let (raw, mut extensions) = (Raw::default(), Extensions::new());
        extensions.insert(raw.clone());
        let look = Look { rules: StreamRules::new(), to_the_end: false };
        bytes(sse::events(raw.beside(body), 1 << 20), &mut extensions, look, first_event)
    }

    #[tokio::test]
    async fn the_bytes_of_a_stream_that_was_read_as_events_are_those_that_came() {
        let parts = [": hello\n\n", "event: a\r\nda", "ta: 1\r\n\r\ndata: 2\n\n", "data: cut"];
        assert_eq!(all(through(pieces(&parts), None)).await.0, parts.concat());
    }

    #[tokio::test]
    async fn what_came_before_a_failure_is_handed_over_first() {
        let broken = Error::new(ErrorKind::Reset, Phase::Body, "it broke");
        let body = pieces(&["data: 1\n\nda"]).chain(stream::iter([Err(broken)]));
        let (text, error) = all(through(Box::pin(body), None)).await;
        assert_eq!((text.as_str(), error.unwrap().kind()), ("data: 1\n\nda", ErrorKind::Reset));
    }

    #[tokio::test]
    async fn events_that_a_layer_has_put_in_their_place_are_written_so_that_they_are_read_as_the_same() {
        let events = vec![
            Event { event: "a".into(), data: "1\n\n2".into(), id: "7".into(), retry: None },
            Event {
                data: String::new(),
                id: "7".into(),
                retry: Some(Duration::from_millis(5)),
                ..Event::default()
            },
        ];
        let given: EventStream = Box::pin(stream::iter([Ok(events.clone())]));
        let look = Look { rules: StreamRules::new(), to_the_end: false };
        let text = all(bytes(given, &mut Extensions::new(), look, None)).await.0;
        let again: ByteStream = Box::pin(stream::iter([Ok(Bytes::from(text))]));
        let read: Vec<_> = sse::events(again, 1 << 20).map(Result::unwrap).collect().await;
        assert_eq!(read.concat(), events);
    }

    #[tokio::test(start_paused = true)]
    async fn pings_are_no_first_event() {
        let ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n";
        let silent = pieces(&[ping]).chain(stream::pending());
        let (text, error) = all(through(Box::pin(silent), Some(Duration::from_secs(1)))).await;
        assert_eq!((text.as_str(), error.unwrap().phase()), (ping, Phase::FirstEvent));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_short_and_there_is_whole_and_what_keeps_one_waiting_is_a_stream() {
        let length = |text: &str| Some(text.len() as u64);
        assert!(
            matches!(at_hand(pieces(&["a", "b"]), length("ab")).await, Ok(Body::Full(bytes)) if bytes == "ab")
        );
        assert!(matches!(at_hand(pieces(&[]), None).await, Ok(Body::Full(bytes)) if bytes.is_empty()));
        let slow = pieces(&["a"]).chain(stream::once(async {
            tokio::time::sleep(2 * WAIT).await;
            Ok(Bytes::from_static(b"b"))
        }));
        let Ok(Body::Stream(body)) = at_hand(Box::pin(slow), length("ab")).await else {
            panic!("it was waited for")
        };
        assert_eq!(all(body).await.0, "ab");
        assert!(matches!(at_hand(pieces(&["a"]), Some(WHOLE as u64 + 1)).await, Ok(Body::Stream(_))));
    }

    #[test]
    fn only_a_text_that_gives_the_same_bytes_again_crosses_as_one() {
        for (bytes, same) in [
            (&b"{}"[..], true),
            ("hällo".as_bytes(), true),
            (b"", true),
            (b"\xEF\xBB\xBF{}", false),
            (b"\xFF", false),
        ] {
            assert_eq!(is_text(bytes), same, "{bytes:?}");
        }
    }
}
