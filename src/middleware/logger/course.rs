//! One call as it is logged: a line when it goes out, and one however it ends.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

use super::{
    Level, Log,
    line::{Answered, Asked, Failed, Line, Outcome, Streamed, told},
};
use crate::{
    Error, ErrorKind, Phase,
    claude::Usage,
    notice::Notices,
    redact::Rules,
    request::Request,
    response::Response,
    watch::{End, Limits, Watcher},
};

/// A call under way. Dropped before its end, it was given up.
pub(super) struct Course {
    log: Arc<Log>,
    rules: Arc<Rules>,
    /// What layers further in have to say besides.
    notices: Notices,
    started: Instant,
    limits: Limits,
    asked: Asked,
    answered: Option<Answered>,
    stream: Option<Streamed>,
    over: bool,
}

impl Course {
    pub fn begin(log: &Arc<Log>, req: &Request, notices: Notices) -> Self {
        let rules = req.extensions.get::<Arc<Rules>>().cloned().unwrap_or_default();
        let course = Self {
            asked: Asked::of(req, &log.options, &rules),
            log: Arc::clone(log),
            rules,
            notices,
            started: Instant::now(),
            limits: Limits::of(req),
            answered: None,
            stream: None,
            over: false,
        };
        course.write(log.options.levels.request, |line| line);
        course
    }

    /// Headers are here.
    pub fn answered(mut self, res: &Response) -> Self {
        self.pass_on();
        self.answered = Some(Answered::of(res, &self.log.options, &self.rules));
        self
    }

    /// The call failed before it was answered.
    pub fn failed(mut self, error: &Error) {
        self.fail(error, Usage::default());
    }

    /// Writes what was told to the log.
    fn pass_on(&self) {
        for text in self.notices.take() {
            self.write(Level::Warn, |line| Line { msg: self.rules.text(&text).into_owned(), ..line });
        }
    }

    fn succeed(&mut self, usage: Usage) {
        self.over = true;
        self.pass_on();
        self.write(self.log.options.levels.response, |line| Line {
            answered: self.answered.as_ref(),
            outcome: Some(self.outcome(usage, None, 1)),
            msg: format!("{} {}", line.msg, self.answered.as_ref().map_or(0, Answered::status)),
            ..line
        });
    }

    fn fail(&mut self, error: &Error, usage: Usage) {
        self.over = true;
        self.pass_on();
        self.write(self.log.options.levels.error, |line| {
            let failed = Failed::of(error, &self.rules);
            let outcome = self.outcome(usage, failed.request_id.clone(), error.attempts());
            let msg = format!("{} {}", line.msg, failed.words());
            Line {
                answered: self.answered.as_ref(),
                outcome: Some(outcome),
                failed: Some(failed),
                msg,
                ..line
            }
        });
    }

    fn outcome(&self, usage: Usage, request_id: Option<String>, attempts: u32) -> Outcome<'_> {
        let answered = self.answered.as_ref();
        Outcome {
            response_time: self.started.elapsed(),
            attempts: answered.map_or(attempts, |answered| answered.attempts),
            request_id: answered.and_then(|answered| answered.request_id.clone()).or(request_id),
            first_byte: answered.and_then(|answered| answered.first_byte),
            stream: self.stream.as_ref(),
            usage: told(usage),
        }
    }

    /// Nothing of a line is made that is not written.
    fn write<'a>(&'a self, level: Level, fill: impl FnOnce(Line<'a>) -> Line<'a>) {
        if !self.log.options.writes(level) {
            return;
        }
        let line = fill(Line {
            level: level as u8,
            time: now_ms(),
            base: &self.log.options.base,
            asked: &self.asked,
            answered: None,
            outcome: None,
            failed: None,
            msg: self.asked.words(),
        });
        self.log.sink.write(line.to_json());
    }

    /// Nobody waits for the answer any more.
    fn give_up(&mut self, usage: Usage) {
        let (kind, what) = match self.limits.broken() {
            Some(ErrorKind::Timeout) => (ErrorKind::Timeout, "the call's time was over"),
            Some(kind) => (kind, "the call failed inside"),
            None => (ErrorKind::Aborted, "the call was given up"),
        };
        self.fail(&Error::new(kind, Phase::Total, what), usage);
    }
}

impl Watcher for Course {
    fn begun(&mut self, of_events: bool) {
        self.limits.begun(of_events);
        self.stream = Some(Streamed::default());
    }

    fn read(&mut self, events: usize, at: Instant) {
        self.limits.read();
        let started = self.started;
        if let Some(stream) = &mut self.stream {
            stream.first_event.get_or_insert(at - started);
            stream.events += events;
        }
    }

    fn over(&mut self, usage: Usage, end: End<'_>) {
        match end {
            End::Failed(error) => return self.fail(error, usage),
            End::Complete => {}
            End::Whole(content) => {
                if let Some(answered) = &mut self.answered {
                    answered.keep(content, &self.log.options, &self.rules);
                }
            }
            End::Dropped if self.limits.broken().is_some() => return self.give_up(usage),
            End::Dropped => {
                if let Some(stream) = &mut self.stream {
                    stream.left = true;
                }
            }
        }
        self.succeed(usage);
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        if !self.over {
            self.give_up(Usage::default());
        }
    }
}

/// Milliseconds since 1970; a clock that stands before that is put to it.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
