//! Reads options out of JSON by name, so that a wrong one is answered by its full name and what it takes.

use std::{ops::RangeInclusive, time::Duration};

use serde_json::{Map, Value};

use super::secrets::without_keys;
use crate::{Error, Result};

/// What a function looks like after `JSON.stringify` in the facade: JavaScript keeps it, we only know it is there.
pub(crate) const FUNCTION: &str = "[function]";

/// The options of one object. Every known name is taken once; [`finish`](Fields::finish) refuses the rest.
pub(crate) struct Fields {
    path: String,
    values: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Fields {
    /// Opens an object; `path` is how the user would write it, empty at the top.
    pub(crate) fn open(path: &str, value: Value) -> Result<Self> {
        match value {
            Value::Object(values) => Ok(Self { path: path.to_owned(), values, known: Vec::new() }),
            Value::Null => Ok(Self { path: path.to_owned(), values: Map::new(), known: Vec::new() }),
            other if path.is_empty() => {
                Err(Error::config(format!("the options must be an object, got {}", kind(&other))))
            }
            other => Err(wrong(path, "an object", &other)),
        }
    }

    /// The value under this name, if one was given; `null` counts as not given.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.values.remove(name).filter(|value| !value.is_null())
    }

    /// The name with its path, as the user would write it.
    pub(crate) fn name(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(crate) fn boolean(&mut self, name: &'static str) -> Result<Option<bool>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(other) => Err(wrong(&self.name(name), "true or false", &other)),
        }
    }

    /// A flag that the facade sets, and that is no option of anybody's.
    pub(crate) fn internal(&mut self, name: &str) -> Option<bool> {
        self.internal_value(name)?.as_bool()
    }

    /// The same, of any kind.
    pub(crate) fn internal_value(&mut self, name: &str) -> Option<Value> {
        self.values.remove(name)
    }

    pub(crate) fn string(&mut self, name: &'static str) -> Result<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(value)) if value != FUNCTION => Ok(Some(value)),
            Some(other) => Err(wrong(&self.name(name), "a string", &other)),
        }
    }

    /// A string or a list of them.
    pub(crate) fn strings(&mut self, name: &'static str) -> Result<Option<Vec<String>>> {
        let value = match self.take(name) {
            None => return Ok(None),
            Some(Value::String(one)) => return Ok(Some(vec![one])),
            Some(value) => value,
        };
        let list = value
            .as_array()
            .and_then(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect());
        list.map(Some).ok_or_else(|| wrong(&self.name(name), "a string or a list of strings", &value))
    }

    /// The same; what does not fit into 32 bits is as good as no end.
    pub(crate) fn small(&mut self, name: &'static str, least: u64) -> Result<Option<u32>> {
        Ok(self.count(name, least)?.map(|count| u32::try_from(count).unwrap_or(u32::MAX)))
    }

    /// A whole number of at least `least`.
    pub(crate) fn count(&mut self, name: &'static str, least: u64) -> Result<Option<u64>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match whole(&value) {
            Some(count) if count >= least => Ok(Some(count)),
            _ => Err(wrong(&self.name(name), &format!("a whole number of at least {least}"), &value)),
        }
    }

    /// Milliseconds; 0 means no limit, as in axios.
    pub(crate) fn limit(&mut self, name: &'static str) -> Result<Option<Limit>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        milliseconds(&value)
            .map(Some)
            .ok_or_else(|| wrong(&self.name(name), "a number of milliseconds (0 for no limit)", &value))
    }

    /// Milliseconds that may be none.
    pub(crate) fn wait(&mut self, name: &'static str) -> Result<Option<Duration>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let wait = milliseconds(&value).map(|limit| Some(limit.duration().unwrap_or_default()));
        wait.ok_or_else(|| wrong(&self.name(name), "a number of milliseconds", &value))
    }

    /// A number within a range, which `range` says in words.
    pub(crate) fn number(
        &mut self,
        name: &'static str,
        allowed: RangeInclusive<f64>,
        range: &str,
    ) -> Result<Option<f64>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match value.as_f64().filter(|number| allowed.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(wrong(&self.name(name), &format!("a number {range}"), &value)),
        }
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Result<Option<T>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let found = value.as_str().and_then(|given| words.iter().find(|(word, _)| *word == given));
        found.map(|(_, meaning)| Some(*meaning)).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let listed: Vec<String> = known.iter().map(|word| format!("'{word}'")).collect();
            let error = wrong(&self.name(name), &listed.join(" or "), &value);
            // What was given may be anything, and is not repeated.
            match value.as_str().and_then(|given| nearest(given, &known)) {
                Some(word) => Error::config(format!("{}: did you mean '{word}'?", error.message()))
                    .about(self.name(name)),
                None => error,
            }
        })
    }

    /// A name that JavaScript reads itself; it is known here so that it is not refused.
    pub(crate) fn left_to_javascript(&mut self, name: &'static str, function: bool) -> Result<()> {
        match self.take(name) {
            Some(value) if function && value.as_str() != Some(FUNCTION) => {
                Err(wrong(&self.name(name), "a function", &value))
            }
            _ => Ok(()),
        }
    }

    /// Refuses whatever has not been taken, naming the nearest known name.
    pub(crate) fn finish(self) -> Result<()> {
        let Some(unknown) = self.values.keys().next() else { return Ok(()) };
        let hint = match nearest(unknown, &self.known) {
            Some(known) => format!("did you mean `{}`?", self.name(known)),
            None => format!("known names are `{}`", self.known.join("`, `")),
        };
        let error = Error::config(format!("unknown option `{}`: {hint}", self.name(&without_keys(unknown))));
        Err(error.about(self.name(unknown)))
    }
}

/// A limit in time, where 0 lifts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    None,
    After(Duration),
}

impl Limit {
    pub(crate) fn duration(self) -> Option<Duration> {
        match self {
            Self::None => None,
            Self::After(duration) => Some(duration),
        }
    }
}

/// Milliseconds as a limit; `None` is no such number.
pub(crate) fn milliseconds(value: &Value) -> Option<Limit> {
    // 2^53 ms is 285,000 years; beyond it a timer would overflow.
    let ms = value.as_f64().filter(|ms| ms.is_finite() && (0.0..=9_007_199_254_740_992.0).contains(ms))?;
    Some(if ms > 0.0 { Limit::After(Duration::from_secs_f64(ms / 1000.0)) } else { Limit::None })
}

/// "`timeout` must be a number, got a string": the kind of what was given, never its content.
pub(crate) fn wrong(name: &str, expected: &str, given: &Value) -> Error {
    Error::config(format!("`{name}` must be {expected}, got {}", kind(given))).about(name)
}

fn kind(given: &Value) -> String {
    match given {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(text) if text == FUNCTION => "a function".to_owned(),
        // Numbers that JSON does not have cross by name.
        Value::String(text) if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") => text.clone(),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// A whole number, also one that JavaScript wrote as `1e3`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "range and fraction are checked")]
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let number = value.as_f64()?;
        (number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number)).then_some(number as u64)
    })
}

/// The known name that the user most likely meant.
pub(crate) fn nearest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = unknown.to_lowercase();
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), *name))
        .min()
        .filter(|(distance, name)| *distance <= name.len().max(unknown.len()) / 3)
        .map(|(_, name)| name)
}
