//! Headers as the caller gives them: checked, caseless, removable.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Value;

use super::fields::wrong;
use crate::{Error, Result, request::CREDENTIALS};

/// Headers that are ours to write: they frame the message, and a wrong one would split it.
const FRAMING: [HeaderName; 5] =
    [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::TE, header::TRAILER];

/// Lays the caller's headers over the ones that are there; `null` removes one, a list repeats one.
pub(super) fn apply(headers: &mut HeaderMap, given: &Value) -> Result<()> {
    let fields = match given {
        Value::Null => return Ok(()),
        Value::Object(fields) => fields,
        other => return Err(wrong("headers", "an object of strings", other)),
    };
    for (name, value) in fields {
        let key = self::name(name)?;
        headers.remove(&key);
        match value {
            Value::Null => {}
            Value::Array(values) => {
                for value in values {
                    headers.append(&key, self::value(&key, value)?);
                }
            }
            single => {
                headers.insert(&key, self::value(&key, single)?);
            }
        }
    }
    Ok(())
}

fn name(text: &str) -> Result<HeaderName> {
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| {
        Error::config(format!(
            "{text:?} is not a header name: only letters, digits and !#$%&'*+-.^_`|~ may stand in one"
        ))
    })?;
    if FRAMING.contains(&name) {
        return Err(Error::config(format!("the header {name} is written by the transport and can't be set")));
    }
    Ok(name)
}

fn value(name: &HeaderName, given: &Value) -> Result<HeaderValue> {
    let text = match given {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        other => {
            return Err(wrong(&format!("headers['{name}']"), "a string, a number or a list of them", other));
        }
    };
    // Characters up to U+00FF travel as one byte each, which is what fetch does.
    let latin1: Option<Vec<u8>> = text.trim().chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    let mut value = latin1.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok()).ok_or_else(|| {
        Error::config(format!("the value of header {name} has a character that may not be sent (a line break, a control character or one beyond U+00FF)"))
    })?;
    value.set_sensitive(CREDENTIALS.contains(&name.as_str()));
    Ok(value)
}
