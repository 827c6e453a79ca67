//! Judges redirects: pure, from the policy and the two URLs.

use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use url::Url;

use crate::{Error, ErrorKind, Phase, Result, request::{Redirect, display_url}};

/// Hops after which a chain of redirects is taken for a loop.
const MOST_HOPS: usize = 10;

/// Headers that name somebody, besides those the caller calls secret.
const CREDENTIALS: [&str; 6] =
    ["authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key"];

/// What to do with an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the answer.
    Answer,
    /// Ask there instead.
    Follow(Hop),
}

/// The next request of a chain.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub url: Url,
    pub method: Method,
    pub drop_body: bool,
    pub drop_credentials: bool,
}

/// Judges an answer to `method` at `from` that may point elsewhere.
pub(super) fn judge(
    policy: Redirect,
    method: &Method,
    status: StatusCode,
    headers: &HeaderMap,
    from: &Url,
    hops: usize,
) -> Result<Verdict> {
    let moved = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = headers.get(header::LOCATION).filter(|_| moved && policy != Redirect::Manual) else {
        return Ok(Verdict::Answer);
    };
    let refuse = |why: &str| {
        let message = format!("{} answered with a redirect {why}", display_url(from));
        Err(Error::new(ErrorKind::Redirect, Phase::FirstByte, message))
    };
    if policy == Redirect::Error {
        return refuse("and none is followed (redirect: 'error')");
    }
    if hops >= MOST_HOPS {
        return refuse("for the eleventh time: it goes round in circles");
    }
    let target = location.to_str().ok().and_then(|text| from.join(text).ok());
    let Some(mut url) = target.filter(|url| matches!(url.scheme(), "http" | "https")) else {
        return refuse("to something that is no http URL");
    };
    if from.scheme() == "https" && url.scheme() == "http" {
        return refuse("from https to http, which is never followed");
    }
    let foreign = url.origin() != from.origin();
    if foreign && policy == Redirect::SameOrigin {
        let there = url.origin().ascii_serialization();
        return refuse(&format!("to another origin, {there}: set redirect: 'follow' to go there without credentials"));
    }
    if url.fragment().is_none() {
        url.set_fragment(from.fragment());
    }
    let to_get = match status.as_u16() {
        303 => *method != Method::HEAD && *method != Method::GET,
        301 | 302 => *method == Method::POST,
        _ => false,
    };
    let method = if to_get { Method::GET } else { method.clone() };
    Ok(Verdict::Follow(Hop { url, method, drop_body: to_get, drop_credentials: foreign }))
}

/// Takes away what may not be shown to another origin.
pub(super) fn drop_credentials(headers: &mut HeaderMap, secret: &[HeaderName]) {
    for name in CREDENTIALS {
        headers.remove(name);
    }
    for name in secret {
        headers.remove(name);
    }
}
