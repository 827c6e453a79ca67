//! When a server asks to come back.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

/// `retry-after-ms`, else `retry-after` in seconds or as a date; a date that has passed is no wait at all.
/// What is neither is as if it were not there.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(after) = header("retry-after-ms").and_then(|text| seconds(text, 1000.0)) {
        return Some(after);
    }
    let text = header("retry-after")?;
    seconds(text, 1.0).or_else(|| {
        let date = httpdate::parse_http_date(text).ok()?;
        Some(date.duration_since(now).unwrap_or_default())
    })
}

fn seconds(text: &str, per_second: f64) -> Option<Duration> {
    let number: f64 = text.parse().ok()?;
    Duration::try_from_secs_f64(number / per_second).ok()
}
