//! One call as it is counted: once, whatever way it ends.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use tokio::time::Instant;

use super::{
    labels::{Value, attempts_of, method, status, status_of},
    registry::Registry,
};
use crate::{
    Error, ErrorKind,
    claude::Usage,
    request::{Deadline, Request},
    response::Response,
};

/// A call under way. Dropped before its end, it was given up.
pub(super) struct Course {
    registry: Arc<Registry>,
    method: Value,
    extra: [Value; 2],
    started: Instant,
    /// Attempts made before this layer was reached.
    before: u32,
    /// Those made further in; without any, nothing was sent.
    attempts: u32,
    deadline: Option<Deadline>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Not answered yet.
    Asked,
    /// A stream has begun.
    Streaming,
    Over,
}

impl Course {
    pub fn begin(registry: &Arc<Registry>, req: &Request) -> Self {
        registry.requests_in_flight.at(&Default::default()).enter();
        Self {
            registry: Arc::clone(registry),
            method: method(&req.method),
            extra: registry.extra(req),
            started: Instant::now(),
            before: req.attempt.saturating_sub(1),
            attempts: 0,
            deadline: req.extensions.get::<Deadline>().copied(),
            stage: Stage::Asked,
        }
    }

    /// Headers are here.
    pub fn arrived(&mut self, res: &Response) {
        let none = Default::default();
        self.made(attempts_of(Ok(res.attempts), self.before));
        if self.attempts == 0 {
            return;
        }
        self.registry.queue.at(&none).observe(res.timing.queued);
        // Of a later attempt it would tell mostly how long was waited between them.
        if let (1, Some(sent)) = (self.attempts, res.timing.sent) {
            self.registry.overhead.at(&none).observe(sent.saturating_duration_since(self.started.into_std()));
        }
    }

    /// The answer is there as its caller wants it: whole, or a stream that begins.
    pub fn answered(&mut self, code: StatusCode, streams: bool) {
        self.took(status(code));
        self.stage = Stage::Streaming;
        if !streams {
            self.over();
        }
    }

    /// What the call took, where anything was sent for it: an answer that was made up cost nothing.
    pub fn count_tokens(&self, usage: Usage) {
        if self.attempts > 0 {
            self.registry.count_tokens(usage, &self.extra);
        }
    }

    pub fn first_event(&self, at: Instant) {
        self.registry
            .time_to_first_event
            .at(&self.by(Value::Absent, Value::Absent))
            .observe(at - self.started);
    }

    pub fn next_event(&self, gap: Duration) {
        self.registry.event_gap.at(&self.by(Value::Absent, Value::Absent)).observe(gap);
    }

    /// The call failed before it was answered.
    pub fn failed(&mut self, error: &Error) {
        // Where the headers have come already, the attempts are counted.
        if self.attempts == 0 {
            self.made(attempts_of(Err(error), self.before));
        }
        self.fail(error.kind());
    }

    /// The stream has ended, well or not.
    pub fn ended(&mut self, failure: Option<&Error>) {
        self.end(failure.map(Error::kind), "complete");
    }

    fn end(&mut self, failure: Option<ErrorKind>, otherwise: &'static str) {
        if let Some(kind) = failure {
            self.count_error(kind);
        }
        let end = Value::Word(failure.map_or(otherwise, ErrorKind::code));
        let labels = self.by(self.method.clone(), end);
        self.registry.stream_duration.at(&labels).observe(self.started.elapsed());
        self.over();
    }

    fn fail(&mut self, kind: ErrorKind) {
        self.took(status_of(kind));
        self.count_error(kind);
        self.over();
    }

    fn took(&self, status: Value) {
        let labels = self.by(self.method.clone(), status);
        self.registry.request_duration.at(&labels).observe(self.started.elapsed());
    }

    fn count_error(&self, kind: ErrorKind) {
        self.registry.request_errors.at(&self.by(self.method.clone(), Value::Word(kind.code()))).add(1);
    }

    fn made(&mut self, attempts: u32) {
        self.attempts = attempts;
        self.registry.attempts.at(&self.by(Value::Absent, Value::Absent)).add(attempts.into());
    }

    fn by(&self, first: Value, second: Value) -> [Value; 4] {
        let [third, fourth] = self.extra.clone();
        [first, second, third, fourth]
    }

    fn over(&mut self) {
        self.stage = Stage::Over;
        self.registry.requests_in_flight.at(&Default::default()).leave();
    }

    /// What a call failed with that nobody waits for any more; nothing where its stream was only left.
    fn given_up(&self) -> Option<ErrorKind> {
        let streams = self.stage == Stage::Streaming;
        let is_late = |deadline: Deadline| {
            (deadline.in_streams || !streams) && Instant::now().into_std() >= deadline.at
        };
        if std::thread::panicking() {
            Some(ErrorKind::Internal)
        } else if self.deadline.is_some_and(is_late) {
            Some(ErrorKind::Timeout)
        } else {
            (!streams).then_some(ErrorKind::Aborted)
        }
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        match self.stage {
            Stage::Asked => {
                if let Some(kind) = self.given_up() {
                    self.fail(kind);
                }
            }
            Stage::Streaming => self.end(self.given_up(), "dropped"),
            Stage::Over => {}
        }
    }
}
