//! Judges a redirect: whether it is the answer, is followed, or may not be.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use url::Url;

use crate::{
    Error, ErrorKind, Phase, Result,
    request::{Redirect, display_url, drop_credentials},
};

/// A chain longer than this is taken for a mistake, as the WHATWG standard does.
const MAX_HOPS: usize = 20;

/// Headers that describe a body.
const OF_THE_BODY: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
    header::TRANSFER_ENCODING,
];

/// An answer as far as it may be a redirect, and the request that it answers.
pub(super) struct Seen<'a> {
    pub policy: Redirect,
    pub method: &'a Method,
    pub url: &'a Url,
    /// The body can be sent again.
    pub replayable: bool,
    pub status: StatusCode,
    pub location: Option<&'a HeaderValue>,
    /// What was asked before, in this call.
    pub trail: &'a [(Method, Url)],
}

/// What becomes of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the answer.
    Answer,
    /// This is asked next.
    Follow(Step),
}

/// The next request of a chain, as far as it differs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub url: Url,
    pub method: Method,
    pub drop_body: bool,
    /// It goes to another origin, which must not learn who is asking.
    pub drop_credentials: bool,
}

/// Judges an answer.
pub(super) fn judge(seen: &Seen<'_>) -> Result<Verdict> {
    let Some(location) = seen.location.filter(|_| is_redirect(seen.status)) else {
        return Ok(Verdict::Answer);
    };
    if seen.policy == Redirect::Manual {
        return Ok(Verdict::Answer);
    }
    let url = target(seen.url, location)?;
    let crosses = url.origin() != seen.url.origin();
    let refused = |why: &str| {
        // Of where it leads only the origin: the server wrote the rest, and may have written in a key that it was sent.
        let (from, to) = (display_url(seen.url), url.origin().ascii_serialization());
        Err(Error::new(ErrorKind::Redirect, Phase::FirstByte, format!("{from} redirects to {to}: {why}")))
    };
    match seen.policy {
        Redirect::Error => return refused("redirects are errors (`redirect: 'error'`)"),
        Redirect::SameOrigin if crosses => {
            return refused("another origin is not followed (`redirect: 'same-origin'`)");
        }
        _ if seen.url.scheme() == "https" && url.scheme() == "http" => {
            return refused("an encrypted call never goes on unencrypted");
        }
        _ => {}
    }
    let (method, drop_body) = next_method(seen.status, seen.method);
    if !drop_body && !seen.replayable {
        return refused("its body is streamed and cannot be sent again; send it as a whole");
    }
    if seen.trail.len() >= MAX_HOPS {
        return refused("that is one redirect too many (20)");
    }
    let mut before = seen.trail.iter().map(|(method, url)| (method, url)).chain([(seen.method, seen.url)]);
    if before.any(|(asked, place)| *asked == method && same_page(place, &url)) {
        return refused("that was asked before, so it would go round for ever");
    }
    Ok(Verdict::Follow(Step { url, method, drop_body, drop_credentials: crosses }))
}

/// Removes what must not go along.
pub(super) fn prepare(headers: &mut HeaderMap, step: &Step, secrets: &[HeaderName]) {
    if step.drop_body {
        for name in &OF_THE_BODY {
            headers.remove(name);
        }
    }
    if step.drop_credentials {
        drop_credentials(headers, secrets);
        // It names the first host, if the caller set it.
        headers.remove(header::HOST);
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// As browsers do it: only 307 and 308 repeat a POST.
fn next_method(status: StatusCode, method: &Method) -> (Method, bool) {
    match status.as_u16() {
        303 if *method == Method::HEAD => (Method::HEAD, true),
        303 => (Method::GET, true),
        301 | 302 if *method == Method::POST => (Method::GET, true),
        _ => (method.clone(), false),
    }
}

fn target(current: &Url, location: &HeaderValue) -> Result<Url> {
    let broken = |why: String| {
        let from = display_url(current);
        Error::new(ErrorKind::Redirect, Phase::FirstByte, format!("{from} redirects to nowhere: {why}"))
    };
    let text = std::str::from_utf8(location.as_bytes()).map_err(|err| broken(err.to_string()))?;
    let mut url = current.join(text).map_err(|err| broken(err.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(broken(format!("{} is not a scheme for HTTP", url.scheme())));
    }
    // A user named by the server is no credential of the caller; both calls fail only without a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if url.fragment().is_none() {
        url.set_fragment(current.fragment());
    }
    Ok(url)
}

fn same_page(a: &Url, b: &Url) -> bool {
    a[..url::Position::AfterQuery] == b[..url::Position::AfterQuery]
}

#[cfg(test)]
#[path = "redirect_tests.rs"]
mod tests;
