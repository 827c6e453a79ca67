//! Credentials, kept out of what is told about a call: a server may repeat the key that it refuses.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use memchr::memmem;
use serde_json::Value;

pub use crate::redact::without_keys;
use crate::redact::{Rules, SHOWN_AS, patterns::replace, without_key_bytes};

/// Shorter values stand in ordinary words too.
const LEAST: usize = 8;

/// The credentials that a request was sent with, and what else is never shown of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets {
    values: Vec<HeaderValue>,
    rules: Option<Arc<Rules>>,
}

impl Secrets {
    /// Keeps the values that are marked as sensitive; a clone of one costs no copy.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let values = headers.values().filter(|value| value.is_sensitive()).cloned().collect();
        Self { values, rules: None }
    }

    /// By these rules too.
    pub(super) fn by(self, rules: Option<&Arc<Rules>>) -> Self {
        let rules = rules.filter(|rules| !rules.is_empty()).cloned();
        Self { rules, ..self }
    }

    pub(super) fn contains(&self, value: &HeaderValue) -> bool {
        self.values.contains(value)
    }

    /// The text with none of them in it, nor anything else that looks like a key.
    pub(super) fn conceal(&self, text: Bytes) -> Bytes {
        let mut concealed = text;
        for needle in self.needles() {
            if let Some(text) = replaced(&concealed, &needle) {
                concealed = text.into();
            }
        }
        let concealed = match without_key_bytes(&concealed) {
            Cow::Borrowed(_) => concealed,
            Cow::Owned(text) => text.into(),
        };
        let (Some(rules), Ok(text)) = (&self.rules, std::str::from_utf8(&concealed)) else {
            return concealed;
        };
        match rules.text(text) {
            Cow::Borrowed(_) => concealed,
            Cow::Owned(text) => text.into(),
        }
    }

    /// The body of an error without them. JSON can write a text in many ways, so that its texts are looked at and
    /// not its bytes.
    pub(super) fn conceal_body(&self, body: Bytes) -> Bytes {
        let Ok(mut json) = serde_json::from_slice::<Value>(&body) else { return self.conceal(body) };
        let mut changed = false;
        for path in self.rules.iter().flat_map(|rules| &rules.paths) {
            changed |= path.redact(&mut json);
        }
        self.walk(&mut json, &mut changed);
        if changed { json.to_string().into() } else { body }
    }

    fn walk(&self, json: &mut Value, changed: &mut bool) {
        match json {
            Value::String(text) => {
                let concealed = self.conceal(Bytes::copy_from_slice(text.as_bytes()));
                if *concealed != *text.as_bytes() {
                    *text = String::from_utf8_lossy(&concealed).into_owned();
                    *changed = true;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item, changed)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.walk(field, changed)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The same for the headers of an answer.
    pub(super) fn conceal_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in headers.iter_mut() {
            if self.rules.as_ref().is_some_and(|rules| rules.headers.contains(name)) {
                *value = HeaderValue::from_static(SHOWN_AS);
                continue;
            }
            let concealed = self.conceal(Bytes::copy_from_slice(value.as_bytes()));
            if concealed != *value.as_bytes()
                && let Ok(shown) = HeaderValue::from_maybe_shared(concealed)
            {
                *value = shown;
            }
        }
    }

    /// What to look for: whole values, what follows the scheme in `Bearer …`, each cookie's value, and how
    /// JSON would write them. The longest come first, lest a part of one be left beside its replacement.
    fn needles(&self) -> Vec<Vec<u8>> {
        let mut needles = Vec::new();
        for value in self.values.iter().map(HeaderValue::as_bytes) {
            let cookies = value.split(|byte| *byte == b';').filter_map(|pair| after(pair, b'='));
            for secret in [value].into_iter().chain(after(value, b' ')).chain(cookies) {
                if secret.len() >= LEAST {
                    needles.extend(in_json(secret));
                    needles.push(secret.to_vec());
                }
            }
        }
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
        needles
    }
}

fn after(text: &[u8], mark: u8) -> Option<&[u8]> {
    text.iter().position(|byte| *byte == mark).map(|at| &text[at + 1..])
}

/// How the value stands in a JSON text, where that is another way.
fn in_json(secret: &[u8]) -> Option<Vec<u8>> {
    let written = serde_json::to_string(std::str::from_utf8(secret).ok()?).ok()?;
    let written = written.as_bytes().strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    (written != secret).then(|| written.to_vec())
}

fn replaced(text: &[u8], needle: &[u8]) -> Option<Vec<u8>> {
    let places = memmem::find_iter(text, needle).map(|at| (at, at + needle.len()));
    replace(text, places)
}
