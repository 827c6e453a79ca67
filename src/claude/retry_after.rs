//! When the server asks to come back.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, header::RETRY_AFTER};

const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// How long to wait: `retry-after-ms`, else `retry-after` in seconds or as a date. A date that has
/// passed means now, a number beyond what a duration holds means never; a header that makes no sense counts as
/// absent.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(milliseconds) = text(RETRY_AFTER_MS).and_then(decimal) {
        return Some(seconds(milliseconds / 1000.0));
    }
    let value = text(RETRY_AFTER)?;
    if let Some(number) = decimal(value) {
        return Some(seconds(number));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Of a number that is not negative.
fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX)
}

/// Digits and a point only: the general parser would also take signs, `inf` and exponents.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    plain.then(|| text.parse().ok()).flatten()
}
