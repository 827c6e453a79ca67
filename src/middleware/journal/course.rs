//! One call on its way into the journal: told once, whatever way it ends.

use std::{
    sync::{Arc, Mutex},
    time::SystemTime,
};

use http::HeaderMap;
use tokio::time::Instant;

use super::{
    Kept,
    entry::{Entry, State, Timeline, kept},
    lock,
};
use crate::{
    Error,
    body::Body,
    claude::Usage,
    partition::model_of,
    redact::without_keys,
    request::{Caller, CallerRequestId, Request},
    response::{Cached, Response},
    watch::{End, Limits, Watcher},
};

/// The longest path and name of a model that is kept.
const LONGEST: usize = 200;

/// A call under way. Dropped before its end, it was left.
pub(super) struct Course {
    kept: Arc<Kept>,
    entry: Arc<Mutex<Entry>>,
    begun: Instant,
    model: Option<String>,
    limits: Limits,
    /// Whether its answer came from the API, and so costs something.
    is_paid: bool,
    stage: Stage,
}

/// How far it has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Not answered yet, or whole.
    Asked,
    /// A stream has begun.
    Begun,
    /// Its first event has come.
    Streaming,
    Over,
}

impl Course {
    pub fn begin(kept: &Arc<Kept>, req: &Request) -> Self {
        let model = model_of(&req.body).map(|model| shown(&model));
        let request = match &req.body {
            Body::Full(bytes) if kept.options.bodies > 0 => Some(self::kept(bytes, kept.options.bodies)),
            _ => None,
        };
        let entry = kept.begin(Entry {
            id: 0,
            at: SystemTime::now(),
            method: req.method.as_str().to_owned(),
            path: shown(req.url.path()),
            model: model.clone(),
            caller: req.extensions.get::<Caller>().map(|Caller(name)| Arc::clone(name)),
            caller_request_id: CallerRequestId::of(&req.extensions).map(Into::into),
            request_id: None,
            status: None,
            stream: false,
            cache: None,
            attempts: 0,
            error: None,
            state: State::Active,
            timeline: Timeline::default(),
            usage: None,
            cost: None,
            request,
            response: None,
        });
        kept.figures.began();
        Self {
            kept: Arc::clone(kept),
            entry,
            begun: Instant::now(),
            model,
            limits: Limits::of(req),
            is_paid: true,
            stage: Stage::Asked,
        }
    }

    pub fn entry(&self) -> Arc<Mutex<Entry>> {
        Arc::clone(&self.entry)
    }

    /// Headers are here.
    pub fn arrived(&mut self, res: &Response) {
        let took = self.begun.elapsed();
        let cached = res.extensions.get::<Cached>().copied().unwrap_or(Cached::Bypass);
        self.is_paid = matches!(cached, Cached::Miss | Cached::Bypass);
        self.kept.figures.answered(took, cached);
        let mut entry = lock(&self.entry);
        entry.status = Some(res.status.as_u16());
        entry.cache = Some(cached.name());
        entry.attempts = res.attempts;
        entry.request_id = request_id(&res.headers);
        entry.timeline.queued = Some(res.timing.queued);
        entry.timeline.connect = res.timing.connect;
        entry.timeline.first_byte = Some(took);
        if res.status.is_client_error() || res.status.is_server_error() {
            entry.error = Some(crate::ErrorKind::Status(res.status.as_u16()).code());
        }
    }

    /// It failed before it was answered.
    pub fn failed(&mut self, error: &Error) {
        {
            let mut entry = lock(&self.entry);
            entry.status = error.status();
            entry.attempts = error.attempts();
            entry.request_id = error.response().and_then(|res| res.request_id.clone());
        }
        self.end(Some(error.code()), State::Failed, Usage::default());
    }

    fn end(&mut self, error: Option<&'static str>, state: State, usage: Usage) {
        let streamed = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Over => return,
            Stage::Asked => false,
            Stage::Begun | Stage::Streaming => true,
        };
        let took = self.begun.elapsed();
        let mut entry = lock(&self.entry);
        entry.error = error.or(entry.error);
        entry.state = if entry.error.is_some() { State::Failed } else { state };
        entry.timeline.total = Some(took);
        if usage != Usage::default() {
            entry.usage = Some(usage);
            let cost = self.model.as_deref().and_then(|model| self.kept.options.prices.cost(model, usage));
            entry.cost = if self.is_paid { cost } else { cost.map(|_| 0.0) };
        }
        let failed = entry.state == State::Failed;
        drop(entry);
        self.kept.figures.ended(took, failed, streamed, if self.is_paid { usage } else { Usage::default() });
    }
}

impl Watcher for Course {
    fn begun(&mut self, of_events: bool) {
        self.stage = Stage::Begun;
        lock(&self.entry).stream = of_events;
        self.kept.figures.streams();
        self.limits.begun(of_events);
    }

    fn read(&mut self, events: usize, at: Instant) {
        self.limits.read();
        self.kept.figures.read(events);
        if self.stage == Stage::Begun {
            self.stage = Stage::Streaming;
            let took = at - self.begun;
            self.kept.figures.first_event(took);
            lock(&self.entry).timeline.first_event = Some(took);
        }
    }

    fn over(&mut self, usage: Usage, end: End<'_>) {
        match end {
            End::Whole(bytes) => {
                if self.kept.options.bodies > 0 {
                    lock(&self.entry).response = Some(kept(bytes, self.kept.options.bodies));
                }
                self.end(None, State::Done, usage);
            }
            End::Complete => self.end(None, State::Done, usage),
            End::Failed(error) => self.end(Some(error.code()), State::Failed, usage),
            End::Dropped => self.end(self.limits.broken().map(crate::ErrorKind::code), State::Dropped, usage),
        }
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        let broken = self.limits.broken().map(crate::ErrorKind::code);
        self.end(broken, State::Dropped, Usage::default());
    }
}

/// A name that somebody else has chosen, as it may be shown.
fn shown(text: &str) -> String {
    without_keys(text).chars().take(LONGEST).collect()
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    headers.get("request-id")?.to_str().ok().map(str::to_owned)
}
