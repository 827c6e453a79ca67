//! Another model in the JSON of a request, of which nothing else changes: not a byte.

use std::{borrow::Cow, fmt, ops::Range};

use bytes::Bytes;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The same object with this model; `None` where there is none to replace. A name that stands there twice is replaced
/// twice, since nobody knows which of them the server reads.
pub(super) fn with_model(json: &Bytes, model: &str) -> Option<Bytes> {
    let mut places = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(json);
    reader.deserialize_map(Models { start: json.as_ptr() as usize, places: &mut places }).ok()?;
    reader.end().ok()?;
    if places.is_empty() {
        return None;
    }
    let model = serde_json::to_string(model).ok()?;
    let mut written = Vec::with_capacity(json.len() + places.len() * model.len());
    let mut from = 0;
    for Range { start, end } in places {
        written.extend_from_slice(json.get(from..start)?);
        written.extend_from_slice(model.as_bytes());
        from = end;
    }
    written.extend_from_slice(json.get(from..)?);
    Some(written.into())
}

/// Where the values of the members `model` stand.
struct Models<'a> {
    start: usize,
    places: &'a mut Vec<Range<usize>>,
}

impl<'de> Visitor<'de> for Models<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            let value = members.next_value::<&'de RawValue>()?.get();
            if name == "model" {
                let start = (value.as_ptr() as usize).saturating_sub(self.start);
                self.places.push(start..start + value.len());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn replaced(json: &str) -> Option<String> {
        let written = with_model(&Bytes::copy_from_slice(json.as_bytes()), "new \"one\"")?;
        Some(String::from_utf8(written.to_vec()).unwrap())
    }

    #[test]
    fn only_the_models_value_changes_and_every_other_byte_stays() {
        for (json, expected) in [
            (r#"{"model":"a"}"#, r#"{"model":"new \"one\""}"#),
            (
                r#" { "x" : 1.0 , "model" : "a" , "y":[ ] } "#,
                r#" { "x" : 1.0 , "model" : "new \"one\"" , "y":[ ] } "#,
            ),
            (
                r#"{"a":{"model":"inner"},"model":null,"n":1e3}"#,
                r#"{"a":{"model":"inner"},"model":"new \"one\"","n":1e3}"#,
            ),
            (
                r#"{"\u006dodel":"a","model":{"x":"}"}}"#,
                r#"{"\u006dodel":"new \"one\"","model":"new \"one\""}"#,
            ),
        ] {
            assert_eq!(replaced(json).as_deref(), Some(expected), "{json}");
        }
    }

    #[test]
    fn what_has_no_model_or_is_no_object_is_let_be() {
        for json in [
            "",
            "{}",
            "[]",
            r#"{"a":{"model":"x"}}"#,
            r#"["model","a"]"#,
            r#"{"model":"a"} x"#,
            r#"{"model":"a""#,
        ] {
            assert_eq!(replaced(json), None, "{json}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            Just(Value::Null)
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("model|[a-z]{1,3}", inner, 0..4).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_else_stands_there_stays_what_it_was(
            members in prop::collection::btree_map("model|\\PC{0,6}", value(), 0..6),
            model in any::<String>(),
            pretty in any::<bool>(),
        ) {
            let object = json!(members);
            let text = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) };
            let written = with_model(&Bytes::from(text.unwrap()), &model);
            prop_assert_eq!(written.is_some(), members.contains_key("model"));
            if let Some(written) = written {
                let mut expected = object;
                expected["model"] = json!(model);
                prop_assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), expected);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = with_model(&Bytes::from(bytes), "m");
        }
    }
}
