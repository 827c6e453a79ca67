//! Every model that a request names: pure. Who reads a name twice may take the last one, and who may not use it would
//! have used it.

use std::{borrow::Cow, fmt};

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

use crate::body::Body;

/// The models that a body names; `None` where one of them is no name, or nothing can be read.
pub(super) fn named(body: &Body) -> Option<Vec<String>> {
    let Body::Full(json) = body else { return None };
    let mut parser = serde_json::Deserializer::from_slice(json);
    let names = parser.deserialize_map(Members).ok()?;
    parser.end().ok().map(|()| names)
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            if name == "model" {
                names.push(members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_is_named_twice_is_two() {
        for (json, expected) in [
            (r#"{"model":"a"}"#, Some(vec!["a"])),
            (r#"{"model":"a","messages":[{"model":"no"}],"mod\u0065l":"b"}"#, Some(vec!["a", "b"])),
            (r#"{"messages":[]}"#, Some(vec![])),
            (r#"{"model":7}"#, None),
            (r#"{"model":"a"} {"model":"b"}"#, None),
            ("no JSON", None),
        ] {
            let names = named(&Body::Full(json.into()));
            assert_eq!(names, expected.map(|names| names.into_iter().map(str::to_owned).collect()), "{json}");
        }
    }
}
