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
    /// How long a stream may be without an event, which is watched further out.
    first_event: Option<Duration>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Not answered yet.
    Asked,
    /// A stream has begun, whose first event must come by a moment.
    Silent {
        until: Option<Instant>,
    },
    /// It has brought events.
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
            first_event: req.options.timeouts.first_event,
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

    /// The answer is there, all of it.
    pub fn answered(&mut self, code: StatusCode) {
        self.took(status(code));
        self.over();
    }

    /// The answer is a stream, which begins.
    pub fn opened(&mut self, code: StatusCode, of_events: bool) {
        self.took(status(code));
        let limit = self.first_event.filter(|_| of_events);
        self.stage = Stage::Silent { until: limit.and_then(|limit| Instant::now().checked_add(limit)) };
    }

    /// What the call took, where anything was sent for it: an answer that was made up cost nothing.
    pub fn count_tokens(&self, usage: Usage) {
        if self.attempts > 0 {
            self.registry.count_tokens(usage, &self.extra);
        }
    }

    pub fn first_event(&mut self, at: Instant) {
        self.stage = Stage::Streaming;
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

    /// The stream has ended, well or not; a reader may ask for more after that.
    pub fn ended(&mut self, failure: Option<&Error>) {
        if self.stage == Stage::Over {
            return;
        }
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

    /// Why nobody waits any more: a limit further out has passed, or something broke. Otherwise the caller left.
    fn given_up(&self) -> Option<ErrorKind> {
        let now = Instant::now();
        let limited = self
            .deadline
            .filter(|limit| limit.in_streams || self.stage == Stage::Asked)
            .map(|limit| limit.at);
        let is_late = limited.is_some_and(|at| now.into_std() >= at)
            || matches!(self.stage, Stage::Silent { until: Some(at) } if now >= at);
        if std::thread::panicking() {
            Some(ErrorKind::Internal)
        } else {
            is_late.then_some(ErrorKind::Timeout)
        }
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        match self.stage {
            Stage::Asked => self.fail(self.given_up().unwrap_or(ErrorKind::Aborted)),
            Stage::Silent { .. } | Stage::Streaming => self.end(self.given_up(), "dropped"),
            Stage::Over => {}
        }
    }
}
