//! Places in a JSON value, as `messages[*].content`.

use std::str::FromStr;

use serde_json::Value;

use super::SHOWN_AS;

/// A place in a body, or with `*` many. Names are parted by points, `[0]` is an item, `[*]` or `*` is any item or
/// field, and `["a.b"]` a name with marks in it. A name of digits is an item where there is a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Item(usize),
    Any,
}

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPath {
    /// It is not written as one.
    #[error("is no path as `messages[*].content` is: names parted by points, `[0]`, `[*]`, `[\"a name\"]`")]
    Syntax,
    /// It is one of JSONPath, or a JSON pointer.
    #[error(
        "is a path for other tools: here it begins with a name in the body, as `messages[*].content` does"
    )]
    Foreign,
    /// It would match nothing, and look as if it did.
    #[error(
        "begins outside of the body: a path begins with a name in it, as `messages[*].content` does (headers have \
         `redact.headers`, and a field that is called so is written `[\"body\"].x`)"
    )]
    Outside,
}

impl Path {
    /// Puts `[redacted]` in every place that there is; says whether there is one.
    pub fn redact(&self, value: &mut Value) -> bool {
        redact(&self.0, value)
    }
}

fn redact(steps: &[Step], value: &mut Value) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        *value = SHOWN_AS.into();
        return true;
    };
    match (step, value) {
        (Step::Name(name), Value::Object(fields)) => {
            fields.get_mut(name).is_some_and(|field| redact(rest, field))
        }
        (Step::Name(digits), Value::Array(items)) => digits
            .parse::<usize>()
            .ok()
            .and_then(|place| items.get_mut(place))
            .is_some_and(|item| redact(rest, item)),
        (Step::Item(place), Value::Array(items)) => {
            items.get_mut(*place).is_some_and(|item| redact(rest, item))
        }
        (Step::Any, Value::Array(items)) => any(items.iter_mut(), rest),
        (Step::Any, Value::Object(fields)) => any(fields.values_mut(), rest),
        _ => false,
    }
}

fn any<'a>(values: impl Iterator<Item = &'a mut Value>, rest: &[Step]) -> bool {
    // Each of them, not only up to the first.
    values.map(|value| redact(rest, value)).filter(|redacted| *redacted).count() > 0
}

impl FromStr for Path {
    type Err = NoPath;

    fn from_str(text: &str) -> Result<Self, NoPath> {
        foreign(text)?;
        let mut steps = Vec::new();
        let mut rest = text;
        loop {
            if let Some(bracket) = rest.strip_prefix('[') {
                let (step, after) = bracketed(bracket)?;
                steps.push(step);
                rest = after;
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let (name, after) = rest.split_at(end);
                steps.push(match name {
                    "" => return Err(NoPath::Syntax),
                    "*" => Step::Any,
                    name => Step::Name(name.to_owned()),
                });
                rest = after;
            }
            rest = match rest.chars().next() {
                None => return Ok(Self(steps)),
                Some('.') => &rest[1..],
                Some('[') => rest,
                Some(_) => return Err(NoPath::Syntax),
            };
        }
    }
}

/// Refuses what is no path here though it looks like one.
fn foreign(text: &str) -> Result<(), NoPath> {
    let marked = text.strip_prefix('$').is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    if marked || text.starts_with('/') {
        return Err(NoPath::Foreign);
    }
    let Some((first, rest)) = text.split_once(['.', '[']) else { return Ok(()) };
    let second = rest.split(['.', '[']).next().unwrap_or_default();
    let outside = match first {
        "req" | "res" | "body" | "headers" => true,
        "request" | "response" => matches!(second, "body" | "data" | "headers"),
        _ => false,
    };
    if outside { Err(NoPath::Outside) } else { Ok(()) }
}

/// What stands in brackets, and what follows them.
fn bracketed(text: &str) -> Result<(Step, &str), NoPath> {
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        let (name, rest) = text[1..].split_once(quote).ok_or(NoPath::Syntax)?;
        return Ok((Step::Name(name.to_owned()), rest.strip_prefix(']').ok_or(NoPath::Syntax)?));
    }
    let (inner, rest) = text.split_once(']').ok_or(NoPath::Syntax)?;
    let step = if inner == "*" { Step::Any } else { Step::Item(inner.parse().map_err(|_| NoPath::Syntax)?) };
    Ok((step, rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_to_every_place_that_there_is() {
        for (path, expected) in [
            ("a", json!({ "a": SHOWN_AS, "b": { "c.d": 2 } })),
            ("a[0]", json!({ "a": [SHOWN_AS, { "x": 2 }], "b": { "c.d": 2 } })),
            ("a[*].x", json!({ "a": [{ "x": SHOWN_AS }, { "x": SHOWN_AS }], "b": { "c.d": 2 } })),
            ("a.*.x", json!({ "a": [{ "x": SHOWN_AS }, { "x": SHOWN_AS }], "b": { "c.d": 2 } })),
            ("b[\"c.d\"]", json!({ "a": [{ "x": 1 }, { "x": 2 }], "b": { "c.d": SHOWN_AS } })),
            ("*", json!({ "a": SHOWN_AS, "b": SHOWN_AS })),
            ("a[7].x", json!({ "a": [{ "x": 1 }, { "x": 2 }], "b": { "c.d": 2 } })),
            ("a.1.x", json!({ "a": [{ "x": 1 }, { "x": SHOWN_AS }], "b": { "c.d": 2 } })),
            ("a.7", json!({ "a": [{ "x": 1 }, { "x": 2 }], "b": { "c.d": 2 } })),
            ("nothing.there", json!({ "a": [{ "x": 1 }, { "x": 2 }], "b": { "c.d": 2 } })),
        ] {
            let mut value = json!({ "a": [{ "x": 1 }, { "x": 2 }], "b": { "c.d": 2 } });
            path.parse::<Path>().unwrap().redact(&mut value);
            assert_eq!(value, expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "a[", "a[]", "a[x]", "a[0", "a[0]b", "a[\"b]", "a[\"b\""] {
            assert_eq!(text.parse::<Path>(), Err(NoPath::Syntax), "{text}");
        }
    }

    #[test]
    fn a_path_that_begins_outside_of_the_body_is_refused_unless_it_says_that_it_is_a_name() {
        for text in ["$", "$.a", "$[0]", "$['a']", "/a/0"] {
            assert_eq!(text.parse::<Path>(), Err(NoPath::Foreign), "{text}");
        }
        for text in
            ["req.body.a", "res.a", "body.a", "body[0]", "headers.a", "request.body", "response.data.a"]
        {
            assert_eq!(text.parse::<Path>(), Err(NoPath::Outside), "{text}");
        }
        for text in ["$ref", "body", "headers", "response.output", "[\"body\"].a", "requests[*].params"] {
            assert!(text.parse::<Path>().is_ok(), "{text}");
        }
    }
}
