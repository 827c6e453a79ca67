//! Looks at an event's data: one pass that proves it is JSON and finds its `type`.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// What an event of the Messages API is, as far as the stream's rules care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `message_start`.
    MessageStart,
    /// `message_stop`.
    MessageStop,
    /// `ping`.
    Ping,
    /// `error`.
    Error,
    /// Any other type, also one that nobody knows yet.
    Other,
    /// No object, or one without a `type` that is a string.
    Untyped,
}

impl Kind {
    /// The kind that this name stands for.
    pub fn named(name: &[u8]) -> Self {
        match name {
            b"message_start" => Self::MessageStart,
            b"message_stop" => Self::MessageStop,
            b"ping" => Self::Ping,
            b"error" => Self::Error,
            b"" => Self::Untyped,
            _ => Self::Other,
        }
    }
}

/// Where data stopped being JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not JSON from byte {offset}")]
pub struct NotJson {
    /// Bytes before the first that cannot be.
    pub offset: usize,
}

/// Accepts exactly what `JSON.parse` accepts, so that a batch of checked events is a JSON array.
pub fn inspect(data: &str) -> Result<Kind, NotJson> {
    let mut json = serde_json::Deserializer::from_str(data);
    let kind = Top::deserialize(&mut json).and_then(|top| json.end().map(|()| top.0));
    kind.map_err(|error| NotJson { offset: offset(data, error.line(), error.column()) })
}

/// serde_json counts lines and columns from 1, columns in bytes; a line break is its line's last byte.
fn offset(data: &str, line: usize, column: usize) -> usize {
    let before: usize = data.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(data.len())
}

struct Top(Kind);

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TopVisitor).map(Top)
    }
}

/// Objects are looked into; everything else only has to be JSON.
struct TopVisitor;

impl<'de> Visitor<'de> for TopVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
        let mut kind = Kind::Untyped;
        while let Some(is_type) = map.next_key_seed(IsType)? {
            // The last of several counts, as in JSON.parse.
            if is_type {
                kind = map.next_value_seed(TypeName)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(kind)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Kind, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Kind::Untyped)
    }

    fn visit_str<E>(self, _: &str) -> Result<Kind, E> {
        Ok(Kind::Untyped)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Kind, E> {
        Ok(Kind::Untyped)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Kind, E> {
        Ok(Kind::Untyped)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Kind, E> {
        Ok(Kind::Untyped)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Kind, E> {
        Ok(Kind::Untyped)
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Untyped)
    }
}

/// Reads a key as bytes: V8 allows a lone surrogate in it, a Rust string does not.
struct IsType;

impl<'de> DeserializeSeed<'de> for IsType {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for IsType {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E>(self, key: &[u8]) -> Result<bool, E> {
        Ok(key == b"type")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == "type")
    }
}

/// Reads the value of `type` where it lies; anything that is no string has no kind.
struct TypeName;

impl<'de> DeserializeSeed<'de> for TypeName {
    type Value = Kind;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
        let raw = <&serde_json::value::RawValue>::deserialize(deserializer)?.get();
        let Some(name) = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) else {
            return Ok(Kind::Untyped);
        };
        if !name.contains('\\') {
            return Ok(Kind::named(name.as_bytes()));
        }
        // Escapes in a type are legal and unheard of; a lone surrogate is no known type.
        Ok(serde_json::from_str::<String>(raw).map_or(Kind::Other, |name| Kind::named(name.as_bytes())))
    }
}
