//! The texts that cross: heads, events and errors, written so that JavaScript reads each with one parse.

use std::{fmt::Write, time::Duration};

use http::{Extensions, HeaderMap, StatusCode, Version};
use serde_json::json;

use super::held::{self, Thrown};
use crate::{
    Error, ErrorKind,
    attempt::Attempt,
    client::{self, Warmed, Warmth},
    event::Event,
    response::{Age, Cached, Redirected, Served, Timing},
};

/// An answer's head: numbers for the slab, and one text for the rest.
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) attempts: u32,
    pub(super) timing: Timing,
    /// Reason phrase, protocol, final URL, attempts as JSON where they are listed, the error that it may stand for, where it came from as JSON where there is something to tell, then a line `name: value` per header.
    /// No part can hold a line break.
    pub(super) text: String,
}

impl Head {
    /// Of what is settled without an answer of a server.
    pub(super) fn none() -> Self {
        Self { status: 200, attempts: 1, timing: Timing::default(), text: "\n\n".to_owned() }
    }

    pub(super) fn new(head: &client::Head) -> Self {
        let mut text = String::with_capacity(512);
        text.push_str(head.status.canonical_reason().unwrap_or(""));
        text.push('\n');
        text.push_str(protocol(head.version));
        text.push('\n');
        text.push_str(head.url.as_str());
        text.push('\n');
        if !head.history.is_empty() {
            let _infallible = write!(text, "{}", history(&head.history));
        }
        text.push('\n');
        if let Some(error) = client::refusal(head) {
            text.push_str(&describe_error(&error));
        }
        text.push('\n');
        origin(&mut text, &head.extensions);
        headers(&mut text, &head.headers);
        Self { status: head.status.as_u16(), attempts: head.attempts, timing: head.timing, text }
    }
}

/// What a cache had to do with an answer and how old it is, who has served it, whether redirects led there.
fn origin(text: &mut String, extensions: &Extensions) {
    let begin = text.len();
    if let Some(cached) = extensions.get::<Cached>() {
        let _infallible = write!(text, ",\"cache\":\"{}\"", cached.name());
    }
    if let Some(Age(age)) = extensions.get() {
        let _infallible = write!(text, ",\"ageMs\":{}", age.as_millis());
    }
    if let Some(Served { target, key }) = extensions.get() {
        let _infallible =
            write!(text, ",\"target\":{},\"key\":{}", json!(target.as_deref()), json!(key.as_deref()));
    }
    if extensions.get::<Redirected>().is_some() {
        text.push_str(",\"redirected\":true");
    }
    if text.len() > begin {
        text.replace_range(begin..=begin, "{");
        text.push('}');
    }
}

/// A warm-up's report, as JSON; each failure in it is a text as [`describe_error`] writes it.
pub(super) fn describe_warmth(warmed: &Warmed) -> String {
    let connections = warmed.connections.iter().map(|warmth| match warmth {
        Warmth::InUse => json!({ "connectMs": null, "reused": true, "inUse": true }),
        Warmth::Ready { connect, status, version } => json!({
            "connectMs": connect.map(ms),
            "reused": connect.is_none(),
            "inUse": false,
            "status": status.as_u16(),
            "httpVersion": protocol(*version),
        }),
        Warmth::Failed(error) => {
            json!({ "connectMs": null, "reused": false, "inUse": false, "error": describe_error(error) })
        }
    });
    json!({ "connections": connections.collect::<Vec<_>>(), "totalMs": ms(warmed.took) }).to_string()
}

pub(super) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}

/// What each attempt came to.
fn history(attempts: &[Attempt]) -> serde_json::Value {
    let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let attempt = |attempt: &Attempt| {
        json!({
            "status": attempt.status,
            "code": attempt.code,
            "waitedMs": ms(attempt.waited),
            "tookMs": ms(attempt.took),
            "target": attempt.served.target.as_deref(),
            "key": attempt.served.key.as_deref(),
        })
    };
    attempts.iter().map(attempt).collect()
}

/// A line `name: value` for each header.
pub(super) fn header_lines(map: &HeaderMap) -> String {
    let mut lines = String::with_capacity(256);
    headers(&mut lines, map);
    lines
}

/// Bytes above U+007F become the characters of the same number, as fetch shows them.
fn headers(text: &mut String, headers: &HeaderMap) {
    for (name, value) in headers {
        text.push('\n');
        text.push_str(name.as_str());
        text.push_str(": ");
        match value.to_str() {
            Ok(value) => text.push_str(value),
            Err(_) => text.extend(value.as_bytes().iter().map(|byte| char::from(*byte))),
        }
    }
}

/// An event whose data is text, as a JSON object.
pub(super) fn describe_event(text: &mut String, event: &Event) {
    let name = if event.event.is_empty() { "message" } else { &event.event };
    let mut object = json!({ "event": name, "data": event.data });
    if !event.id.is_empty() {
        object["id"] = json!(event.id);
    }
    if let Some(retry) = event.retry {
        object["retry"] = json!(whole_ms(retry));
    }
    let _infallible = write!(text, "{object}");
}

/// Of what a server may say, JSON takes no more than 64 bits.
fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A failure as data: `js/errors.ts` makes a class of it. A number among the causes stands for a held value.
pub(super) fn describe_error(error: &Error) -> String {
    let mut causes = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        causes.push(match cause.downcast_ref::<Thrown>() {
            Some(thrown) => json!(thrown.0.number()),
            None => json!(client::without_keys(&cause.to_string())),
        });
        source = cause.source();
    }
    let response = error.response();
    let mut head = String::new();
    if let Some(response) = response {
        headers(&mut head, &response.headers);
    }
    json!({
        "thrown": (error.kind() == ErrorKind::Middleware).then(|| held::thrown(error)),
        "code": error.code(),
        "phase": error.phase().name(),
        "message": client::without_keys(error.message()),
        "status": error.status(),
        "type": response.and_then(|r| r.api_type.as_deref()),
        "requestId": response.and_then(|r| r.request_id.as_deref()),
        "retryable": error.is_retryable(),
        "retryAfterMs": error.retry_after().map(whole_ms),
        "attempts": error.attempts(),
        "history": history(error.history()),
        "causes": causes,
        "partial": error.partial(),
        "response": response.map(|r| json!({
            "status": r.status.as_u16(),
            "statusText": r.status.canonical_reason().unwrap_or(""),
            "headers": head,
            "body": String::from_utf8_lossy(&r.body),
        })),
    })
    .to_string()
}

/// The error that JavaScript asks for when its own `validateStatus` says no. `sent` are the headers of the
/// request: a server may repeat what it was sent.
pub(super) fn describe_status(
    client: &client::Client,
    status: u16,
    lines: &str,
    body: Vec<u8>,
    sent: &serde_json::Value,
) -> String {
    let mut headers = HeaderMap::new();
    for (name, value) in lines.lines().filter_map(|line| line.split_once(": ")) {
        // Characters up to U+00FF stand for one byte each, as they came.
        let bytes: Vec<u8> = value.chars().filter_map(|c| u8::try_from(u32::from(c)).ok()).collect();
        if let (Ok(name), Ok(value)) =
            (name.parse::<http::HeaderName>(), http::HeaderValue::from_bytes(&bytes))
        {
            headers.append(name, value);
        }
    }
    let status = StatusCode::from_u16(status).unwrap_or_default();
    describe_error(&client.describe(status, &headers, body.into(), sent))
}
