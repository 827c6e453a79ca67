//! Bodies of answers. A stream of events goes out event by event as it comes, and never ends as if it were whole.
//!
//! Invariant: what follows a failure begins a line of its own, since nothing of an event is sent before its end has come.
//! That costs nobody time: half of an event is of no use.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{
    answer::{error_event, stopping_event},
    watched::Watched,
};
use crate::{Error, body::ByteStream, response::Conceal};

/// The content of an answer.
pub(super) enum AnswerBody {
    /// All of it; `None` once it is sent.
    Whole(Option<Bytes>),
    /// As it comes; one that breaks breaks the connection, which is how it is told.
    Bytes(ByteStream),
    /// Events.
    Events(Box<Events>),
    /// One of these whose caller may stop taking it.
    Watched(Box<Watched>),
}

impl AnswerBody {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    pub(super) fn events(events: Events) -> Self {
        Self::Events(Box::new(events))
    }

    /// The same, given up when nothing of it is taken for so long. What is here already costs the API nothing.
    pub(super) fn watched(self, patience: Duration) -> Self {
        match self {
            Self::Whole(_) => self,
            body => Self::Watched(Box::new(Watched::new(body, patience))),
        }
    }
}

/// A stream of events on its way out.
pub(super) struct Events {
    bytes: ByteStream,
    /// What has come of an event that is not complete.
    begun: BytesMut,
    course: Course,
    /// Takes our key out of what the server says of itself.
    conceal: Option<Conceal>,
    stopping: Pin<Box<WaitForCancellationFutureOwned>>,
}

enum Course {
    UnderWay,
    /// This is still to be sent.
    Last(Bytes),
    Over,
}

impl Events {
    /// Events as they come, until the proxy stops.
    pub(super) fn new(bytes: ByteStream, conceal: Option<Conceal>, stopping: CancellationToken) -> Self {
        let stopping = Box::pin(stopping.cancelled_owned());
        Self { bytes, begun: BytesMut::new(), course: Course::UnderWay, conceal, stopping }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            match std::mem::replace(&mut self.course, Course::Over) {
                Course::UnderWay => {}
                Course::Last(bytes) => return Poll::Ready(Some(bytes)),
                Course::Over => return Poll::Ready(None),
            }
            match self.bytes.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(piece))) => {
                    self.course = Course::UnderWay;
                    if let Some(events) = self.complete(&piece) {
                        return Poll::Ready(Some(self.told(events)));
                    }
                }
                Poll::Ready(Some(Err(error))) => self.course = Course::Last(error_event(&error)),
                Poll::Ready(None) => {
                    if !self.begun.is_empty() {
                        self.course = Course::Last(self.begun.split().freeze());
                    }
                }
                Poll::Pending => {
                    if self.stopping.as_mut().poll(cx).is_pending() {
                        self.course = Course::UnderWay;
                        return Poll::Pending;
                    }
                    self.course = Course::Last(stopping_event());
                }
            }
        }
    }

    /// What is complete with this piece; the rest is kept.
    fn complete(&mut self, piece: &Bytes) -> Option<Bytes> {
        if self.begun.is_empty() {
            let end = whole_events(piece, 0);
            self.begun.extend_from_slice(&piece[end..]);
            return Some(piece.slice(..end)).filter(|events| !events.is_empty());
        }
        // The end of an event may lie across two pieces.
        let seen = self.begun.len().saturating_sub(LONGEST_END);
        self.begun.extend_from_slice(piece);
        let end = whole_events(&self.begun, seen);
        Some(self.begun.split_to(end).freeze()).filter(|events| !events.is_empty())
    }

    fn told(&self, events: Bytes) -> Bytes {
        match &self.conceal {
            Some(conceal) if memchr::memmem::find(&events, b"error").is_some() => conceal.apply(events),
            _ => events,
        }
    }
}

/// The longest end of an event: `\r\n\r\n`.
const LONGEST_END: usize = 4;

/// How much of these bytes is whole events, that is, up to the last empty line. Before `seen` there is no end.
fn whole_events(bytes: &[u8], seen: usize) -> usize {
    let mut end = bytes.len();
    while let Some(at) = memchr::memrchr2(b'\n', b'\r', &bytes[seen..end]).map(|at| at + seen) {
        let before = &bytes[..at];
        let ends_line = match bytes[at] {
            b'\n' => before.last().is_some_and(|last| *last == b'\n') || before.ends_with(b"\n\r"),
            // What follows may be the other half of a line's end.
            _ => before.last().is_some_and(|last| *last == b'\r') && at + 1 < bytes.len(),
        };
        if ends_line || before.ends_with(b"\r\r") {
            return at + 1;
        }
        end = at;
    }
    0
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Bytes(stream) => {
                stream.as_mut().poll_next(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
            }
            Self::Events(events) => {
                events.poll(cx).map(|events| events.map(|events| Ok(Frame::data(events))))
            }
            Self::Watched(watched) => watched.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Bytes(_) | Self::Events(_) | Self::Watched(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::stream;

    use super::*;
    use crate::{ErrorKind, Phase};

    fn events(pieces: Vec<Result<&'static str, Error>>) -> Events {
        let pieces = pieces.into_iter().map(|piece| piece.map(|text| Bytes::from_static(text.as_bytes())));
        Events::new(Box::pin(stream::iter(pieces)), None, CancellationToken::new())
    }

    async fn sent(mut events: Events) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some(piece) = poll_fn(|cx| events.poll(cx)).await {
            sent.push(String::from_utf8(piece.to_vec()).unwrap());
        }
        sent
    }

    #[tokio::test]
    async fn only_whole_events_are_sent_whatever_the_pieces_they_come_in() {
        let text = "data: 1\n\nevent: x\r\ndata: 2\r\n\r\n: ping\n\ndata: 3\n\n";
        for size in 1..text.len() {
            let pieces =
                text.as_bytes().chunks(size).map(|piece| Ok(std::str::from_utf8(piece).unwrap())).collect();
            let sent = sent(events(pieces)).await;
            assert_eq!(sent.concat(), text, "{size}");
            assert!(
                sent.iter().all(|piece| piece.ends_with("\n\n") || piece.ends_with("\r\n\r\n")),
                "{size} {sent:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_failure_is_told_as_an_event_of_its_own_and_half_an_event_before_it_is_not() {
        let broken = Error::new(ErrorKind::Reset, Phase::Body, "the connection broke");
        let sent = sent(events(vec![Ok("data: 1\n\ndata: {\"half"), Err(broken)])).await;
        let told = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"the connection broke\"}}\n\n";
        assert_eq!(sent, ["data: 1\n\n", told]);
    }

    #[tokio::test]
    async fn a_stream_that_is_under_way_when_the_proxy_stops_is_told_so() {
        let stopping = CancellationToken::new();
        stopping.cancel();
        let waiting = Events::new(Box::pin(stream::pending()), None, stopping);
        let sent = sent(waiting).await.concat();
        assert!(sent.starts_with("event: error\ndata: ") && sent.contains("the proxy is stopping"), "{sent}");
    }

    #[tokio::test]
    async fn what_is_left_at_a_clean_end_is_sent_as_it_is() {
        assert_eq!(sent(events(vec![Ok("data: 1\n\ndata: 2")])).await, ["data: 1\n\n", "data: 2"]);
    }
}
