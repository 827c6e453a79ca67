//! What stands in a label: one of a bounded number of values, whatever callers and servers say.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

use crate::{Error, ErrorKind, partition::model_of, redact::Rules, request::Request};
use http::{Method, StatusCode};

/// The longest value that is learnt.
const LONGEST: usize = 100;

/// What stands for all that is beyond a bound.
pub(super) const OTHER: Value = Value::Word("other");

/// The values of a series by the places of their names.
pub(super) type Values = [Value; 4];

/// A label's value. Cheap to copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Value {
    /// The label is left out.
    #[default]
    Absent,
    Word(&'static str),
    Status(u16),
    Learnt(Arc<str>),
}

impl Value {
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Absent => None,
            Self::Word(word) => Some(Cow::Borrowed(word)),
            Self::Status(status) => Some(Cow::Owned(status.to_string())),
            Self::Learnt(text) => Some(Cow::Borrowed(text)),
        }
    }
}

/// The method; one that HTTP does not know is `other`.
pub(super) fn method(method: &Method) -> Value {
    const KNOWN: [&str; 9] = ["POST", "GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"];
    KNOWN.iter().find(|known| **known == method.as_str()).map_or(OTHER, |known| Value::Word(known))
}

pub(super) fn status(status: StatusCode) -> Value {
    Value::Status(status.as_u16())
}

/// The status that a failure has; what failed without one has the status `error`.
pub(super) fn status_of(error: ErrorKind) -> Value {
    match error {
        ErrorKind::Status(status) => Value::Status(status),
        _ => Value::Word("error"),
    }
}

/// How many attempts a layer has seen that `before` attempts had come to. An error that nobody has counted says 1,
/// one of before anything was sent 0.
pub(super) fn attempts_of(outcome: Result<u32, &Error>, before: u32) -> u32 {
    match outcome {
        Ok(attempts) => attempts.saturating_sub(before),
        Err(error) if error.attempts() == 0 => 0,
        Err(error) => error.attempts().saturating_sub(before).max(1),
    }
}

/// A label that is read out of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    /// `model` of a JSON body; what has none, or no such body, has an empty one.
    Model,
    /// The host that is called.
    Host,
}

impl Extra {
    /// Its name, in options and in labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Host => "host",
        }
    }
}

/// The values of a label that were seen: the first so many, each of which is kept; any other is `other`.
pub(super) struct Learnt {
    what: Extra,
    known: Box<[OnceLock<Arc<str>>]>,
}

impl Learnt {
    pub fn new(what: Extra, most: usize) -> Self {
        Self { what, known: (0..most).map(|_| OnceLock::new()).collect() }
    }

    pub fn name(&self) -> &'static str {
        self.what.name()
    }

    pub fn of(&self, req: &Request) -> Value {
        let rules = req.extensions.get::<Arc<Rules>>().map(|rules| &**rules);
        match self.what {
            Extra::Host => self.learn(req.url.host_str().unwrap_or_default(), rules),
            Extra::Model => self.learn(&model_of(&req.body).unwrap_or_default(), rules),
        }
    }

    fn learn(&self, text: &str, rules: Option<&Rules>) -> Value {
        if text.is_empty() {
            return Value::Word("");
        }
        let is_hidden = rules.is_some_and(|rules| matches!(rules.text(text), Cow::Owned(_)));
        if is_hidden || !is_name(text) {
            return OTHER;
        }
        for known in &self.known {
            let known = known.get_or_init(|| text.into());
            if &**known == text {
                return Value::Learnt(Arc::clone(known));
            }
        }
        OTHER
    }
}

/// Whether this may be the name of something. What looks like a key is not shown wherever it stands.
fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@-[]".contains(&byte);
    text.len() <= LONGEST && text.bytes().all(allowed) && !text.contains("sk-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Phase, body::Body};

    fn text(value: &Value) -> String {
        value.text().unwrap().into_owned()
    }

    #[test]
    fn a_method_of_http_is_itself_and_any_other_is_other() {
        for (given, expected) in
            [("POST", "POST"), ("DELETE", "DELETE"), ("BREW", "other"), ("post", "other")]
        {
            assert_eq!(text(&method(&given.parse().unwrap())), expected);
        }
    }

    #[test]
    fn a_failure_has_the_status_that_it_stands_for_and_otherwise_none() {
        for (kind, expected) in
            [(ErrorKind::Status(529), "529"), (ErrorKind::Timeout, "error"), (ErrorKind::ApiStream, "error")]
        {
            assert_eq!(text(&status_of(kind)), expected);
        }
    }

    #[test]
    fn attempts_are_those_that_were_made_further_in() {
        let failed = |attempts| Error::new(ErrorKind::Reset, Phase::Body, "x").with_attempts(attempts);
        for (outcome, before, made) in [
            (Ok(3), 0, 3),
            (Ok(3), 2, 1),
            (Ok(0), 0, 0),
            (Err(&failed(3)), 0, 3),
            (Err(&failed(1)), 2, 1),
            (Err(&failed(0)), 2, 0),
        ] {
            assert_eq!(attempts_of(outcome, before), made, "{outcome:?} {before}");
        }
    }

    #[test]
    fn the_model_is_found_wherever_it_stands_in_a_body_and_what_follows_it_is_not_read() {
        for (json, expected) in [
            (r#"{"model":"a-1","messages":[]}"#, Some("a-1")),
            (r#"{"messages":[{"model":"no"}],"model":"a-1"}"#, Some("a-1")),
            (r#"{"mod\u0065l":"a-1" and then no JSON at all"#, Some("a-1")),
            (r#"{"model":7}"#, None),
            (r#"{"model":null}"#, None),
            (r#"["model"]"#, None),
            ("no JSON", None),
        ] {
            assert_eq!(model_of(&Body::Full(json.into())).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn a_label_learns_so_many_values_and_none_that_is_no_name_or_may_be_a_key() {
        let learnt = Learnt::new(Extra::Model, 2);
        let long = "x".repeat(101);
        for (given, expected) in [
            ("claude-1", "claude-1"),
            ("", ""),
            ("with space", "other"),
            ("line\nbreak", "other"),
            ("sk-ant-api03-0123456789", "other"),
            (&long, "other"),
            ("us.anthropic.claude-2:0", "us.anthropic.claude-2:0"),
            ("one-too-many", "other"),
            ("claude-1", "claude-1"),
        ] {
            assert_eq!(text(&learnt.learn(given, None)), expected, "{given}");
        }
    }
}
