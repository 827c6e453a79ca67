//! Where options come from: a file, the environment, and whoever starts the proxy; each over the one before. An error
//! says where the option that it is about was given.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::{Options, file::File, names};
use crate::{
    Error, Result,
    client::fields::{nearest, wrong},
};

/// What the names of the proxy's own variables of the environment begin with.
const PREFIX: &str = "TRAE_PROXY_";

/// The API's key, as its official clients look for it.
const KEY: &str = "ANTHROPIC_API_KEY";

/// Where to look besides the options that are given.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// A file in TOML or JSON.
    pub file: Option<PathBuf>,
    /// Variables of the environment; those of other names are no business of the proxy's.
    pub environment: Vec<(String, String)>,
    /// Texts by the names of options: of flags.
    pub flags: Vec<(String, String)>,
    /// Options as they are.
    pub given: Value,
    /// Whether the process is nothing but this proxy, so that its service manager hears of it.
    pub service: bool,
    /// How many threads of its own it has; with none it is answered on the runtime of the process.
    pub threads: usize,
}

impl Sources {
    /// The options, of all sources, and where each was given: for errors that show themselves later.
    pub(in super::super) fn read(&self) -> Result<(Options, Places)> {
        let mut all = Merged::default();
        if let Some(path) = &self.file {
            all.file(path)?;
        }
        for (name, text) in &self.environment {
            if let Some(known) = variable(name)? {
                all.text(&known, text, name.clone())?;
            }
        }
        match &self.given {
            Value::Null => {}
            Value::Object(given) => {
                given.iter().for_each(|(name, value)| all.take(name, value.clone()));
            }
            other => return Err(wrong("options", "an object", other)),
        }
        for (option, text) in &self.flags {
            all.text(option, text, flag(option))?;
        }
        all.key_of_the_environment(&self.environment);
        let Merged { values, places } = all;
        match Options::read(Value::Object(values)) {
            Ok(options) => Ok((options, places)),
            Err(error) => Err(places.of(error)),
        }
    }
}

/// How the command was told this option.
fn flag(option: &str) -> String {
    match option {
        "listen" | "store" => format!("--{option}"),
        "upstream.url" => "--upstream".to_owned(),
        _ => format!("--set {option}"),
    }
}

/// The option that a variable is for: `TRAE_PROXY_CACHE_TTL` is `cache.ttl`.
fn variable(name: &str) -> Result<Option<String>> {
    let Some(rest) = name.strip_prefix(PREFIX) else { return Ok(None) };
    let written: Vec<(String, String)> =
        names::all().into_iter().map(|option| (in_capitals(&option), option)).collect();
    if let Some((_, option)) = written.iter().find(|(written, _)| written == rest) {
        return Ok(Some(option.clone()));
    }
    let words: Vec<&str> = written.iter().map(|(written, _)| written.as_str()).collect();
    let hint = nearest(rest, &words).map_or(String::new(), |near| format!(": did you mean {PREFIX}{near}?"));
    Err(Error::config(format!("{name} of the environment is no option of the proxy{hint}")))
}

/// `staleIfError` is `STALE_IF_ERROR`.
fn in_capitals(option: &str) -> String {
    let mut text = String::with_capacity(option.len() + 4);
    for letter in option.chars() {
        match letter {
            '.' => text.push('_'),
            letter if letter.is_ascii_uppercase() => text.extend(['_', letter]),
            letter => text.push(letter.to_ascii_uppercase()),
        }
    }
    text
}

#[derive(Default)]
struct Merged {
    values: Map<String, Value>,
    places: Places,
}

/// Where each option was given, by its name with its path.
#[derive(Debug, Default)]
pub(in super::super) struct Places(BTreeMap<String, String>);

impl Merged {
    fn file(&mut self, path: &Path) -> Result<()> {
        let file = File::read(path)?;
        let Value::Object(values) = file.values else {
            return Err(Error::config(format!("{}:1: the options must be an object", path.display())));
        };
        self.values = values;
        for (option, line) in file.lines {
            self.places.0.insert(option, format!("{}:{line}", path.display()));
        }
        Ok(())
    }

    /// The key that everybody keeps under one name, where no option names another.
    fn key_of_the_environment(&mut self, environment: &[(String, String)]) {
        let Some((_, key)) = environment.iter().find(|(name, key)| name == KEY && !key.is_empty()) else {
            return;
        };
        if self.values.contains_key("keyPool") {
            return;
        }
        let upstream = self.values.entry("upstream").or_insert_with(|| Value::Object(Map::new()));
        if let Value::String(url) = upstream {
            *upstream = Value::Object(Map::from_iter([("url".to_owned(), std::mem::take(url).into())]));
        }
        if let Value::Object(upstream) = upstream {
            upstream.entry("key").or_insert_with(|| key.clone().into());
        }
    }

    /// A whole section may be given, or one option in it.
    fn take(&mut self, name: &str, value: Value) {
        self.places.0.retain(|option, _| option != name && !option.starts_with(&format!("{name}.")));
        self.values.insert(name.to_owned(), value);
    }

    /// A text is what it looks like: `true`, a number, a list, or itself.
    fn text(&mut self, option: &str, text: &str, place: String) -> Result<()> {
        let is_text = matches!(option, "listen" | "hosts" | "upstream.url" | "upstream.key" | "store");
        let value = match serde_json::from_str(text) {
            Ok(value) if !is_text => value,
            _ => Value::String(text.to_owned()),
        };
        let mut steps: Vec<&str> = option.split('.').collect();
        let last = steps.pop().unwrap_or_default();
        let mut members = &mut self.values;
        for step in steps {
            let inner = members.entry(step).or_insert_with(|| Value::Object(Map::new()));
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            let Value::Object(inner) = inner else {
                return Err(Error::config(format!("{place}: `{option}` is no option")));
            };
            members = inner;
        }
        members.insert(last.to_owned(), value);
        self.places.0.insert(option.to_owned(), place);
        Ok(())
    }
}

impl Places {
    /// The error with the place of what it is about, or of what that stands in.
    pub(in super::super) fn of(&self, error: Error) -> Error {
        let Some(option) = error.option().map(str::to_owned) else { return error };
        let mut name = option.as_str();
        loop {
            if let Some(place) = self.0.get(name) {
                return Error::config(format!("{place}: {}", error.message())).about(option);
            }
            match name.rfind(['.', '[']) {
                Some(end) => name = &name[..end],
                None => break,
            }
        }
        // What was given may be further in than what is wrong with it.
        let inner = format!("{option}.");
        match self.0.iter().find(|(name, _)| name.starts_with(&inner)) {
            Some((_, place)) => Error::config(format!("{place}: {}", error.message())).about(option),
            None => error,
        }
    }
}
