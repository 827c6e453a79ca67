//! Headers as the caller gives them: checked, caseless, removable.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Value;

use super::{fields::wrong, secrets::without_keys};
use crate::{Error, Result, request::is_credential};

/// Headers that are ours to write: they frame the message, and a wrong one would split it.
const FRAMING: [HeaderName; 5] =
    [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::TE, header::TRAILER];

/// What may stand in a header's name besides letters and digits.
const MARKS: &str = "!#$%&'*+-.^_`|~";

/// Lays the caller's headers over the ones that are there; `null` removes one, a list repeats one.
pub(super) fn apply(headers: &mut HeaderMap, given: &Value) -> Result<()> {
    let fields = match given {
        Value::Null => return Ok(()),
        Value::Object(fields) => fields,
        other => return Err(wrong("headers", "an object of strings", other)),
    };
    for (name, value) in fields {
        let key = self::name(name, "headers")?;
        headers.remove(&key);
        match value {
            Value::Null => {}
            Value::Array(values) => {
                for value in values {
                    headers.try_append(&key, self::value(&key, value)?).map_err(|_| too_many())?;
                }
            }
            single => {
                headers.try_insert(&key, self::value(&key, single)?).map_err(|_| too_many())?;
            }
        }
    }
    Ok(())
}

/// Lays headers that are checked already over the ones that are there.
pub(super) fn replace(headers: &mut HeaderMap, given: HeaderMap) {
    if headers.is_empty() {
        *headers = given;
        return;
    }
    for name in given.keys() {
        headers.remove(name);
    }
    // What has no name of its own belongs to the one before.
    let mut last = None;
    for (name, value) in given {
        last = name.or(last);
        if let Some(name) = &last {
            headers.append(name.clone(), value);
        }
    }
}

fn too_many() -> Error {
    Error::config("`headers` are too many: no server takes thousands")
}

/// The name of a header that may be set, as this option gives it.
pub(super) fn name(text: &str, option: &str) -> Result<HeaderName> {
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| Error::config(no_name(text, option)))?;
    if FRAMING.contains(&name) {
        let place = format!("{option}['{name}']");
        return Err(Error::config(format!("`{place}` is written by the transport and can't be set")));
    }
    Ok(name)
}

/// The name of a header that a middleware writes by itself: none that says where a request goes or how long it is.
pub(super) fn own_name(text: &str, option: &str) -> Result<HeaderName> {
    let name = name(text, option)?;
    if name == header::HOST || name == header::CONTENT_LENGTH {
        return Err(Error::config(format!(
            "`{option}` is '{name}', which says where a request goes or ends"
        )));
    }
    Ok(name)
}

/// What is wrong with a name, without the name: it may be a key that was pasted in the wrong place.
fn no_name(text: &str, option: &str) -> String {
    let length = text.chars().count();
    let bad = text.chars().enumerate().find(|(_, c)| !c.is_ascii_alphanumeric() && !MARKS.contains(*c));
    let why = match bad {
        Some((at, c)) => {
            format!("character {} is {}; only letters, digits and {MARKS} may stand in one", at + 1, kind(c))
        }
        None if length == 0 => "it is empty".to_owned(),
        None => "it is too long".to_owned(),
    };
    format!("a text of {length} characters in `{option}` is not a header name: {why}")
}

fn kind(c: char) -> &'static str {
    match c {
        ' ' => "a space",
        '\r' | '\n' => "a line break",
        ':' => "a colon",
        c if c.is_control() => "a control character",
        c if c.is_ascii() => "a punctuation mark",
        c if c.is_alphanumeric() => "no letter or digit of ASCII",
        _ => "beyond ASCII",
    }
}

fn value(name: &HeaderName, given: &Value) -> Result<HeaderValue> {
    let option = || format!("headers['{}']", without_keys(name.as_str()));
    let text = match given {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        other => return Err(wrong(&option(), "a string, a number, true, false or a list of them", other)),
    };
    // Characters up to U+00FF travel as one byte each, which is what fetch does.
    let latin1: Option<Vec<u8>> = text.trim().chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    let mut value = latin1.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok()).ok_or_else(|| {
        Error::config(format!(
            "`{}` has a character that may not be sent (a line break, a control character or one beyond U+00FF)",
            option()
        ))
    })?;
    value.set_sensitive(is_credential(name));
    Ok(value)
}
