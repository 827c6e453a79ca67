//! What a line shows of headers and bodies: JSON as what it is, a form by its names, other text as text.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use serde_json::{Map, Value};

use super::options::LoggerOptions;
use crate::{
    redact::{
        Rules,
        json::{Content, lines, read, unreadable},
    },
    response::Conceal,
};

/// What a body says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    Form,
    Other,
}

impl Media {
    pub fn of(headers: &HeaderMap) -> Self {
        let media = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let has = |word: &[u8]| media.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
        if has(b"json") {
            Self::Json
        } else if has(b"application/x-www-form-urlencoded") {
            Self::Form
        } else {
            Self::Other
        }
    }
}

/// A body as far as it is asked for; what is too long is told by its size.
pub(super) fn body(content: &Bytes, media: Media, options: &LoggerOptions, by: By<'_>) -> Option<Value> {
    let most = options.bodies.filter(|_| !content.is_empty())?;
    if content.len() > most {
        return Some(format!("[{} bytes]", content.len()).into());
    }
    let content = by.conceal.map_or_else(|| content.clone(), |conceal| conceal.apply(content.clone()));
    Some(shown(&content, media, by.rules))
}

fn shown(content: &[u8], media: Media, rules: &Rules) -> Value {
    if media == Media::Form {
        return rules.form(content).into();
    }
    match (read(content, media == Media::Json), std::str::from_utf8(content)) {
        (Content::One(mut json), _) => {
            rules.json(&mut json);
            json
        }
        (Content::Many(mut values), _) => {
            for json in &mut values {
                rules.json(json);
            }
            lines(&values).into()
        }
        (Content::Unreadable, _) => unreadable(content.len()).into(),
        (Content::Text, Ok(text)) => rules.text(text).into(),
        (Content::Text, Err(_)) => format!("[{} bytes]", content.len()).into(),
    }
}

/// What is kept out: by the rules, and what the request proved itself with.
#[derive(Clone, Copy)]
pub(super) struct By<'a> {
    pub rules: &'a Rules,
    pub conceal: Option<&'a Conceal>,
}

/// One value of each header, as a logger shows them; of several the values are joined.
pub(super) fn headers(headers: &HeaderMap, by: By<'_>) -> Map<String, Value> {
    let shown = |name| {
        let values = headers.get_all(name).iter().map(|value| {
            let concealed = concealed(value, by.conceal);
            by.rules.header(name, concealed.as_ref().unwrap_or(value)).into_owned()
        });
        (name.as_str().to_owned(), values.collect::<Vec<_>>().join(", ").into())
    };
    headers.keys().map(shown).collect()
}

/// Before the rules: of a key that they know in part the rest would be found by nobody.
fn concealed(value: &HeaderValue, conceal: Option<&Conceal>) -> Option<HeaderValue> {
    let shown = conceal?.apply(Bytes::copy_from_slice(value.as_bytes()));
    let mut shown = HeaderValue::from_maybe_shared(shown).ok()?;
    shown.set_sensitive(value.is_sensitive());
    Some(shown)
}
