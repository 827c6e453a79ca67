//! Credentials, kept out of what is told about a call: a server may repeat the key that it refuses.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use memchr::memmem;
use serde_json::Value;
use url::{Url, form_urlencoded};

pub use crate::redact::without_keys;
use crate::redact::{
    Rules, SHOWN_AS,
    json::{self, Content},
    names::is_secret,
    patterns::replace,
    rename, without_key_bytes,
};

/// Shorter values stand in ordinary words too.
const LEAST: usize = 8;

/// The credentials that a request was sent with, and what else is never shown of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets {
    values: Vec<HeaderValue>,
    /// Values of parameters of the query: as they are meant, and as they are written.
    params: Vec<String>,
    rules: Option<Arc<Rules>>,
}

impl Secrets {
    /// Keeps the values that are marked as sensitive; a clone of one costs no copy.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let values = headers.values().filter(|value| value.is_sensitive()).cloned().collect();
        Self { values, params: Vec::new(), rules: None }
    }

    /// By these rules too.
    pub(super) fn by(self, rules: Option<&Arc<Rules>>) -> Self {
        let rules = rules.filter(|rules| !rules.is_empty()).cloned();
        Self { rules, ..self }
    }

    /// And those that stand in the query, by their names.
    pub(super) fn and_query(mut self, url: &Url) -> Self {
        for pair in url.query().unwrap_or_default().split('&') {
            let Some((name, value)) = form_urlencoded::parse(pair.as_bytes()).next() else { continue };
            let named = is_secret(&name) || self.rules.as_ref().is_some_and(|rules| rules.names(&name));
            if named && value.len() >= LEAST {
                // A space is written in two ways.
                let written = pair.split_once('=').map_or("", |(_, written)| written);
                let spellings = [written.to_owned(), written.replace('+', "%20")];
                self.params.extend(spellings.into_iter().filter(|spelling| *spelling != value));
                self.params.push(value.into_owned());
            }
        }
        self
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
        let mut values = match json::read(&body, false) {
            Content::One(value) => vec![value],
            Content::Many(values) => values,
            Content::Unreadable => return json::unreadable(body.len()).into(),
            Content::Text => return self.conceal(body),
        };
        let mut changed = false;
        for value in &mut values {
            for path in self.rules.iter().flat_map(|rules| &rules.paths) {
                changed |= path.redact(value);
            }
            self.walk(value, &mut changed);
        }
        // Of a name that stands there twice only the last was looked at, and the first may be written by escapes.
        let changed = changed || body.contains(&b'\\') || self.conceal(body.clone()) != body;
        if changed { json::lines(&values).into() } else { body }
    }

    fn walk(&self, json: &mut Value, changed: &mut bool) {
        match json {
            Value::String(text) => {
                if let Cow::Owned(concealed) = self.conceal_text(text) {
                    *text = concealed;
                    *changed = true;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item, changed)),
            Value::Object(fields) => {
                fields.values_mut().for_each(|field| self.walk(field, changed));
                *changed |= rename(fields, |name| self.conceal_text(name));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn conceal_text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let concealed = self.conceal(Bytes::copy_from_slice(text.as_bytes()));
        if *concealed == *text.as_bytes() {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(String::from_utf8_lossy(&concealed).into_owned())
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
        for secret in self.params.iter().map(String::as_bytes) {
            needles.extend(in_json(secret));
            needles.push(secret.to_vec());
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
