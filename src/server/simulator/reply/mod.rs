//! One scripted answer, as its author writes it; `prepared` checks it and prebuilds its bytes.

mod brotli;
mod encode;
mod events;
mod prepared;

use std::{collections::BTreeMap, io};

use serde::Deserialize;
use serde_json::Value;

pub(super) use encode::Encoder;
pub(super) use events::Made;
pub(super) use prepared::{Content, CutAt, HangAt, Prepared};

use super::options::read;

/// What to answer and how. Every field may be left out; none at all gives a made-up answer that
/// depends on the prompt. At most one of `body`, `body_base64`, `raw`, `raw_base64`, `transcript`,
/// `text`, `events`, `sse` and `echo` says what the answer consists of.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Reply {
    /// Which requests it is for. Default: all.
    pub r#match: Match,
    /// How many requests it serves; 0 is for ever. Default 1.
    pub times: Option<u32>,
    /// The status. Default 200. From 400 on, an answer without content gets the API's error body.
    pub status: Option<u16>,
    /// Headers to set; `null` takes one away.
    pub headers: BTreeMap<String, Option<HeaderText>>,
    /// A JSON value, or a string that is sent as it is.
    pub body: Option<Value>,
    /// Any bytes as the body.
    pub body_base64: Option<String>,
    /// Written on the connection in place of an HTTP answer; then the connection ends. HTTP/1 only.
    pub raw: Option<String>,
    /// The same for any bytes.
    pub raw_base64: Option<String>,
    /// Server-sent events by their JSON data; the event's name is its `type`.
    pub transcript: Option<Transcript>,
    /// The text of the model's answer, streamed word by word where the request asks for a stream.
    pub text: Option<String>,
    /// A stream of so many made-up text deltas.
    pub events: Option<usize>,
    /// A literal server-sent events body.
    pub sse: Option<String>,
    /// Answer with what was received, as JSON.
    pub echo: bool,
    /// Each made-up delta carries the time of its writing: 20 digits, µs since the Unix epoch.
    pub stamp: bool,
    /// How long to wait before the headers, in ms.
    pub delay_ms: u64,
    /// Write apart, so many ms after one another; 0 still flushes every write by itself.
    pub pace_ms: Option<u64>,
    /// The same in µs. The clock ticks in ms: due writes go out together, at the right mean rate.
    pub pace_us: Option<u64>,
    /// Events in one write. Default 1.
    pub events_per_write: Option<usize>,
    /// Cut the body into pieces of this size, each flushed by itself.
    pub bytes_per_write: Option<usize>,
    /// Compress the body; a stream is flushed with every write.
    pub encoding: Option<Encoding>,
    /// Stop after so many bytes of the body, as sent.
    pub cut_after_bytes: Option<u64>,
    /// Stop after so many events.
    pub cut_after_events: Option<usize>,
    /// How to stop. Default `close`.
    pub cut: Option<Cut>,
    /// Fall silent until the client leaves or the simulator closes.
    pub hang: Option<Hang>,
    /// Fall silent after so many events.
    pub hang_after_events: Option<usize>,
    /// End a stream with an `error` event.
    pub error_at: Option<ErrorAt>,
    /// How to read the request's body: `true` (the default) wholly before the answer.
    pub read_body: ReadBody,
}

/// Which requests a reply is for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// The method, in any case.
    pub method: Option<String>,
    /// The path without its query; with a `?`, path and query; ending in `*`, a prefix.
    pub path: Option<String>,
}

/// One value of a header, or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum HeaderText {
    /// One.
    One(String),
    /// One line each.
    Many(Vec<String>),
}

/// Where a transcript comes from.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Transcript {
    /// The path of a file with one JSON event in each line.
    Path(String),
    /// The events: JSON as text, sent as it is, or JSON values.
    Events(Vec<Value>),
}

/// Compressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// gzip
    Gzip,
    /// Brotli
    Br,
    /// Zstandard
    Zstd,
    /// zlib, which is what HTTP calls deflate
    Deflate,
}

/// How a body that is cut ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cut {
    /// The connection is closed; the body has no end.
    #[default]
    Close,
    /// The connection is reset.
    Reset,
    /// The body ends as if that were all.
    End,
}

/// Where an answer falls silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hang {
    /// Nothing is answered.
    Headers,
    /// The headers are, the body is not.
    Body,
}

/// An error inside a stream.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorAt {
    /// How many events come before it.
    pub index: usize,
    /// `error.type`. Default `overloaded_error`.
    #[serde(default = "overloaded")]
    pub r#type: String,
    /// `error.message`. Default `Overloaded`.
    #[serde(default = "overloaded_message")]
    pub message: String,
}

fn overloaded() -> String {
    "overloaded_error".to_owned()
}

fn overloaded_message() -> String {
    "Overloaded".to_owned()
}

/// How the request's body is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub enum ReadBody {
    /// `true`: all of it, before the answer.
    #[default]
    Whole,
    /// `false`: not at all.
    Never,
    /// `"slow"`: 64 KiB each 50 ms, before the answer.
    Slow,
}

impl TryFrom<Value> for ReadBody {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match value {
            Value::Bool(true) => Ok(Self::Whole),
            Value::Bool(false) => Ok(Self::Never),
            Value::String(text) if text == "slow" => Ok(Self::Slow),
            _ => Err("`readBody` must be true, false or \"slow\""),
        }
    }
}

impl Reply {
    /// An answer of this text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    /// An answer of this status, with the API's error body from 400 on.
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// Reads one reply from JSON; the error names the wrong field.
    pub fn parse(json: &str) -> io::Result<Self> {
        read("reply", json)
    }

    /// Reads one reply, or an array of them.
    pub fn list(json: &str) -> io::Result<Vec<Self>> {
        if json.trim_start().starts_with('[') { read("replies", json) } else { Ok(vec![Self::parse(json)?]) }
    }
}
