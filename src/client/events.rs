//! A stream of events as the caller reads it: pings left out, its end understood, its silence noticed.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::{Instant, Sleep, sleep_until};

use super::secrets::Secrets;
use crate::{
    Error, ErrorKind, Phase, Result,
    body::EventStream,
    claude::{StreamRules, Verdict, error_from_event},
    event::Event,
};

/// How long the rest of a body may take once the stream is over, so that its connection can be used again.
const DRAIN: Duration = Duration::from_secs(1);

/// Reads a stream of events; dropping it ends the transfer.
pub struct EventReader {
    events: EventStream,
    reading: Reading,
    rules: Rules,
    first_event: Option<(Pin<Box<Sleep>>, Duration)>,
    deadline: Option<(Pin<Box<Sleep>>, Duration)>,
}

/// Where the reader stands. An error that came after events waits until those have been handed over.
enum Reading {
    Open,
    Failing(Error),
    Done,
}

pub(super) enum Rules {
    /// Each event's data is one JSON value; an error among them is told without the secrets.
    Json { rules: StreamRules, pings: bool, secrets: Secrets },
    /// Data is text, and only the end of the body is an end.
    Text,
}

/// What limits a stream in time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    pub(super) first_event: Option<Duration>,
    /// The call's deadline and the limit that it came from.
    pub(super) deadline: Option<(Instant, Duration)>,
}

impl EventReader {
    /// A reader of events by these rules.
    pub(super) fn new(events: EventStream, rules: Rules, limits: Limits) -> Self {
        let first_event =
            limits.first_event.map(|limit| (Box::pin(sleep_until(Instant::now() + limit)), limit));
        let deadline = limits.deadline.map(|(at, limit)| (Box::pin(sleep_until(at)), limit));
        Self { events, reading: Reading::Open, rules, first_event, deadline }
    }

    /// Whether the data of each event is JSON.
    pub fn is_json(&self) -> bool {
        matches!(self.rules, Rules::Json { .. })
    }

    /// The next events, at least one; `None` after the last. After an error there is nothing more.
    pub async fn next(&mut self) -> Option<Result<Vec<Event>>> {
        loop {
            match std::mem::replace(&mut self.reading, Reading::Done) {
                Reading::Open => {}
                Reading::Failing(error) => return Some(Err(error)),
                Reading::Done => return None,
            }
            match self.read().await {
                Some(Ok(events)) => {
                    let kept = self.sift(events);
                    if !kept.is_empty() {
                        self.first_event = None;
                        return Some(Ok(kept));
                    }
                }
                Some(Err(error)) => return Some(Err(in_stream(error))),
                None => return self.end_of_body().map(Err),
            }
        }
    }

    async fn read(&mut self) -> Option<Result<Vec<Event>>> {
        // Without limits, which is the usual case, no timer is touched.
        if self.first_event.is_none() && self.deadline.is_none() {
            return self.events.next().await;
        }
        tokio::select! {
            biased;
            read = self.events.next() => read,
            limit = passed(&mut self.first_event) => Some(Err(timeout(Phase::FirstEvent, "no event came", limit, "timeout.firstEvent"))),
            limit = passed(&mut self.deadline) => Some(Err(timeout(Phase::Total, UNFINISHED, limit, TOTAL))),
        }
    }

    /// Applies the rules to each event and remembers how the stream goes on.
    fn sift(&mut self, mut events: Vec<Event>) -> Vec<Event> {
        let Rules::Json { rules, pings, secrets } = &mut self.rules else {
            self.reading = Reading::Open;
            return events;
        };
        let mut next = Reading::Open;
        let mut kept = 0;
        for place in 0..events.len() {
            let keep = match rules.accept(&events[place]) {
                Verdict::Deliver => true,
                Verdict::Ping => *pings,
                Verdict::Skip => false,
                Verdict::DeliverAndEnd => {
                    next = Reading::Done;
                    true
                }
                Verdict::End => {
                    next = Reading::Done;
                    false
                }
                Verdict::Fail(error) => {
                    next = Reading::Failing(concealed(error, &events[place], secrets));
                    false
                }
            };
            if keep {
                events.swap(kept, place);
                kept += 1;
            }
            if !matches!(next, Reading::Open) {
                break;
            }
        }
        events.truncate(kept);
        if matches!(next, Reading::Done) {
            self.drain();
        }
        self.reading = next;
        events
    }

    fn end_of_body(&mut self) -> Option<Error> {
        match &self.rules {
            Rules::Json { rules, .. } => rules.end_of_body(),
            Rules::Text => None,
        }
    }

    /// Reads what is left so that the connection goes back to the pool.
    fn drain(&mut self) {
        let mut rest = std::mem::replace(&mut self.events, Box::pin(futures_util::stream::empty()));
        tokio::spawn(async move {
            let read_all = async { while let Some(Ok(_)) = rest.next().await {} };
            // A server that keeps talking after the end loses its connection: that is all.
            let _ = tokio::time::timeout(DRAIN, read_all).await;
        });
    }
}

async fn passed(timer: &mut Option<(Pin<Box<Sleep>>, Duration)>) -> Duration {
    match timer {
        Some((sleep, limit)) => {
            sleep.as_mut().await;
            *limit
        }
        None => std::future::pending().await,
    }
}

/// The option that limits a call with all of its stream, and what has not happened when it passes.
pub(super) const TOTAL: &str = "timeout.total";
pub(super) const UNFINISHED: &str = "the call was not finished";

/// The error of a limit that passed: what has not happened, and the option that the user wrote.
pub(super) fn timeout(phase: Phase, what: &str, limit: Duration, option: &str) -> Error {
    let ms = limit.as_millis();
    Error::new(ErrorKind::Timeout, phase, format!("{what} within {ms} ms (`{option}`)"))
}

/// What the API reports may repeat what it was sent; what we say ourselves quotes nobody.
fn concealed(error: Error, event: &Event, secrets: &Secrets) -> Error {
    if error.response().is_none() {
        return error;
    }
    let data = secrets.conceal_body(Bytes::copy_from_slice(event.data.as_bytes()));
    error_from_event(&String::from_utf8_lossy(&data))
}

/// What a failure of the body is called where the body is a stream of events.
fn in_stream(error: Error) -> Error {
    match (error.kind(), error.phase()) {
        (ErrorKind::Timeout, Phase::Idle) => error.into_kind(ErrorKind::StreamIdle),
        (ErrorKind::Incomplete, _) => error.into_kind(ErrorKind::IncompleteStream),
        _ => error,
    }
}
