//! An object of JSON as its members are written, in their order. Of several of one name the last counts, as in
//! JavaScript.

use std::{borrow::Cow, fmt};

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::{Deserializer, value::RawValue};

/// Members: names as they are meant, values as they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Members(Vec<(String, String)>);

/// The members of an object; `None` where it is none, or has a name that is no text.
pub(super) fn read(json: impl AsRef<str>) -> Option<Members> {
    let json = json.as_ref();
    if !json.trim_start().starts_with('{') {
        return None;
    }
    let mut parser = Deserializer::from_str(json);
    let members = parser.deserialize_map(Every).ok()?;
    parser.end().ok()?;
    Some(members)
}

/// The text of a JSON string; `None` where it is none, or holds half a surrogate pair.
pub(super) fn text(json: &str) -> Option<Cow<'_, str>> {
    let content = json.strip_prefix('"')?.strip_suffix('"')?;
    if content.contains('\\') {
        serde_json::from_str(json).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(content))
    }
}

impl Members {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name).and_then(text)
    }

    pub fn number(&self, name: &str) -> Option<u32> {
        self.get(name)?.parse().ok()
    }

    /// Where it stands already it keeps its place.
    pub fn set(&mut self, name: &str, value: String) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    pub fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    pub fn into_iter(self) -> impl Iterator<Item = (String, String)> {
        self.0.into_iter()
    }

    pub fn write(&self) -> String {
        let mut json = String::from("{");
        for (name, value) in &self.0 {
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&quoted(name));
            json.push(':');
            json.push_str(value);
        }
        json.push('}');
        json
    }
}

/// A text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

struct Every;

impl<'de> Visitor<'de> for Every {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value::<&RawValue>()?;
            members.set(&name, value.get().to_owned());
        }
        Ok(members)
    }
}
