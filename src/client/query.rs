//! Query parameters: nested objects and arrays in brackets, as qs and axios write them.

use serde_json::Value;
use url::{Url, form_urlencoded};

use super::fields::wrong;
use crate::{Result, request::display_url};

/// Parameters as a query.
///
/// `{a: [1, 2], b: {c: 'x'}, d: null}` becomes `a[]=1&a[]=2&b[c]=x`: `null` is left out, a date is the
/// ISO text that JSON makes of it. A string is a query that somebody already encoded.
pub(super) fn encode(params: &Value) -> Result<String> {
    match params {
        Value::Null => Ok(String::new()),
        Value::String(query) => Ok(query.strip_prefix('?').unwrap_or(query).to_owned()),
        Value::Object(fields) => {
            let mut query = form_urlencoded::Serializer::new(String::new());
            for (name, value) in fields {
                write(&mut query, name, value);
            }
            Ok(query.finish())
        }
        other => Err(wrong("params", "an object, a string or URLSearchParams", other)),
    }
}

/// Appends to whatever query the URL already has; its fragment stays.
pub(super) fn append(url: &mut Url, added: &str) {
    if added.is_empty() {
        return;
    }
    match url.query() {
        None | Some("") => url.set_query(Some(added)),
        Some(present) => {
            let query = format!("{present}&{added}");
            url.set_query(Some(&query));
        }
    }
    debug_assert!(!display_url(url).contains('?'));
}

fn write(query: &mut form_urlencoded::Serializer<'_, String>, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => {
            query.append_pair(name, if *flag { "true" } else { "false" });
        }
        Value::Number(number) => {
            query.append_pair(name, &number.to_string());
        }
        Value::String(text) => {
            query.append_pair(name, text);
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                // An object in a list needs its place, or its fields could not be told from the next one's.
                let nested = item.is_object() || item.is_array();
                write(query, &if nested { format!("{name}[{index}]") } else { format!("{name}[]") }, item);
            }
        }
        Value::Object(fields) => {
            for (key, item) in fields {
                write(query, &format!("{name}[{key}]"), item);
            }
        }
    }
}
