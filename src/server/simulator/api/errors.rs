//! The error bodies of the API, by status.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

/// `error.type` and a plausible message of a status.
fn described(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        401 => ("authentication_error", "invalid x-api-key"),
        402 => ("billing_error", "Your credit balance is too low"),
        403 => ("permission_error", "Your API key does not have permission to use the specified resource"),
        404 => ("not_found_error", "Not found"),
        405 => ("invalid_request_error", "Method Not Allowed"),
        408 | 504 => ("timeout_error", "The request timed out"),
        409 => ("invalid_request_error", "Conflict"),
        413 => ("request_too_large", "Request exceeds the maximum size"),
        422 => ("invalid_request_error", "Unprocessable request"),
        429 => ("rate_limit_error", "Number of requests has exceeded your rate limit"),
        529 => ("overloaded_error", "Overloaded"),
        500..=599 => ("api_error", "Internal server error"),
        _ => ("invalid_request_error", "Invalid request"),
    }
}

/// The body of an answer of this status.
pub(in super::super) fn error_body(status: StatusCode, message: Option<&str>, request_id: &str) -> Bytes {
    let (kind, usual) = described(status);
    let mut body = error(kind, message.unwrap_or(usual));
    body["request_id"] = Value::from(request_id);
    body.to_string().into()
}

/// The `error` event of a stream.
pub(in super::super) fn error_frame(kind: &str, message: &str) -> Bytes {
    format!("event: error\ndata: {}\n\n", error(kind, message)).into()
}

fn error(kind: &str, message: &str) -> Value {
    json!({ "type": "error", "error": { "type": kind, "message": message } })
}
