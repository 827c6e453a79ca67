//! What a line says. Names are those of pino and its loggers of HTTP where they have one; what is not known is left
//! out.

use std::time::Duration;

use bytes::Bytes;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{
    content::{self, By, Media},
    options::LoggerOptions,
};
use crate::{
    Error,
    body::Body,
    claude::Usage,
    redact::Rules,
    request::{CallId, Caller, CallerRequestId, Request},
    response::{Cached, Conceal, Response},
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
    caller: Option<String>,
    #[serde(rename = "requestId", skip_serializing_if = "Option::is_none")]
    caller_request_id: Option<String>,
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
    /// Where it came from, with a cache on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<&'static str>,
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
    media: Media,
    #[serde(skip)]
    conceal: Option<Conceal>,
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
        let by = By { rules, conceal: None };
        Self {
            id: req.extensions.get::<CallId>().map(|id| id.number()),
            method: req.method.as_str().to_owned(),
            url: rules.url(&req.url),
            attempt: req.attempt,
            caller: req.extensions.get::<Caller>().map(|Caller(name)| name.to_string()),
            caller_request_id: CallerRequestId::of(&req.extensions).map(str::to_owned),
            headers: options.headers.then(|| content::headers(&req.headers, by)),
            body: match &req.body {
                Body::Full(body) => content::body(body, Media::of(&req.headers), options, by),
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
        let conceal = res.extensions.get::<Conceal>().cloned();
        let by = By { rules, conceal: conceal.as_ref() };
        let request_id = res.headers.get("request-id").and_then(|id| id.to_str().ok());
        Self {
            status_code: res.status.as_u16(),
            cache: res.extensions.get::<Cached>().map(|cached| cached.name()),
            headers: options.headers.then(|| content::headers(&res.headers, by)),
            body: None,
            attempts: res.attempts,
            request_id: request_id.map(|id| rules.text(id).into_owned()),
            first_byte: res.timing.first_byte,
            media: Media::of(&res.headers),
            conceal,
        }
    }

    pub fn keep(&mut self, content: &Bytes, options: &LoggerOptions, rules: &Rules) {
        let by = By { rules, conceal: self.conceal.as_ref() };
        self.body = content::body(content, self.media, options, by);
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

/// With microseconds, which is as much as a clock knows here.
fn ms<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64((duration.as_secs_f64() * 1e6).round() / 1e3)
}

#[expect(clippy::ref_option, reason = "serde hands over a reference")]
fn some_ms<S: Serializer>(duration: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    ms(&duration.unwrap_or_default(), to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, Phase, middleware::logger::options::OWN_FIELDS};

    #[test]
    fn the_fields_that_a_line_has_itself_are_known_by_name() {
        let streamed = Streamed { events: 1, first_event: Some(Duration::ZERO), left: true };
        let answered = Answered {
            status_code: 200,
            cache: None,
            headers: None,
            body: None,
            attempts: 1,
            request_id: None,
            first_byte: None,
            media: Media::Other,
            conceal: None,
        };
        let asked = Asked {
            id: None,
            method: String::new(),
            url: String::new(),
            attempt: 1,
            caller: None,
            caller_request_id: None,
            headers: None,
            body: None,
        };
        let line = Line {
            level: 30,
            time: 0,
            base: &Map::new(),
            asked: &asked,
            answered: Some(&answered),
            outcome: Some(Outcome {
                response_time: Duration::from_secs(7200),
                attempts: 1,
                request_id: Some(String::new()),
                first_byte: Some(Duration::ZERO),
                stream: Some(&streamed),
                usage: Some(Map::new()),
            }),
            failed: Some(Failed::of(&Error::new(ErrorKind::Reset, Phase::Body, ""), &Rules::default())),
            msg: String::new(),
        };
        let line: Map<String, Value> = serde_json::from_str(&line.to_json()).unwrap();
        assert_eq!(line.keys().collect::<Vec<_>>(), OWN_FIELDS);
        assert_eq!(line["responseTime"], 7_200_000.0, "hours are told too");
    }
}
