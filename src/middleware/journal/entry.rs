//! A call as the journal tells it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::{claude::Usage, redact::without_keys};

/// One call, as far as it has come.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub id: u64,
    pub at: SystemTime,
    pub method: String,
    pub path: String,
    pub model: Option<String>,
    pub caller: Option<Arc<str>>,
    pub caller_request_id: Option<Arc<str>>,
    pub request_id: Option<String>,
    pub status: Option<u16>,
    pub stream: bool,
    pub cache: Option<&'static str>,
    pub attempts: u32,
    pub error: Option<&'static str>,
    pub state: State,
    pub timeline: Timeline,
    pub usage: Option<Usage>,
    pub cost: Option<f64>,
    pub request: Option<String>,
    pub response: Option<String>,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Active,
    Done,
    Failed,
    /// Whoever asked has left.
    Dropped,
}

/// What took how long: the first two by themselves, the others from the start.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Timeline {
    pub queued: Option<Duration>,
    pub connect: Option<Duration>,
    pub first_byte: Option<Duration>,
    pub first_event: Option<Duration>,
    pub total: Option<Duration>,
}

impl Entry {
    /// Without what was asked and answered.
    pub fn told(&self) -> Value {
        let Timeline { queued, connect, first_byte, first_event, total } = self.timeline;
        json!({
            "id": self.id,
            "requestId": self.request_id,
            "at": self.at.duration_since(UNIX_EPOCH).map_or(0, |at| at.as_millis()),
            "method": self.method,
            "path": self.path,
            "model": self.model,
            "caller": self.caller.as_deref(),
            "callerRequestId": self.caller_request_id.as_deref(),
            "status": self.status,
            "stream": self.stream,
            "cache": self.cache,
            "attempts": self.attempts,
            "error": self.error,
            "state": match self.state {
                State::Active => "active",
                State::Done => "done",
                State::Failed => "failed",
                State::Dropped => "dropped",
            },
            "timeline": {
                "queuedMs": ms(queued),
                "connectMs": ms(connect),
                "firstByteMs": ms(first_byte),
                "firstEventMs": ms(first_event),
                "totalMs": ms(total),
            },
            "usage": self.usage.map(|usage| json!({
                "input": usage.input_tokens,
                "output": usage.output_tokens,
                "cacheRead": usage.cache_read_input_tokens,
                "cacheCreation": usage.cache_creation_input_tokens,
            })),
            "cost": self.cost,
        })
    }

    /// With them. What looks like a key is not shown wherever it stands.
    pub fn told_with_bodies(&self) -> Value {
        let mut told = self.told();
        let shown = |body: &Option<String>| body.as_deref().map(|body| without_keys(body).into_owned());
        told["bodies"] = json!({ "request": shown(&self.request), "response": shown(&self.response) });
        told
    }
}

/// In milliseconds.
pub(super) fn ms(time: Option<Duration>) -> Value {
    time.map_or(Value::Null, |time| json!((time.as_secs_f64() * 1e6).round() / 1e3))
}

/// As much of a text as is kept.
pub(super) fn kept(bytes: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(most)]);
    let more = bytes.len().saturating_sub(most);
    if more == 0 { text.into_owned() } else { format!("{text}… ({more} bytes more)") }
}
