//! Options of `logger()`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    super::fields::{FUNCTION, Fields, wrong},
    Functions, Native,
};
use crate::{
    Error, Result,
    middleware::logger::{
        Level, Levels, Logger, LoggerOptions, Sink,
        options::{OWN_FIELDS, SOME_BODIES},
        stderr::Stderr,
    },
};

const LEVELS: [(&str, Level); 7] = [
    ("trace", Level::Trace),
    ("debug", Level::Debug),
    ("info", Level::Info),
    ("warn", Level::Warn),
    ("error", Level::Error),
    ("fatal", Level::Fatal),
    ("silent", Level::Silent),
];

pub(super) fn build(options: Value, functions: Functions) -> Result<Native> {
    let default = LoggerOptions::default();
    let mut fields = Fields::open("logger", options)?;
    let sink = sink(&mut fields, functions.sink)?;
    let options = LoggerOptions {
        level: fields.choice("level", &LEVELS)?.unwrap_or(default.level),
        levels: levels(&mut fields, default.levels)?,
        base: base(&mut fields)?.unwrap_or(default.base),
        headers: fields.boolean("headers")?.unwrap_or(default.headers),
        bodies: bodies(&mut fields, default.bodies)?,
    };
    fields.finish()?;
    Ok(Native::plain(Logger::new(options, sink)))
}

fn sink(fields: &mut Fields, given: Option<Arc<dyn Sink>>) -> Result<Arc<dyn Sink>> {
    match (fields.take("sink"), given) {
        (Some(Value::String(word)), Some(sink)) if word == FUNCTION => Ok(sink),
        (None, _) => Ok(Arc::new(Stderr::of_process())),
        (Some(Value::String(word)), _) if word == "stderr" => Ok(Arc::new(Stderr::of_process())),
        (Some(other), _) => {
            Err(wrong("logger.sink", "'stderr', a function, or a logger as pino's or the console", &other))
        }
    }
}

fn levels(fields: &mut Fields, default: Levels) -> Result<Levels> {
    let Some(given) = fields.take("levels") else { return Ok(default) };
    let mut levels = Fields::open("logger.levels", given)?;
    let read = Levels {
        request: levels.choice("request", &LEVELS)?.unwrap_or(default.request),
        response: levels.choice("response", &LEVELS)?.unwrap_or(default.response),
        error: levels.choice("error", &LEVELS)?.unwrap_or(default.error),
    };
    levels.finish()?;
    Ok(read)
}

/// A name that stood in a line twice would be read as one or the other.
fn base(fields: &mut Fields) -> Result<Option<Map<String, Value>>> {
    let base = match fields.take("base") {
        None => return Ok(None),
        Some(Value::Object(base)) => base,
        Some(other) => return Err(wrong("logger.base", "an object", &other)),
    };
    match base.keys().find(|name| OWN_FIELDS.contains(&name.as_str())) {
        None => Ok(Some(base)),
        Some(own) => {
            Err(Error::config(format!("`logger.base.{own}` is a field that a line has itself: rename it")))
        }
    }
}

/// `true`, `false`, or up to how many bytes.
fn bodies(fields: &mut Fields, default: Option<usize>) -> Result<Option<usize>> {
    match fields.take("bodies") {
        None => Ok(default),
        Some(Value::Bool(shown)) => Ok(shown.then_some(SOME_BODIES)),
        Some(given) => match given.as_u64().and_then(|bytes| usize::try_from(bytes).ok()) {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(wrong("logger.bodies", "true, false or a whole number of bytes", &given)),
        },
    }
}

pub(super) fn defaults() -> Value {
    let LoggerOptions { level, levels, headers, bodies, .. } = LoggerOptions::default();
    let word = |level: Level| LEVELS.iter().find(|(_, known)| *known == level).map(|(word, _)| *word);
    json!({
        "logger.sink": "stderr",
        "logger.level": word(level),
        "logger.levels.request": word(levels.request),
        "logger.levels.response": word(levels.response),
        "logger.levels.error": word(levels.error),
        "logger.headers": headers,
        "logger.bodies": bodies.map_or(json!(false), |bytes| json!(bytes)),
    })
}
