//! Requests and contents as a cassette has them: readable, the same each time, and without secrets.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderName, Method, header};
use serde_json::{Value, json};
use url::Url;

use super::super::secrets::Secrets;
use crate::redact::{
    Rules,
    json::{self, Content},
    names::is_secret,
};

/// What is shown of an exchange.
pub(super) struct Shown {
    pub rules: Arc<Rules>,
    pub secrets: Secrets,
}

/// What says how something was carried, and is another each time.
const OF_THE_WIRE: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::DATE,
    header::TRANSFER_ENCODING,
    header::ACCEPT_ENCODING,
    header::USER_AGENT,
    header::HOST,
];

/// A request.
pub(super) fn request(method: &Method, url: &Url, headers: &HeaderMap, body: &[u8], shown: &Shown) -> Value {
    let mut request = json!({
        "method": method.as_str(),
        "url": shown.text(&shown.rules.url(url)),
        "headers": self::headers(headers, shown),
    });
    if !body.is_empty() {
        request["body"] = sent(headers, body, shown);
    }
    request
}

fn sent(headers: &HeaderMap, body: &[u8], shown: &Shown) -> Value {
    let media = headers.get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    let media = media.to_ascii_lowercase();
    if media.starts_with("multipart/") {
        // Its boundary is another each time, and what its parts are called stands in none of our rules.
        return json!({ "multipart": true });
    }
    said(&media, body, shown)
}

/// A content by its media type, in lower case.
pub(super) fn said(media: &str, body: &[u8], shown: &Shown) -> Value {
    if media.starts_with("application/x-www-form-urlencoded") {
        return json!({ "text": shown.text(&shown.rules.form(body)) });
    }
    content(body, shown)
}

/// Sorted by their names.
pub(super) fn headers(headers: &HeaderMap, shown: &Shown) -> Value {
    let mut all = BTreeMap::<&str, Vec<String>>::new();
    for (name, value) in headers {
        if OF_THE_WIRE.contains(name) {
            continue;
        }
        all.entry(name.as_str()).or_default().push(shown.text(&shown.rules.header(name, value)));
    }
    all.into_iter()
        .map(|(name, mut values)| {
            let one = values.len() == 1;
            (name.to_owned(), if one { values.remove(0).into() } else { values.into() })
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// A content: as JSON where nothing of it is lost by that, as text, or as what is neither.
pub(super) fn content(bytes: &[u8], shown: &Shown) -> Value {
    let Ok(text) = std::str::from_utf8(bytes) else {
        let concealed = shown.secrets.conceal(Bytes::copy_from_slice(bytes));
        return json!({ "base64": STANDARD.encode(&concealed) });
    };
    match json::read(bytes, false) {
        Content::One(value) => {
            let plain =
                is_plain(&value) && serde_json::to_string(&value).is_ok_and(|written| written == text);
            let hidden = shown.json(value.clone());
            if plain || hidden != value {
                json!({ "json": hidden })
            } else {
                json!({ "text": shown.text(text) })
            }
        }
        Content::Many(values) => {
            let hidden: Vec<Value> = values.iter().cloned().map(|value| shown.json(value)).collect();
            let kept = hidden == values;
            json!({ "text": if kept { shown.text(text) } else { json::lines(&hidden) } })
        }
        Content::Unreadable => json!({ "text": json::unreadable(bytes.len()) }),
        Content::Text => json!({ "text": shown.text(text) }),
    }
}

/// Whether JavaScript, which reads cassettes, writes its numbers as they are written here.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            let is_float = number.is_f64();
            number.as_f64().is_some_and(|number| {
                number == 0.0 && !is_float && number.is_sign_positive()
                    || (1e-5..1e15).contains(&number.abs()) && !(is_float && number.fract() == 0.0)
            })
        }
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(fields) => fields.values().all(is_plain),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

impl Shown {
    /// By the rules in the bag, and without what these headers and this query say of who asks.
    pub fn of(headers: &HeaderMap, url: &Url, extensions: &Extensions) -> Self {
        let rules: Arc<Rules> = extensions.get().cloned().unwrap_or_default();
        let mut hidden = headers.clone();
        for (name, value) in &mut hidden {
            if rules.headers.contains(name) || is_secret(name.as_str()) {
                value.set_sensitive(true);
            }
        }
        let secrets = Secrets::of(&hidden).by(Some(&rules)).and_query(url);
        Self { rules, secrets }
    }

    pub fn text(&self, text: &str) -> String {
        let concealed = self.secrets.conceal(Bytes::copy_from_slice(text.as_bytes()));
        self.rules.text(&String::from_utf8_lossy(&concealed)).into_owned()
    }

    /// By names, places and looks; and whatever the request was sent with, that it may repeat.
    pub fn json(&self, mut value: Value) -> Value {
        self.rules.json(&mut value);
        let concealed = self.secrets.conceal_body(value.to_string().into());
        serde_json::from_slice(&concealed).unwrap_or(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        let shown = Shown { rules: Arc::default(), secrets: Secrets::default() };
        content(bytes, &shown).to_string()
    }

    #[test]
    fn a_content_is_json_where_it_can_be_written_again_as_it_was() {
        for (body, expected) in [
            (r#"{"b":1,"a":[true]}"#, r#"{"json":{"b":1,"a":[true]}}"#),
            (r#"{ "b": 1 }"#, r#"{"text":"{ \"b\": 1 }"}"#),
            (r#"{ "api_key": "abc" }"#, r#"{"json":{"api_key":"[redacted]"}}"#),
            ("{\"n\":12345678901234567890}", r#"{"text":"{\"n\":12345678901234567890}"}"#),
            ("{\"n\":1.0}", r#"{"text":"{\"n\":1.0}"}"#),
            ("plain sk-ant-api03-abcdef", r#"{"text":"plain [redacted]"}"#),
            ("{\"a\":1}\n{\"token\":\"abc\"}\n", r#"{"text":"{\"a\":1}\n{\"token\":\"[redacted]\"}"}"#),
        ] {
            assert_eq!(shown(body.as_bytes()), expected);
        }
    }

    #[test]
    fn what_is_no_text_is_base64() {
        for (bytes, text) in [(&[255_u8][..], "/w=="), (&[255, 0], "/wA="), (&[255, 0, 1], "/wAB")] {
            assert_eq!(shown(bytes), format!(r#"{{"base64":"{text}"}}"#));
        }
    }
}
