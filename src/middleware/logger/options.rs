//! What can be set about lines, and the one place where its defaults are written.

use serde_json::{Map, Value};

/// How grave a line is; the numbers are those of pino.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the level of its name")]
pub enum Level {
    Trace = 10,
    Debug = 20,
    Info = 30,
    Warn = 40,
    Error = 50,
    Fatal = 60,
    /// No line is as grave.
    Silent = 70,
}

/// The level of each kind of line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    /// A request goes out. Default: `Info`.
    pub request: Level,
    /// It is answered; a stream has come to its end, or was left. Default: `Info`.
    pub response: Level,
    /// It failed, or its stream did. Default: `Error`.
    pub error: Level,
}

/// What is said, and of what.
#[derive(Debug, Clone)]
pub struct LoggerOptions {
    /// The least grave lines that are written. Default: `Info`.
    pub level: Level,
    /// How grave each kind of line is.
    pub levels: Levels,
    /// Fields of every line, as `pid` and `name`, but none of [`OWN_FIELDS`]. Default: none.
    pub base: Map<String, Value>,
    /// Whether headers are shown. Default: no.
    pub headers: bool,
    /// Up to how many bytes bodies are shown; a longer one is told by its size. Default: `None`, none at all.
    pub bodies: Option<usize>,
}

/// What a line says itself, and [`base`](LoggerOptions::base) can't.
pub const OWN_FIELDS: [&str; 14] = [
    "level",
    "time",
    "req",
    "res",
    "responseTime",
    "attempts",
    "requestId",
    "firstByteMs",
    "events",
    "firstEventMs",
    "left",
    "usage",
    "err",
    "msg",
];

/// Up to how many bytes bodies are shown where they are asked for without a number.
pub const SOME_BODIES: usize = 16 << 10;

impl Default for LoggerOptions {
    fn default() -> Self {
        Self {
            level: Level::Info,
            levels: Levels { request: Level::Info, response: Level::Info, error: Level::Error },
            base: Map::new(),
            headers: false,
            bodies: None,
        }
    }
}

impl LoggerOptions {
    /// Whether a line of this level is written.
    pub fn writes(&self, level: Level) -> bool {
        level >= self.level && level != Level::Silent
    }

    /// Whether none is.
    pub fn is_silent(&self) -> bool {
        let Levels { request, response, error } = self.levels;
        // What is told besides the calls is a warning.
        ![request, response, error, Level::Warn].into_iter().any(|level| self.writes(level))
    }
}
