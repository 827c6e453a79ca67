//! The body of an answer as hyper polls it: at once, paced, broken off or silent.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::{
    super::{
        record::Exchange,
        reply::{Cut, Prepared},
        wire::{Line, Takeover},
    },
    writes::Writes,
};

pub(in super::super) enum AnswerBody {
    Whole { bytes: Bytes, exchange: Option<Exchange>, _unread: Option<Incoming> },
    Paced(Box<Paced>),
    Forwarded(Incoming, Exchange),
}

/// What follows the last write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The body is complete.
    Complete,
    /// Silence.
    Hang,
    /// The connection is closed.
    Close,
    /// The connection is reset.
    Reset,
}

impl Ending {
    pub(super) fn of(reply: &Prepared) -> Self {
        match (reply.hang, reply.cut) {
            (Some(_), _) => Self::Hang,
            (None, Some((_, Cut::Close))) => Self::Close,
            (None, Some((_, Cut::Reset))) => Self::Reset,
            (None, Some((_, Cut::End)) | None) => Self::Complete,
        }
    }
}

enum Step {
    Write,
    /// Until the last write is out.
    Flush(u64),
    Sleep(Pin<Box<Sleep>>),
    /// Until the last write is out; then the connection ends.
    Break(u64),
    Silent,
}

pub(in super::super) struct Paced {
    writes: Writes,
    line: Arc<Line>,
    exchange: Exchange,
    /// Held, for as long as it is held it is not read.
    _unread: Option<Incoming>,
    ending: Ending,
    length: Option<u64>,
    written: u64,
    flush_each: bool,
    pace: Duration,
    due: Option<Instant>,
    step: Step,
}

impl AnswerBody {
    pub fn empty() -> Self {
        Self::Whole { bytes: Bytes::new(), exchange: None, _unread: None }
    }

    pub fn whole(bytes: Bytes, mut exchange: Exchange, unread: Option<Incoming>) -> Self {
        if bytes.is_empty() {
            exchange.complete();
        }
        Self::Whole { bytes, exchange: Some(exchange), _unread: unread }
    }
}

impl Paced {
    pub fn new(writes: Writes, line: Arc<Line>, exchange: Exchange, unread: Option<Incoming>) -> Self {
        Self {
            writes,
            line,
            exchange,
            _unread: unread,
            ending: Ending::Complete,
            length: None,
            written: 0,
            flush_each: false,
            pace: Duration::ZERO,
            due: None,
            step: Step::Write,
        }
    }

    pub fn ending(mut self, ending: Ending, length: Option<u64>) -> Self {
        (self.ending, self.length) = (ending, length);
        self
    }

    pub fn pace(mut self, flush_each: bool, pace: Option<Duration>) -> Self {
        (self.flush_each, self.pace) = (flush_each, pace.unwrap_or_default());
        self
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            match &mut self.step {
                Step::Flush(seen) => {
                    ready!(self.line.poll_flushed(*seen, context));
                    self.step = self.until_due();
                }
                Step::Sleep(sleep) => {
                    ready!(sleep.as_mut().poll(context));
                    self.step = Step::Write;
                }
                Step::Write => {
                    if let Some(bytes) = self.writes.next() {
                        self.wrote(bytes.len());
                        return Poll::Ready(Some(bytes));
                    }
                    if self.ending == Ending::Complete {
                        self.exchange.complete();
                        return Poll::Ready(None);
                    }
                    let hang = self.ending == Ending::Hang;
                    self.step = if hang { Step::Silent } else { Step::Break(self.line.flushes()) };
                }
                Step::Break(seen) => {
                    ready!(self.line.poll_flushed(*seen, context));
                    self.exchange.complete();
                    let reset = self.ending == Ending::Reset;
                    self.line.take_over(if reset { Takeover::Reset } else { Takeover::Close });
                    self.step = Step::Silent;
                }
                Step::Silent => return Poll::Pending,
            }
        }
    }

    fn wrote(&mut self, length: usize) {
        self.written += length as u64;
        self.exchange.wrote(length);
        if self.length == Some(self.written) {
            // A body of known length is not asked again after its last byte.
            self.exchange.complete();
        }
        if self.flush_each {
            self.step = Step::Flush(self.line.flushes());
        }
    }

    /// Times are counted from the first write, so that late wake-ups do not add up.
    fn until_due(&mut self) -> Step {
        if self.pace.is_zero() {
            return Step::Write;
        }
        let due = self.due.unwrap_or_else(Instant::now) + self.pace;
        self.due = Some(due);
        if due <= Instant::now() { Step::Write } else { Step::Sleep(Box::pin(tokio::time::sleep_until(due))) }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Self::Whole { bytes, exchange, .. } => {
                let bytes = std::mem::take(bytes);
                if let Some(exchange) = exchange {
                    exchange.wrote(bytes.len());
                    exchange.complete();
                }
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Self::Paced(paced) => paced.poll(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes)))),
            Self::Forwarded(body, exchange) => {
                let frame = ready!(Pin::new(&mut *body).poll_frame(context));
                match &frame {
                    Some(Ok(frame)) => exchange.wrote(frame.data_ref().map_or(0, Bytes::len)),
                    Some(Err(_)) | None => exchange.complete(),
                }
                if body.is_end_stream() {
                    exchange.complete();
                }
                Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole { bytes, .. } if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { bytes, .. } => SizeHint::with_exact(bytes.len() as u64),
            Self::Paced(paced) => paced.length.map_or_else(SizeHint::default, SizeHint::with_exact),
            Self::Forwarded(body, _) => body.size_hint(),
        }
    }
}
