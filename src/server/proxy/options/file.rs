//! Files of options, in TOML or JSON: what they say, and in which line each name stands.

use std::{borrow::Cow, collections::BTreeMap, path::Path};

use serde_json::{Map, Number, Value, value::RawValue};
use toml::de::{DeTable, DeValue};

use crate::{Error, Result};

/// What a file says.
#[derive(Debug)]
pub(super) struct File {
    pub values: Value,
    /// The line of each option, by its name with its path.
    pub lines: BTreeMap<String, usize>,
}

impl File {
    /// The file at this path; its name says what it is written in.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| Error::config(format!("{} can't be read: {cause}", path.display())))?;
        let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        Self::parse(&text, is_json)
            .map_err(|(line, words)| Error::config(format!("{}:{line}: {words}", path.display())))
    }

    fn parse(text: &str, is_json: bool) -> Result<Self, (usize, String)> {
        let mut reading = Reading { text, lines: BTreeMap::new() };
        let values = if is_json { reading.json(text, "") } else { reading.toml() }?;
        Ok(Self { values, lines: reading.lines })
    }
}

struct Reading<'a> {
    text: &'a str,
    lines: BTreeMap<String, usize>,
}

impl Reading<'_> {
    fn line(&self, offset: usize) -> usize {
        let before = self.text.get(..offset).unwrap_or(self.text);
        before.bytes().filter(|byte| *byte == b'\n').count() + 1
    }

    fn toml(&mut self) -> Result<Value, (usize, String)> {
        let table = DeTable::parse(self.text).map_err(|error| {
            let line = error.span().map_or(1, |span| self.line(span.start));
            (line, format!("this is no TOML: {}", error.message()))
        })?;
        self.toml_table(table.get_ref(), "")
    }

    fn toml_table(&mut self, table: &DeTable<'_>, path: &str) -> Result<Value, (usize, String)> {
        let mut members = Map::new();
        for (name, value) in table {
            let path = below(path, name.get_ref());
            let line = self.line(name.span().start);
            self.lines.entry(path.clone()).or_insert(line);
            members.insert(name.get_ref().to_string(), self.toml_value(value.get_ref(), &path, line)?);
        }
        Ok(Value::Object(members))
    }

    fn toml_value(&mut self, value: &DeValue<'_>, path: &str, line: usize) -> Result<Value, (usize, String)> {
        Ok(match value {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Integer(number) => {
                let read = i64::from_str_radix(number.as_str(), number.radix());
                Value::from(read.map_err(|_| (line, format!("`{path}` is too large a number")))?)
            }
            DeValue::Float(number) => {
                let read = number.as_str().parse().ok().and_then(Number::from_f64);
                Value::Number(read.ok_or_else(|| (line, format!("`{path}` is no finite number")))?)
            }
            DeValue::Datetime(_) => return Err((line, format!("`{path}` is a date, which no option is"))),
            DeValue::Array(items) => {
                let mut list = Vec::new();
                for (at, item) in items.iter().enumerate() {
                    let path = format!("{path}[{at}]");
                    let line = self.line(item.span().start);
                    self.lines.insert(path.clone(), line);
                    list.push(self.toml_value(item.get_ref(), &path, line)?);
                }
                Value::Array(list)
            }
            DeValue::Table(table) => self.toml_table(table, path)?,
        })
    }

    /// Its members keep the text that they were read from, and so their place.
    fn json(&mut self, text: &str, path: &str) -> Result<Value, (usize, String)> {
        let wrong = |reading: &Self, error: &serde_json::Error| {
            let lines_before = reading.line(reading.offset(text)) - 1;
            (lines_before + error.line(), format!("this is no JSON: {error}"))
        };
        match text.trim_start().bytes().next() {
            Some(b'{') => {
                let members: Members<'_> = serde_json::from_str(text).map_err(|error| wrong(self, &error))?;
                let mut read = Map::new();
                for (name, value) in members.0 {
                    let path = below(path, &name);
                    let line = self.line(self.offset(value.get()));
                    if self.lines.insert(path.clone(), line).is_some() {
                        return Err((line, format!("`{path}` stands there twice")));
                    }
                    let value = self.json(value.get(), &path)?;
                    read.insert(name.into_owned(), value);
                }
                Ok(Value::Object(read))
            }
            Some(b'[') => {
                let items: Vec<&RawValue> =
                    serde_json::from_str(text).map_err(|error| wrong(self, &error))?;
                let read = items.into_iter().enumerate().map(|(at, item)| {
                    let path = format!("{path}[{at}]");
                    self.lines.insert(path.clone(), self.line(self.offset(item.get())));
                    self.json(item.get(), &path)
                });
                read.collect::<Result<_, _>>().map(Value::Array)
            }
            _ => serde_json::from_str(text).map_err(|error| wrong(self, &error)),
        }
    }

    /// Where in the file this part of its text begins.
    fn offset(&self, part: &str) -> usize {
        (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The members of an object in their order, one name twice as two.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TOML: &str = "listen = \"127.0.0.1:1\"\n\n[cache]\nttl = 5_000 # five seconds\n\n[[callers]]\nname = \"a\"\n\n[[callers]]\nname = \"b\"\nmodels = [\n  \"x\",\n  \"y\",\n]\n";
    const JSON: &str = "{\n  \"listen\": \"127.0.0.1:1\",\n  \"cache\": { \"ttl\": 5000 },\n  \"callers\": [\n    { \"name\": \"a\" },\n    { \"name\": \"b\",\n      \"models\": [\"x\",\n \"y\"] }\n  ]\n}\n";

    #[test]
    fn both_forms_say_the_same_and_know_the_line_of_each_name() {
        let expected = json!({
            "listen": "127.0.0.1:1",
            "cache": { "ttl": 5000 },
            "callers": [{ "name": "a" }, { "name": "b", "models": ["x", "y"] }],
        });
        for (text, is_json, lines) in [(TOML, false, [4, 10, 13]), (JSON, true, [3, 6, 8])] {
            let file = File::parse(text, is_json).unwrap();
            assert_eq!(file.values, expected);
            for (name, line) in ["cache.ttl", "callers[1].name", "callers[1].models[1]"].iter().zip(lines) {
                assert_eq!(file.lines.get(*name), Some(&line), "{name} {is_json}");
            }
        }
    }

    #[test]
    fn what_is_no_file_of_options_is_told_with_its_line() {
        for (text, is_json, line, words) in [
            ("a = 1\nb =\n", false, 2, "no TOML"),
            ("a = 1\na = 2\n", false, 2, "no TOML"),
            ("a = 1979-05-27\n", false, 1, "a date"),
            ("a = nan", false, 1, "no finite number"),
            ("{\n \"a\": 1,\n}", true, 3, "no JSON"),
            ("{\n \"a\": 1,\n \"a\": 2}", true, 3, "twice"),
            ("{\n \"a\": {\n  \"b\": tru }}", true, 3, "no JSON"),
        ] {
            let (found, told) = File::parse(text, is_json).unwrap_err();
            assert_eq!(found, line, "{text}: {told}");
            assert!(told.contains(words), "{text}: {told}");
        }
    }
}
