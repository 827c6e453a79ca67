//! Whether an event's data is one JSON value, and which kind of event it is: one pass, nothing is built.
//!
//! JavaScript parses the events of a batch as one array, so that this must accept exactly what its
//! `JSON.parse` accepts: lone surrogates, numbers beyond all range and any depth included. Hence no
//! value is converted: all are skipped, and names are compared as they are written.

use std::{borrow::Cow, fmt};

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{Deserializer, de::StrRead, value::RawValue};

use super::delta::Delta;

/// What an event's data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload {
    /// The kind that its `type` names.
    pub kind: Kind,
    /// Whether it has a `type` at all: an object with a string of that name.
    pub typed: bool,
}

/// The kinds of events that steer a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `message_start`: a message begins.
    MessageStart,
    /// `message_stop`: the message is complete.
    MessageStop,
    /// `ping`: a sign of life.
    Ping,
    /// `error`: the API gave up.
    Error,
    /// `completion`: a piece of a text completion, of the API before messages.
    Completion,
    /// Any other event, known or not, and anything that is no event.
    Other,
}

impl Kind {
    /// The kind that this name stands for.
    pub fn of(name: &str) -> Self {
        match name {
            "message_start" => Self::MessageStart,
            "message_stop" => Self::MessageStop,
            "ping" => Self::Ping,
            "error" => Self::Error,
            "completion" => Self::Completion,
            _ => Self::Other,
        }
    }
}

/// The data is not exactly one JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotJson {
    /// Where the first problem is, in bytes; the length of the data where it ends too early. Within a
    /// number or a `\u` escape it may be a few bytes off: these are read as a whole.
    pub offset: usize,
}

/// Reads an event's data. Of several `type` members the last counts, as in JavaScript.
pub fn inspect(data: &str) -> Result<Payload, NotJson> {
    if Delta::read(data).is_some() {
        return Ok(Payload { kind: Kind::Other, typed: true });
    }
    let mut json = Deserializer::from_str(data);
    read(&mut json, data).map_err(|error| NotJson { offset: offset(data, &error) })
}

fn read<'a>(json: &mut Deserializer<StrRead<'a>>, data: &'a str) -> serde_json::Result<Payload> {
    let is_object = data.trim_ascii_start().starts_with('{');
    let written = if is_object {
        json.deserialize_map(TypeMember)?
    } else {
        // The general path would convert numbers and strings, and refuse some that are JSON.
        json.deserialize_ignored_any(IgnoredAny)?;
        None
    };
    json.end()?;
    let name = written.and_then(text);
    Ok(Payload { kind: name.as_deref().map_or(Kind::Other, Kind::of), typed: written.is_some_and(is_string) })
}

/// Looks at every member of an object and keeps the value of the last `type`, as it is written.
struct TypeMember;

impl<'de> Visitor<'de> for TypeMember {
    type Value = Option<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut last = None;
        while let Some(name) = members.next_key::<&RawValue>()? {
            if text(name.get()).is_some_and(|name| name == "type") {
                last = Some(members.next_value::<&RawValue>()?.get());
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(last)
    }
}

fn is_string(json: &str) -> bool {
    json.starts_with('"')
}

/// The text of valid JSON, where it is a string. One with a lone surrogate is no text and no name we know.
fn text(json: &str) -> Option<Cow<'_, str>> {
    let content = json.strip_prefix('"')?.strip_suffix('"')?;
    if content.contains('\\') {
        serde_json::from_str(json).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(content))
    }
}

/// The parser counts lines, and bytes within a line up to and including the one it dislikes; of a raw
/// control character in a string, up to the byte before. What is good so far tells which it was.
fn offset(data: &str, error: &serde_json::Error) -> usize {
    if error.is_eof() {
        return data.len();
    }
    let lines = data.split_inclusive('\n').take(error.line().saturating_sub(1));
    let line_start: usize = lines.map(str::len).sum();
    let counted = (line_start + error.column()).saturating_sub(1);
    let is_good =
        |start: &str| read(&mut Deserializer::from_str(start), start).err().is_none_or(|e| e.is_eof());
    if data.get(..=counted).is_some_and(is_good) { counted + 1 } else { counted }
}
