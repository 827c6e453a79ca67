//! One call as it is counted: once, whatever way it ends.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    labels::{Value, attempts_of, method, status, status_of},
    registry::Registry,
};
use crate::{
    Error, ErrorKind,
    claude::Usage,
    request::Request,
    response::{Cached, Response},
    watch::{End, Limits, Watcher},
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
    status: Value,
    /// When events came last.
    last: Option<Instant>,
    limits: Limits,
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
            status: Value::Absent,
            last: None,
            limits: Limits::of(req),
            stage: Stage::Asked,
        }
    }

    /// Headers are here.
    pub fn arrived(&mut self, res: &Response) {
        let none = Default::default();
        self.status = status(res.status);
        self.made(attempts_of(Ok(res.attempts), self.before));
        let cached = res.extensions.get().copied().unwrap_or(Cached::Bypass);
        self.registry
            .cache
            .at(&[Value::Word(cached.name()), Value::Absent, Value::Absent, Value::Absent])
            .add(1);
        if self.attempts == 0 {
            return;
        }
        let queued = res.timing.queued.saturating_sub(res.timing.held);
        self.registry.queue.at(&none).observe(queued);
        self.decided("pool", if queued.is_zero() { "passed" } else { "waited" });
        // Of a later attempt it would tell mostly how long was waited between them.
        if let (1, Some(sent)) = (self.attempts, res.timing.sent) {
            self.registry.overhead.at(&none).observe(sent.saturating_duration_since(self.started.into_std()));
        }
    }

    /// What the call took, where anything was sent for it: an answer that was made up cost nothing.
    fn count_tokens(&self, usage: Usage) {
        if self.attempts > 0 {
            self.registry.count_tokens(usage, &self.extra);
        }
    }

    /// The call failed before it was answered.
    pub fn failed(&mut self, error: &Error) {
        // Where the headers have come already, the attempts are counted.
        if self.attempts == 0 {
            self.made(attempts_of(Err(error), self.before));
        }
        self.fail(error.kind());
    }

    fn end(&mut self, failure: Option<ErrorKind>, otherwise: &'static str) {
        if let Some(kind) = failure {
            self.count_error(kind);
        }
        let end = Value::Word(failure.map_or(otherwise, ErrorKind::code));
        let labels = self.by(self.method.clone(), end);
        self.registry.stream_duration.at(&labels).observe(self.started.elapsed());
        self.leave();
    }

    /// What a limit of the client did with this request.
    fn decided(&self, limiter: &'static str, outcome: &'static str) {
        let labels = [Value::Word(limiter), Value::Word(outcome), Value::Absent, Value::Absent];
        self.registry.limiter.at(&labels).add(1);
    }

    fn fail(&mut self, kind: ErrorKind) {
        match kind {
            // What limits further in refuse makes no attempt, and they count it themselves.
            ErrorKind::QueueFull if self.attempts > 0 => self.decided("pool", "refused"),
            ErrorKind::CircuitOpen => self.decided("circuit_breaker", "refused"),
            _ => {}
        }
        self.took(status_of(kind));
        self.count_error(kind);
        self.leave();
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

    fn leave(&mut self) {
        self.stage = Stage::Over;
        self.registry.requests_in_flight.at(&Default::default()).leave();
    }
}

impl Watcher for Course {
    fn begun(&mut self, of_events: bool) {
        self.took(self.status.clone());
        self.limits.begun(of_events);
        self.stage = Stage::Streaming;
    }

    fn read(&mut self, _events: usize, at: Instant) {
        self.limits.read();
        let none = self.by(Value::Absent, Value::Absent);
        match self.last.replace(at) {
            None => self.registry.time_to_first_event.at(&none).observe(at - self.started),
            Some(last) => self.registry.event_gap.at(&none).observe(at - last),
        }
    }

    fn over(&mut self, usage: Usage, end: End<'_>) {
        self.count_tokens(usage);
        match end {
            End::Whole(_) => {
                self.took(self.status.clone());
                self.leave();
            }
            End::Failed(error) if self.stage == Stage::Asked => self.failed(error),
            End::Failed(error) => self.end(Some(error.kind()), "complete"),
            End::Complete => self.end(None, "complete"),
            End::Dropped => self.end(self.limits.broken(), "dropped"),
        }
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        match self.stage {
            Stage::Asked => self.fail(self.limits.broken().unwrap_or(ErrorKind::Aborted)),
            Stage::Streaming => self.end(self.limits.broken(), "dropped"),
            Stage::Over => {}
        }
    }
}
