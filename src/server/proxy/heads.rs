//! Headers on their way through: pure. What is about one connection stays there, and no key goes where it has no
//! business.

use std::{fmt::Write, time::Duration};

use http::{
    HeaderMap, HeaderName, HeaderValue, Version,
    header::{
        ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, ORIGIN, PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    },
};

use crate::request::is_credential;

/// Those that are about one connection, and not about what it carries.
const HOPS: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The conversation that a request is a turn of.
pub(super) const SESSION: HeaderName = HeaderName::from_static("x-session-id");
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Takes away what is about the connection it came over, and what that says is about it, too.
fn drop_hops(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in HOPS {
        headers.remove(name);
    }
}

/// A request's, as they go on. Where a key of ours goes with it, none of the caller's does.
pub(super) fn onward(mut headers: HeaderMap, keeps_key: bool) -> HeaderMap {
    drop_hops(&mut headers);
    // The body's length is known where it is; what we can undo we ask for ourselves.
    for name in [HOST, EXPECT, PROXY_AUTHORIZATION, ACCEPT_ENCODING, SESSION, ORIGIN] {
        headers.remove(name);
    }
    if keeps_key {
        let theirs: Vec<HeaderName> = headers.keys().filter(|name| is_credential(name)).cloned().collect();
        for name in theirs {
            headers.remove(name);
        }
        own(&mut headers);
        return headers;
    }
    own(&mut headers);
    for (name, value) in &mut headers {
        value.set_sensitive(is_credential(name));
    }
    headers
}

/// Values by themselves: as they came they hold all of what was read from the connection together with them, for as
/// long as anybody keeps one of them.
fn own(headers: &mut HeaderMap) {
    for value in headers.values_mut() {
        if let Ok(own) = HeaderValue::from_bytes(value.as_bytes()) {
            *value = own;
        }
    }
}

/// An answer's, as they go back.
pub(super) fn back(mut headers: HeaderMap) -> HeaderMap {
    drop_hops(&mut headers);
    headers
}

/// What is wrong with how a request says where it ends; hyper has read it already, and refused what is worse.
pub(super) fn ambiguity(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    // hyper undoes the last coding, and would hand on the others as if there were none.
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let plain = codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if !plain || codings.next().is_some() {
        return Some("it is coded in more ways than by chunks");
    }
    if headers.get_all(CONTENT_LENGTH).iter().count() > 1 {
        return Some("it has two lengths");
    }
    let hosts = headers.get_all(HOST).iter().count();
    if hosts > 1 || (version == Version::HTTP_11 && hosts == 0) {
        return Some("it must name one host");
    }
    None
}

/// Whether a page of another site asks, by way of somebody's browser.
pub(super) fn is_of_another_site(headers: &HeaderMap, authority: Option<&str>) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        let fetched = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        return matches!(fetched, Some(b"cross-site" | b"same-site"));
    };
    let origin = origin.to_str().unwrap_or_default();
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_none() || host != authority
}

/// Whether this name can't be one that somebody else has pointed at us: an address, a name without a dot, or one that
/// the options list.
pub(super) fn is_own_host(authority: &str, hosts: &[String]) -> bool {
    let host = authority.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
    let host = host.map_or(authority, |(host, _)| host);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<std::net::IpAddr>().is_ok()
        || !host.contains('.')
        || host.ends_with(".localhost")
        || hosts.iter().any(|known| known.eq_ignore_ascii_case(host) || known.eq_ignore_ascii_case(authority))
}

/// `server-timing`: what took how long, in milliseconds.
pub(super) fn server_timing(parts: &[(&str, Option<Duration>)]) -> Option<HeaderValue> {
    let mut told = String::with_capacity(96);
    for (name, took) in parts {
        let Some(micros) = took.map(|took| took.as_micros()) else { continue };
        let comma = if told.is_empty() { "" } else { ", " };
        let _infallible = write!(told, "{comma}{name};dur={}.{:03}", micros / 1000, micros % 1000);
    }
    HeaderValue::try_from(told).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn what_is_about_the_connection_stays_there_also_what_it_names_itself() {
        let given = headers(&[
            ("connection", "keep-alive, X-Own"),
            ("x-own", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("transfer-encoding", "chunked"),
            ("host", "proxy"),
            ("anthropic-version", "2023-06-01"),
        ]);
        let on = onward(given, true);
        assert_eq!(on.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["anthropic-version"]);
    }

    #[test]
    fn no_key_of_a_caller_goes_on_beside_ours_and_without_ours_it_does() {
        let given =
            || headers(&[("x-api-key", "theirs"), ("authorization", "Bearer theirs"), ("cookie", "a=b")]);
        assert!(onward(given(), true).is_empty());
        let on = onward(given(), false);
        assert_eq!(on.len(), 3);
        assert!(on.values().all(HeaderValue::is_sensitive));
    }

    #[test]
    fn another_sites_page_is_told_from_our_own_and_from_who_is_no_browser() {
        let own = Some("127.0.0.1:8787");
        for (pairs, expected) in [
            (&[][..], false),
            (&[("origin", "http://127.0.0.1:8787")][..], false),
            (&[("origin", "http://127.0.0.1:9999")][..], true),
            (&[("origin", "null")][..], true),
            (&[("sec-fetch-site", "cross-site")][..], true),
            (&[("sec-fetch-site", "none")][..], false),
        ] {
            assert_eq!(is_of_another_site(&headers(pairs), own), expected, "{pairs:?}");
        }
    }

    #[test]
    fn a_name_that_somebody_could_point_at_us_is_not_ours_unless_it_is_listed() {
        let listed = ["proxy.example".to_owned()];
        for (host, expected) in [
            ("127.0.0.1:8787", true),
            ("[::1]:8787", true),
            ("localhost", true),
            ("proxy:8787", true),
            ("proxy.example:8787", true),
            ("evil.example", false),
            ("evil.example:8787", false),
        ] {
            assert_eq!(is_own_host(host, &listed), expected, "{host}");
        }
    }
}
