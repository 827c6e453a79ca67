//! The headers that every answer of the API has.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::{head::since_epoch, record::locked};

const LIMITS: [(&str, u32, u32); 4] = [
    ("requests", 4000, 3999),
    ("tokens", 2_400_000, 2_399_000),
    ("input-tokens", 2_000_000, 1_999_000),
    ("output-tokens", 400_000, 399_000),
];

/// Makes them; they are rebuilt once a second, because of the reset times.
#[derive(Debug)]
pub(in super::super) struct StandardHeaders {
    seed: u64,
    count: AtomicU64,
    limits: Mutex<(u64, HeaderMap)>,
}

impl Default for StandardHeaders {
    fn default() -> Self {
        let seed = u64::from(since_epoch().subsec_nanos()) << 16 ^ since_epoch().as_secs();
        Self { seed, count: AtomicU64::new(0), limits: Mutex::default() }
    }
}

impl StandardHeaders {
    /// The rate-limit headers.
    pub fn limits(&self) -> HeaderMap {
        let second = since_epoch().as_secs();
        let mut cached = locked(&self.limits);
        if cached.0 != second {
            *cached = (second, build(second));
        }
        cached.1.clone()
    }

    /// An id that no other request of this simulator has.
    pub fn request_id(&self) -> String {
        format!("req_01{:012X}{:010X}", self.seed & 0xffff_ffff_ffff, self.count.fetch_add(1, Relaxed))
    }
}

fn build(second: u64) -> HeaderMap {
    let reset = rfc3339(second + 1);
    let mut headers = HeaderMap::with_capacity(20);
    for (name, limit, remaining) in LIMITS {
        let values =
            [("limit", limit.to_string()), ("remaining", remaining.to_string()), ("reset", reset.clone())];
        for (kind, value) in values {
            let name = HeaderName::try_from(format!("anthropic-ratelimit-{name}-{kind}"));
            if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
    }
    headers
}

/// Seconds since the Unix epoch as a date, by the civil-from-days method: eras of 400 years from March.
fn rfc3339(second: u64) -> String {
    let (days, rest) = (second / 86_400 + 719_468, second % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_reset_time_is_a_date_of_rfc_3339() {
        assert_eq!(super::rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(super::rfc3339(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(super::rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(super::rfc3339(1_767_225_600), "2026-01-01T00:00:00Z");
    }
}
