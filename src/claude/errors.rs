//! An error body, or an error event within a stream, as the engine's error.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::{Error, ErrorKind, Phase, claude::retry_after::retry_after, error::ErrorResponse};

/// What is kept of a body, in bytes.
const KEPT_BODY: usize = 64 * 1024;

/// What is quoted of a body that is no error of the API, in characters.
const EXCERPT: usize = 200;

/// What is quoted of a message of the API: long enough for every real one.
const MESSAGE: usize = 2000;

/// The error that an answer with an unsuccessful status is.
pub fn describe(status: StatusCode, headers: &HeaderMap, body: Bytes) -> Error {
    let mut told = Told::read(&body);
    if let Some(id) = request_id(headers) {
        told.request_id = Some(id);
    }
    let class = told.api_type.as_deref().or(status.canonical_reason());
    let title = class.map_or_else(|| status.as_str().into(), |class| format!("{} {class}", status.as_str()));
    let message = told.message(&title);
    Error::new(ErrorKind::Status(status.as_u16()), Phase::FirstByte, message)
        .with_retry_after(retry_after(headers, SystemTime::now()))
        .with_response(told.into_response(status, headers.clone(), body))
}

/// The error that an `error` event reports. Where its type has a status, the error has that status
/// too, as if it had come as an answer; otherwise it is [`ErrorKind::ApiStream`].
pub fn error_from_event(data: &str) -> Error {
    let told = Told::read(data.as_bytes());
    let status = told.api_type.as_deref().and_then(status_of);
    let kind = status.map_or(ErrorKind::ApiStream, |status| ErrorKind::Status(status.as_u16()));
    let message = told.message(told.api_type.as_deref().unwrap_or("the stream reported an error"));
    let body = Bytes::copy_from_slice(data.as_bytes());
    // Without a status of its own, what is left is that of the answer, which began well.
    Error::new(kind, Phase::Body, message).with_response(told.into_response(
        status.unwrap_or(StatusCode::OK),
        HeaderMap::new(),
        body,
    ))
}

fn status_of(api_type: &str) -> Option<StatusCode> {
    let code = match api_type {
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
    StatusCode::from_u16(code).ok()
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("request-id").or_else(|| headers.get("x-request-id"))?;
    value.to_str().ok().filter(|id| !id.is_empty()).map(Into::into)
}

/// What a body says about the error, as far as it says it.
struct Told {
    api_type: Option<String>,
    message: String,
    request_id: Option<String>,
}

impl Told {
    /// Reads the API's own shape, `{"error":{"message"}}`, `{"error":"text"}`, `{"message":"text"}`;
    /// quotes the beginning of anything else.
    fn read(body: &[u8]) -> Self {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let string = |value: &Value| value.as_str().map(str::to_owned);
        let error = &json["error"];
        let message =
            string(&error["message"]).or_else(|| string(error)).or_else(|| string(&json["message"]));
        Self {
            api_type: string(&error["type"]),
            message: message.map_or_else(|| excerpt(body), |message| bounded(message.chars(), MESSAGE)),
            request_id: string(&json["request_id"]),
        }
    }

    fn message(&self, title: &str) -> String {
        let mut message = bounded(title.chars(), EXCERPT);
        if !self.message.is_empty() {
            message = message + ": " + &self.message;
        }
        if let Some(id) = &self.request_id {
            message = message + " (request " + &bounded(id.chars(), EXCERPT) + ")";
        }
        message
    }

    fn into_response(self, status: StatusCode, headers: HeaderMap, body: Bytes) -> ErrorResponse {
        // A slice of a larger body would keep all of it alive.
        let body = if body.len() > KEPT_BODY { Bytes::copy_from_slice(&body[..KEPT_BODY]) } else { body };
        ErrorResponse { status, headers, body, api_type: self.api_type, request_id: self.request_id }
    }
}

/// The beginning of a body on one line: white space collapsed, control characters out of a terminal's way.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(KEPT_BODY)]);
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let spaced = words.flat_map(|word| " ".chars().chain(word.chars())).skip(1);
    bounded(spaced, EXCERPT)
}

/// At most `limit` characters, the last one an ellipsis where there were more.
fn bounded(characters: impl Iterator<Item = char>, limit: usize) -> String {
    let mut text: String = String::new();
    let mut characters = characters.fuse();
    text.extend(characters.by_ref().take(limit));
    if characters.next().is_some() {
        text.pop();
        text.push('…');
    }
    text
}
