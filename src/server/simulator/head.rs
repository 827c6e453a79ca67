//! The head of a request in words, and the clock it is dated by.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::request::Parts;

pub(super) fn path_and_query(head: &Parts) -> &str {
    head.uri.path_and_query().map_or("/", |path| path.as_str())
}

pub(super) fn version(head: &Parts) -> &'static str {
    match head.version {
        http::Version::HTTP_10 => "1.0",
        http::Version::HTTP_2 => "2",
        _ => "1.1",
    }
}

pub(super) fn header_pairs(head: &Parts) -> Vec<(String, String)> {
    let latin1 = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect();
    head.headers.iter().map(|(name, value)| (name.to_string(), latin1(value.as_bytes()))).collect()
}

pub(super) fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
