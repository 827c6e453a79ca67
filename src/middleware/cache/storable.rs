//! What may be kept, and what of it: RFC 9111 as far as it makes sense for calls of an API that its caller has chosen
//! to keep answers of.
//!
//! `no-store` is obeyed on both sides, `no-cache` of a request, `private` where callers share, and `Vary`. A server's
//! `max-age` and `no-cache` are not: APIs send them with every stream, against proxies that would hold it up, and
//! how long an answer is good is what the caller says by installing a cache.

use std::borrow::Cow;

use aws_lc_rs::digest::{Context, SHA256};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE,
        TRANSFER_ENCODING, VARY,
    },
};
use serde::{Deserialize, de::IgnoredAny};

use crate::{
    request::is_credential,
    response::{Replaced, Response, StandIn},
};

/// What a request says of caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    None,
    /// Its answer comes from the server.
    Fresh,
    /// It has nothing to do with them.
    NoStore,
}

pub(super) fn wish(headers: &HeaderMap) -> Wish {
    if says(headers, "no-store") {
        Wish::NoStore
    } else if says(headers, "no-cache") {
        Wish::Fresh
    } else {
        Wish::None
    }
}

fn says(headers: &HeaderMap, directive: &str) -> bool {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|given| {
        let name = given.split('=').next().unwrap_or(given);
        name.trim().eq_ignore_ascii_case(directive)
    })
}

/// Whether an answer may be given to others, as far as its head tells. Only one that is final and does nothing
/// further: what was created or is still to come is no answer to the same question asked again.
pub(super) fn is_storable(res: &Response, shared: bool) -> bool {
    let is_final = matches!(
        res.status,
        StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION | StatusCode::NO_CONTENT
    );
    is_final
        && res.extensions.get::<Replaced>().is_none()
        && res.extensions.get::<StandIn>().is_none()
        && !says(&res.headers, "no-store")
        && !(shared && says(&res.headers, "private"))
        && !res.headers.get_all(VARY).iter().any(|value| value == "*")
}

/// Whether a whole content is complete, and no failure in the clothes of an answer.
pub(super) fn is_complete(headers: &HeaderMap, content: &[u8], message: bool) -> bool {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Read whole, a stream has nobody who would tell whether it has ended.
    if media.starts_with("text/event-stream") {
        return false;
    }
    if !message && !media.contains("json") {
        return true;
    }
    if message {
        return serde_json::from_slice::<Typed>(content).is_ok_and(|it| it.kind.as_deref() != Some("error"));
    }
    content.is_empty() || serde_json::from_slice::<IgnoredAny>(content).is_ok()
}

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
}

/// The headers that are given to others: not what was meant for one caller, one moment or one connection.
pub(super) fn lasting(headers: &HeaderMap) -> HeaderMap {
    let personal = |name: &HeaderName, value: &HeaderValue| {
        let text = name.as_str();
        value.is_sensitive()
            || is_credential(name)
            || [SET_COOKIE, CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH, RETRY_AFTER].contains(name)
            || text.starts_with("anthropic-ratelimit-")
            || text.starts_with("x-ratelimit-")
            || text == "keep-alive"
    };
    let kept = headers.iter().filter(|(name, value)| !personal(name, value));
    kept.map(|(name, value)| (name.clone(), own(value))).collect()
}

/// A value by itself: as it came it holds all of what was read from the network together with it.
pub(super) fn own(value: &HeaderValue) -> HeaderValue {
    let Ok(mut own) = HeaderValue::from_bytes(value.as_bytes()) else { return value.clone() };
    own.set_sensitive(value.is_sensitive());
    own
}

/// What an answer says that it depends on besides: the values that a request had, as a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) names: Vec<HeaderName>,
    pub(super) values: [u8; 32],
}

impl Variant {
    /// Of an answer to a request with these headers, but for those that are told apart anyway.
    pub(super) fn of(
        answer: &HeaderMap,
        request: &HeaderMap,
        known: impl Fn(&HeaderName) -> bool,
    ) -> Option<Self> {
        let listed = answer.get_all(VARY).iter().filter_map(|value| value.to_str().ok());
        let mut names: Vec<HeaderName> = listed
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            // The engine decodes what comes.
            .filter(|name| *name != ACCEPT_ENCODING && !is_credential(name) && !known(name))
            .collect();
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        (!names.is_empty()).then(|| Self { values: digest(&names, request), names })
    }

    /// Whether it is the answer to a request with these headers too.
    pub(super) fn fits(&self, request: &HeaderMap) -> bool {
        digest(&self.names, request) == self.values
    }
}

fn digest(names: &[HeaderName], request: &HeaderMap) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for name in names {
        let values = request.get_all(name);
        context.update(&(values.iter().count() as u64).to_le_bytes());
        for value in values {
            context.update(&(value.len() as u64).to_le_bytes());
            context.update(value.as_bytes());
        }
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: &[(&'static str, &'static str)]) -> HeaderMap {
        given
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn what_a_request_says_of_caches_is_read_in_every_spelling() {
        for (value, expected) in [
            ("no-store", Wish::NoStore),
            ("max-age=0, No-Store", Wish::NoStore),
            ("no-cache", Wish::Fresh),
            ("no-cache, no-store", Wish::NoStore),
            ("max-age=60", Wish::None),
            ("x-no-store", Wish::None),
        ] {
            assert_eq!(wish(&headers(&[("cache-control", value)])), expected, "{value}");
        }
    }

    #[test]
    fn what_was_meant_for_one_caller_one_moment_or_one_connection_is_not_kept() {
        let all = headers(&[
            ("set-cookie", "session=1"),
            ("content-type", "application/json"),
            ("request-id", "req_1"),
            ("anthropic-ratelimit-requests-remaining", "9"),
            ("x-session-token", "secret"),
            ("retry-after", "1"),
            ("content-length", "7"),
        ]);
        assert_eq!(lasting(&all), headers(&[("content-type", "application/json"), ("request-id", "req_1")]));
    }

    #[test]
    fn an_answer_that_varies_fits_requests_with_the_same_headers_only() {
        let request = headers(&[("accept-language", "de"), ("accept", "x")]);
        let vary = headers(&[("vary", "Accept-Encoding, Accept-Language, accept, authorization")]);
        let variant = Variant::of(&vary, &request, |name| *name == http::header::ACCEPT).unwrap();
        assert_eq!(variant.names, ["accept-language"]);
        assert!(variant.fits(&headers(&[("accept-language", "de")])));
        assert!(!variant.fits(&headers(&[("accept-language", "en")])) && !variant.fits(&HeaderMap::new()));
        let none = Variant::of(&headers(&[("vary", "accept-encoding")]), &request, |_| false);
        assert_eq!(none, None);
    }

    #[test]
    fn a_failure_in_the_clothes_of_an_answer_is_not_complete() {
        let json = headers(&[("content-type", "application/json; charset=utf-8")]);
        for (headers, content, message, expected) in [
            (&json, &br#"{"type":"message"}"#[..], true, true),
            (&json, br#"{"type":"error"}"#, true, false),
            (&json, br#"{"type":"error"}"#, false, true),
            (&json, br#"{"type":"mess"#, false, false),
            (&json, b"", false, true),
            (&HeaderMap::new(), b"any", false, true),
            (&HeaderMap::new(), b"any", true, false),
            (&self::headers(&[("content-type", "text/event-stream")]), b"data: 1", false, false),
        ] {
            assert_eq!(is_complete(headers, content, message), expected, "{content:?}");
        }
    }
}
