//! What the proxy says itself, in the words and shapes of the API that it stands before.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde_json::json;

use super::{emit::AnswerBody, heads::REQUEST_ID};
use crate::{Error, ErrorKind, Phase};

pub(super) type Answer = Response<AnswerBody>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A refusal or a failure before anything was answered.
pub(super) struct Problem {
    pub status: StatusCode,
    pub message: String,
    pub retry_after: Option<std::time::Duration>,
    /// Whether the connection can't be used any more.
    pub closes: bool,
    /// Whether it never came to the engine.
    pub refuses: bool,
}

impl Problem {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), retry_after: None, closes: false, refuses: true }
    }

    /// It could be read in two ways, and so could what follows it.
    pub(super) fn closing(status: StatusCode, message: impl Into<String>) -> Self {
        Self { closes: true, ..Self::new(status, message) }
    }

    /// The answer that it is.
    pub(super) fn answer(self, request_id: &HeaderValue) -> Answer {
        let body = error_body(self.status, &self.message, request_id);
        let mut answer = whole(self.status, JSON, body);
        let headers = answer.headers_mut();
        headers.insert(REQUEST_ID, request_id.clone());
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"trae-native proxy\", charset=\"UTF-8\""),
            );
        }
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, after.as_millis().div_ceil(1000).to_string().parse().unwrap_or(ONE));
        }
        if self.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

const ONE: HeaderValue = HeaderValue::from_static("1");

/// What the engine says of a call that was not answered.
impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Status(status) => StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY),
            ErrorKind::Config | ErrorKind::RequestBody => StatusCode::BAD_REQUEST,
            // It has not been asked: there are too many.
            ErrorKind::Timeout if error.phase() == Phase::Queue => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::QueueFull => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Timeout | ErrorKind::StreamIdle => StatusCode::GATEWAY_TIMEOUT,
            ErrorKind::SessionBusy => StatusCode::CONFLICT,
            ErrorKind::CircuitOpen | ErrorKind::Store | ErrorKind::Credential => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            ErrorKind::Internal | ErrorKind::Middleware => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_GATEWAY,
        };
        let retry_after = error.retry_after();
        Self { status, message: error.message().to_owned(), retry_after, closes: false, refuses: false }
    }
}

/// `error.type` of the API for a status.
pub(super) fn api_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        503 | 529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}

fn error_body(status: StatusCode, message: &str, request_id: &HeaderValue) -> Bytes {
    let id = request_id.to_str().unwrap_or_default();
    let error = json!({ "type": api_type(status), "message": message });
    json!({ "type": "error", "error": error, "request_id": id }).to_string().into()
}

/// The event that ends a stream which has failed.
pub(super) fn error_event(error: &Error) -> Bytes {
    let status = Problem::from(error).status;
    event(api_type(status), error.message())
}

/// The event that ends a stream because the proxy does.
pub(super) fn stopping_event() -> Bytes {
    event("overloaded_error", "the proxy is stopping")
}

fn event(kind: &str, message: &str) -> Bytes {
    let error = json!({ "type": kind, "message": message });
    format!("event: error\ndata: {}\n\n", json!({ "type": "error", "error": error })).into()
}

/// An answer that is here.
pub(super) fn whole(status: StatusCode, media: HeaderValue, body: Bytes) -> Answer {
    let mut answer = Response::new(AnswerBody::whole(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, media);
    answer
}

/// The same, of what is other at the next moment.
pub(super) fn fleeting(status: StatusCode, media: HeaderValue, body: Bytes) -> Answer {
    let mut answer = whole(status, media, body);
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// The same, as JSON.
pub(super) fn told(value: &serde_json::Value) -> Answer {
    fleeting(StatusCode::OK, JSON, value.to_string().into())
}
