//! Places in a JSON value, as `messages[*].content`.

use std::str::FromStr;

use serde_json::Value;

use super::SHOWN_AS;

/// A place, or with `*` many. Names are parted by points, `[0]` is an item, `[*]` or `*` is any item or field, and
/// `["a.b"]` a name with marks in it.
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
#[error("is no path as `messages[*].content` is: names parted by points, `[0]`, `[*]`, `[\"a name\"]`")]
pub struct NoPath;

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
                    "" => return Err(NoPath),
                    "*" => Step::Any,
                    name => Step::Name(name.to_owned()),
                });
                rest = after;
            }
            rest = match rest.chars().next() {
                None => return Ok(Self(steps)),
                Some('.') => &rest[1..],
                Some('[') => rest,
                Some(_) => return Err(NoPath),
            };
        }
    }
}

/// What stands in brackets, and what follows them.
fn bracketed(text: &str) -> Result<(Step, &str), NoPath> {
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        let (name, rest) = text[1..].split_once(quote).ok_or(NoPath)?;
        return Ok((Step::Name(name.to_owned()), rest.strip_prefix(']').ok_or(NoPath)?));
    }
    let (inner, rest) = text.split_once(']').ok_or(NoPath)?;
    let step = if inner == "*" { Step::Any } else { Step::Item(inner.parse().map_err(|_| NoPath)?) };
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
            assert_eq!(text.parse::<Path>(), Err(NoPath), "{text}");
        }
    }
}
