//! What a line says. Names are those of pino and its loggers of HTTP where they have one; what is not known is left
//! out.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::options::LoggerOptions;
use crate::{
    Error,
    body::Body,
    claude::Usage,
    redact::Rules,
    request::{CallId, Request},
    response::Response,
};

/// A line.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    pub level: u8,
    /// Milliseconds since 1970.
    pub time: u64,
    #[serde(flatten)]
    pub base: &'a Map<String, Value>,
    #[serde(rename = "req")]
    pub asked: &'a Asked,
    #[serde(rename = "res", skip_serializing_if = "Option::is_none")]
    pub answered: Option<&'a Answered>,
    #[serde(flatten)]
    pub outcome: Option<Outcome<'a>>,
    #[serde(rename = "err", skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
    pub msg: String,
}

/// The request.
#[derive(Clone, Serialize)]
pub(super) struct Asked {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    method: String,
    url: String,
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answered {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    #[serde(skip)]
    pub attempts: u32,
    #[serde(skip)]
    pub request_id: Option<String>,
    #[serde(skip)]
    pub first_byte: Option<Duration>,
    #[serde(skip)]
    is_json: bool,
}

/// What a call took.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome<'a> {
    #[serde(serialize_with = "ms")]
    pub response_time: Duration,
    pub attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(rename = "firstByteMs", skip_serializing_if = "Option::is_none", serialize_with = "some_ms")]
    pub first_byte: Option<Duration>,
    #[serde(flatten)]
    pub stream: Option<&'a Streamed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Map<String, Value>>,
}

/// What came of a stream.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Streamed {
    pub events: usize,
    #[serde(rename = "firstEventMs", skip_serializing_if = "Option::is_none", serialize_with = "some_ms")]
    pub first_event: Option<Duration>,
    /// Its reader went before its end.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub left: bool,
}

/// The failure.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failed {
    /// The API's type of error, or our code.
    r#type: String,
    message: String,
    code: &'static str,
    phase: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    retryable: bool,
    #[serde(rename = "retryAfterMs", skip_serializing_if = "Option::is_none", serialize_with = "some_ms")]
    retry_after: Option<Duration>,
    #[serde(skip)]
    pub request_id: Option<String>,
}

impl Line<'_> {
    pub fn to_json(&self) -> String {
        // Of texts and numbers alone, it can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Asked {
    pub fn of(req: &Request, options: &LoggerOptions, rules: &Rules) -> Self {
        Self {
            id: req.extensions.get::<CallId>().map(|id| id.number()),
            method: req.method.as_str().to_owned(),
            url: rules.url(&req.url),
            attempt: req.attempt,
            headers: options.headers.then(|| shown(&req.headers, rules)),
            body: match &req.body {
                Body::Full(content) => content_of(content, is_json(&req.headers), options, rules),
                Body::Empty | Body::Stream(_) | Body::Events(_) => None,
            },
        }
    }

    /// "POST http://h/v1/messages"
    pub fn words(&self) -> String {
        format!("{} {}", self.method, self.url)
    }
}

impl Answered {
    pub fn of(res: &Response, options: &LoggerOptions, rules: &Rules) -> Self {
        let request_id = res.headers.get("request-id").and_then(|id| id.to_str().ok());
        Self {
            status_code: res.status.as_u16(),
            headers: options.headers.then(|| shown(&res.headers, rules)),
            body: None,
            attempts: res.attempts,
            request_id: request_id.map(|id| rules.text(id).into_owned()),
            first_byte: res.timing.first_byte,
            is_json: is_json(&res.headers),
        }
    }

    pub fn keep(&mut self, content: &Bytes, options: &LoggerOptions, rules: &Rules) {
        self.body = content_of(content, self.is_json, options, rules);
    }

    pub fn status(&self) -> u16 {
        self.status_code
    }
}

/// Tokens, as the API calls them; `None` where nothing was told.
pub(super) fn told(usage: Usage) -> Option<Map<String, Value>> {
    let Usage { input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens } = usage;
    let told: Map<String, Value> = [
        ("input_tokens", input_tokens),
        ("output_tokens", output_tokens),
        ("cache_read_input_tokens", cache_read_input_tokens),
        ("cache_creation_input_tokens", cache_creation_input_tokens),
    ]
    .into_iter()
    .filter_map(|(name, tokens)| Some((name.to_owned(), tokens?.into())))
    .collect();
    (!told.is_empty()).then_some(told)
}

impl Failed {
    pub fn of(error: &Error, rules: &Rules) -> Self {
        let response = error.response();
        let api_type = response.and_then(|response| response.api_type.as_deref());
        let request_id = response.and_then(|response| response.request_id.as_deref());
        Self {
            r#type: rules.text(api_type.unwrap_or(error.code())).into_owned(),
            message: rules.text(error.message()).into_owned(),
            code: error.code(),
            phase: error.phase().name(),
            status: error.status(),
            retryable: error.is_retryable(),
            retry_after: error.retry_after(),
            request_id: request_id.map(|id| rules.text(id).into_owned()),
        }
    }

    /// "429 RATE_LIMIT", or the code alone.
    pub fn words(&self) -> String {
        match self.status {
            Some(status) => format!("{status} {}", self.code),
            None => self.code.to_owned(),
        }
    }
}

/// One value of each header, as a logger shows them; of several the values are joined.
fn shown(headers: &HeaderMap, rules: &Rules) -> Map<String, Value> {
    headers
        .keys()
        .map(|name| {
            let values: Vec<_> =
                headers.get_all(name).iter().map(|value| rules.header(name, value)).collect();
            (name.as_str().to_owned(), values.join(", ").into())
        })
        .collect()
}

/// A body as far as it is asked for: JSON as what it is, other text as text; what is too long by its size.
fn content_of(content: &Bytes, is_json: bool, options: &LoggerOptions, rules: &Rules) -> Option<Value> {
    let most = options.bodies.filter(|_| !content.is_empty())?;
    if content.len() > most {
        return Some(format!("[{} bytes]", content.len()).into());
    }
    if is_json && let Ok(mut json) = serde_json::from_slice::<Value>(content) {
        rules.json(&mut json);
        return Some(json);
    }
    Some(match std::str::from_utf8(content) {
        Ok(text) => rules.text(text).into(),
        Err(_) => format!("[{} bytes]", content.len()).into(),
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let media = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    media.windows(4).any(|part| part.eq_ignore_ascii_case(b"json"))
}

/// With microseconds, which is as much as a clock knows here.
fn ms<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    let micros = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
    to.serialize_f64(f64::from(micros) / 1000.0)
}

#[expect(clippy::ref_option, reason = "serde hands over a reference")]
fn some_ms<S: Serializer>(duration: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    ms(&duration.unwrap_or_default(), to)
}
