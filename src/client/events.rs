//! A stream of events as the caller reads it: pings left out, its end understood, its silence noticed.

use std::{pin::Pin, time::Duration};

use futures_util::StreamExt;
use tokio::time::{Instant, Sleep, sleep_until};

use super::message::MessageSoFar;
use crate::{
    Error, ErrorKind, Phase, Result,
    attempt::Attempt,
    body::EventStream,
    claude::{Delta, StreamRules, Verdict, inspect, not_json},
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
    /// Those that it took to get this stream: an error in it lists them too.
    attempts: Vec<Attempt>,
    message: MessageSoFar,
}

/// Where the reader stands. An error that came after events waits until those have been handed over.
enum Reading {
    Open,
    Failing(Error),
    Done,
}

pub(super) enum Rules {
    /// Each event's data is one JSON value.
    Json { rules: StreamRules, pings: bool },
    /// Data is text, and only the end of the body is an end.
    Text,
    /// Data is one JSON value of no protocol; so many have been read.
    Rows { read: u64 },
}

impl EventReader {
    /// A reader of events by these rules, the first of which must come within a limit. Their message is kept up to so
    /// many bytes.
    pub(super) fn new(
        events: EventStream,
        rules: Rules,
        first_event: Option<Duration>,
        largest: u64,
    ) -> Self {
        let first_event = first_event.map(|limit| (Box::pin(sleep_until(Instant::now() + limit)), limit));
        let message = MessageSoFar::new(largest);
        Self { events, reading: Reading::Open, rules, first_event, attempts: Vec::new(), message }
    }

    /// The reader of an answer that came after these attempts.
    pub(super) fn after(self, attempts: Vec<Attempt>) -> Self {
        Self { attempts, ..self }
    }

    /// Whether the data of each event is JSON.
    pub fn is_json(&self) -> bool {
        matches!(self.rules, Rules::Json { .. } | Rules::Rows { .. })
    }

    /// The message that its events add up to, where they are JSON.
    pub fn message(&self) -> &MessageSoFar {
        &self.message
    }

    /// Reads to the end and gives the message, as JSON.
    pub async fn whole(mut self) -> Result<String> {
        while let Some(read) = self.next().await {
            read?;
            if let Some(error) = self.message.too_large() {
                return Err(self.told(error));
            }
        }
        let none = || {
            let none = "the stream had no message: it is none of the Messages API";
            Err(Error::new(ErrorKind::IncompleteStream, Phase::Body, none))
        };
        self.message.whole().unwrap_or_else(none).map_err(|error| self.told(error))
    }

    /// The next events, at least one; `None` after the last. After an error there is nothing more.
    pub async fn next(&mut self) -> Option<Result<Vec<Event>>> {
        loop {
            match std::mem::replace(&mut self.reading, Reading::Done) {
                Reading::Open => {}
                Reading::Failing(error) => return Some(Err(self.told(error))),
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
                Some(Err(error)) => return Some(Err(self.told(error))),
                None => return self.end_of_body().map(|error| Err(self.told(error))),
            }
        }
    }

    async fn read(&mut self) -> Option<Result<Vec<Event>>> {
        // Without a limit, which is the usual case, no timer is touched.
        let Some((passed, limit)) = &mut self.first_event else { return self.events.next().await };
        tokio::select! {
            biased;
            read = self.events.next() => read,
            () = passed => Some(Err(Error::timeout(Phase::FirstEvent, "no event came", *limit, "timeout.firstEvent"))),
        }
    }

    /// Applies the rules to each event and remembers how the stream goes on.
    fn sift(&mut self, mut events: Vec<Event>) -> Vec<Event> {
        let (rules, pings) = match &mut self.rules {
            Rules::Json { rules, pings } => (rules, pings),
            Rules::Text => {
                self.reading = Reading::Open;
                return events;
            }
            Rules::Rows { read } => {
                let (good, problem) = rows(events, read);
                self.reading = problem.map_or(Reading::Open, Reading::Failing);
                return good;
            }
        };
        let mut next = Reading::Open;
        let mut kept = 0;
        let mut sum = self.message.adding();
        for place in 0..events.len() {
            let event = &events[place];
            let delta = Delta::read(&event.data);
            let verdict = if delta.is_some() { rules.piece() } else { rules.accept(event) };
            // Streams of other APIs are let be.
            if rules.messages_started() && matches!(verdict, Verdict::Deliver | Verdict::DeliverAndEnd) {
                sum.add(event, delta.as_ref());
            }
            let keep = match verdict {
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
                    next = Reading::Failing(error);
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
        drop(sum);
        events.truncate(kept);
        if matches!(next, Reading::Done) {
            self.drain();
        }
        self.reading = next;
        events
    }

    fn told(&mut self, error: Error) -> Error {
        error.with_history(std::mem::take(&mut self.attempts)).with_partial(self.message.json())
    }

    fn end_of_body(&mut self) -> Option<Error> {
        match &self.rules {
            Rules::Json { rules, .. } => rules.end_of_body(),
            Rules::Text | Rules::Rows { .. } => None,
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

/// The rows before the first that is not JSON, and what is wrong with that one.
fn rows(mut rows: Vec<Event>, read: &mut u64) -> (Vec<Event>, Option<Error>) {
    let problem = rows.iter().enumerate().find_map(|(place, row)| Some((place, inspect(&row.data).err()?)));
    let Some((place, problem)) = problem else {
        *read += rows.len() as u64;
        return (rows, None);
    };
    let number = *read + place as u64 + 1;
    let error = not_json(&format!("row {number}"), &rows[place].data, problem);
    rows.truncate(place);
    (rows, Some(error))
}

/// What has not happened when a call's limit passes after its answer has begun.
pub(super) const UNFINISHED: &str = "the call was not finished";

/// The error of the limit on a call with all of its stream.
pub(super) fn unfinished(limit: Duration) -> Error {
    Error::timeout(Phase::Total, UNFINISHED, limit, "timeout.total")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[tokio::test]
    async fn an_error_in_a_stream_lists_the_attempts_that_it_took_to_get_it() {
        let attempt = |status| Attempt {
            status: Some(status),
            code: None,
            waited: Duration::ZERO,
            took: Duration::from_secs(1),
            served: crate::response::Served::default(),
        };
        let reset = || Error::new(ErrorKind::Reset, Phase::Body, "it broke");
        let reported = Event { event: "error".into(), ..Event::default() };
        for items in [vec![Err(reset())], vec![Ok(vec![reported])], vec![]] {
            let rules = Rules::Json { rules: StreamRules::of_message(), pings: false };
            let reader = EventReader::new(Box::pin(futures_util::stream::iter(items)), rules, None, 1 << 20);
            let attempts = vec![attempt(529), attempt(200)];
            let error = reader.after(attempts.clone()).next().await.unwrap().unwrap_err();
            assert_eq!((error.attempts(), error.history()), (2, attempts.as_slice()));
        }
    }
}
