//! Who gets the lines.

use serde_json::json;

use super::{Level, course::now_ms};

/// Takes one line at a time, without a line break at its end. It must not wait: a call is at work meanwhile. A
/// function is one.
pub trait Sink: Send + Sync {
    /// Takes a line.
    fn write(&self, line: String);
}

impl<F: Fn(String) + Send + Sync> Sink for F {
    fn write(&self, line: String) {
        self(line);
    }
}

/// The line that says that lines were lost.
pub fn lines_lost(count: u64, why: &str) -> String {
    let msg = format!("trae-native: {count} lines were lost, {why}");
    json!({ "level": Level::Warn as u8, "time": now_ms(), "msg": msg }).to_string()
}
