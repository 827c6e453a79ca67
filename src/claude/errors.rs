//! Error bodies and error events: from what the API says to the one error type.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::retry_after::retry_after;
use crate::{
    Error, ErrorKind, Phase,
    error::ErrorResponse,
};

/// How much of a body that is no error object is repeated in the message, in characters.
const EXCERPT: usize = 200;
/// How much of an error event is kept.
const KEPT: usize = 64 << 10;

/// The error that an answer with a bad status stands for.
pub fn describe(status: StatusCode, headers: &HeaderMap, body: Bytes) -> Error {
    let told = Told::read(&body);
    let request_id = ["request-id", "x-request-id"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok().map(str::to_owned))
        .or(told.request_id);
    let what = told.message.unwrap_or_else(|| excerpt(&body));
    let message = sentence(status, told.kind.as_deref(), &what, request_id.as_deref());
    let response = ErrorResponse { status, headers: headers.clone(), body, api_type: told.kind, request_id };
    Error::new(ErrorKind::Status(status.as_u16()), Phase::FirstByte, message)
        .with_retry_after(retry_after(headers, SystemTime::now()))
        .with_response(response)
}

/// The error that an `error` event inside a stream stands for: the class that it has as a plain answer.
pub fn error_from_event(data: &str) -> Error {
    let told = Told::read(data.as_bytes());
    let known = told.kind.as_deref().and_then(status_of);
    let status = known.unwrap_or(StatusCode::OK);
    let what = told.message.unwrap_or_else(|| "an error without a message".to_owned());
    let kind = known.map_or(ErrorKind::ApiStream, |status| ErrorKind::Status(status.as_u16()));
    let message = format!(
        "the stream reported {}",
        sentence(status, told.kind.as_deref(), &what, told.request_id.as_deref())
    );
    let body = Bytes::copy_from_slice(&data.as_bytes()[..data.len().min(KEPT)]);
    let response = ErrorResponse {
        status,
        headers: HeaderMap::new(),
        body,
        api_type: told.kind,
        request_id: told.request_id,
    };
    Error::new(kind, Phase::Body, message).with_response(response)
}

/// The status that an error type has as a plain answer.
fn status_of(kind: &str) -> Option<StatusCode> {
    let status = match kind {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "api_error" => 500,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => return None,
    };
    StatusCode::from_u16(status).ok()
}

/// `429 rate_limit_error: too many requests (request req_1)`.
fn sentence(status: StatusCode, kind: Option<&str>, what: &str, request_id: Option<&str>) -> String {
    let name = kind.or_else(|| status.canonical_reason()).unwrap_or("error");
    let code = if status == StatusCode::OK { String::new() } else { format!("{} ", status.as_u16()) };
    let id = request_id.map(|id| format!(" (request {id})")).unwrap_or_default();
    let colon = if what.is_empty() { "" } else { ": " };
    format!("{code}{name}{colon}{what}{id}")
}

/// What an error body says of itself.
#[derive(Default)]
struct Told {
    kind: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
}

impl Told {
    /// `{"type":"error","error":{"type","message"},"request_id"}`, and what other servers make of it.
    fn read(body: &[u8]) -> Self {
        let Ok(Value::Object(body)) = serde_json::from_slice(body) else { return Self::default() };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let error = body.get("error");
        Self {
            kind: text(error.and_then(|error| error.get("type"))),
            message: text(error.and_then(|error| error.get("message")))
                .or_else(|| text(error))
                .or_else(|| text(body.get("message")))
                .map(|message| shorten(&message)),
            request_id: text(body.get("request_id")),
        }
    }
}

fn excerpt(body: &[u8]) -> String {
    // Four bytes a character at the most; the rest need not be decoded.
    shorten(&String::from_utf8_lossy(&body[..body.len().min(EXCERPT * 8)]))
}

/// At most so many characters, white space as single blanks.
fn shorten(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}
