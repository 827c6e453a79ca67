//! What an answer says of the API's own limits. Pure.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, header::DATE};

use super::cost::Of;

/// What was said of each limit, in the order of [`Of::ALL`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told(pub [OfOne; 3]);

/// What was said of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct OfOne {
    /// How much per minute.
    pub limit: Option<u64>,
    /// How much of it is left.
    pub left: Option<u64>,
    /// In which time all of it is there again.
    pub reset: Option<Duration>,
}

impl Told {
    /// By the headers of the Messages API. Its clock is compared with itself: ours may go wrong.
    pub fn of(headers: &HeaderMap) -> Self {
        if !headers.keys().any(|name| name.as_str().starts_with(PREFIX)) {
            return Self::default();
        }
        let date = headers.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        let now = date.unwrap_or_else(SystemTime::now);
        Self(Of::ALL.map(|of| {
            let text = |what: &str| headers.get(format!("{PREFIX}{}-{what}", of.name()))?.to_str().ok();
            let number = |what: &str| text(what)?.trim().parse().ok();
            let reset = text("reset").and_then(timestamp);
            OfOne {
                limit: number("limit").filter(|limit| *limit > 0),
                left: number("remaining"),
                reset: reset.map(|at| at.duration_since(now).unwrap_or_default()),
            }
        }))
    }
}

const PREFIX: &str = "anthropic-ratelimit-";

/// A moment by RFC 3339 in UTC, its fractions of a second left out.
fn timestamp(text: &str) -> Option<SystemTime> {
    let text = text.trim().strip_suffix(['Z', 'z'])?;
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-').map(str::parse::<u64>);
    let mut time = time.split(['.', ':']).take(3).map(str::parse::<u64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 24 {
        return None;
    }
    // Days by the civil calendar, its years begun in March so that a leap day is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(UNIX_EPOCH + Duration::from_secs(days * 86_400 + hour * 3600 + minute * 60 + second))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn told(headers: &[(&'static str, &'static str)]) -> Told {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        Told::of(&headers.iter().map(pair).collect())
    }

    #[test]
    fn each_limit_says_how_much_there_is_and_is_left_and_when_all_is_there_again() {
        let Told([requests, input, output]) = told(&[
            ("date", "Thu, 29 Feb 2024 23:59:30 GMT"),
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "49"),
            ("anthropic-ratelimit-requests-reset", "2024-03-01T00:00:00Z"),
            ("anthropic-ratelimit-input-tokens-remaining", "0"),
            ("anthropic-ratelimit-input-tokens-reset", "2024-02-29T00:00:00.5Z"),
            ("anthropic-ratelimit-output-tokens-limit", "many"),
        ]);
        let reset = Some(Duration::from_secs(30));
        assert_eq!(requests, OfOne { limit: Some(50), left: Some(49), reset });
        assert_eq!(input, OfOne { limit: None, left: Some(0), reset: Some(Duration::ZERO) });
        assert_eq!(output, OfOne::default());
        assert_eq!(told(&[("date", "Thu, 29 Feb 2024 23:59:30 GMT")]), Told::default());
    }

    #[test]
    fn a_moment_is_the_one_of_the_calendar_or_none() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:30:15Z", Some(951_827_415)),
            ("2026-11-26T05:53:17.123Z", Some(1_795_672_397)),
            ("2024-01-01", None),
            ("2024-13-01T00:00:00Z", None),
            ("soon", None),
        ] {
            let expected = seconds.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(timestamp(text), expected, "{text}");
        }
    }
}
