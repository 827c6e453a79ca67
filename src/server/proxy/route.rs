//! What a request is for: pure. The one table of all places, so that a test can walk them.

use http::Method;

use super::callers::Need;

/// A place of the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// The API behind it.
    Api,
    /// Whether the process lives.
    Health,
    /// Whether it takes requests.
    Ready,
    /// Figures for Prometheus.
    Metrics,
    /// What the page needs to know at its start.
    About,
    /// Figures as they come, for the page.
    Figures,
    /// The last requests.
    Requests,
    /// One of them, with what was asked and answered.
    OneRequest(u64),
    /// A file of the page.
    Page(&'a str),
}

/// Where a request goes that goes nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nowhere {
    /// There is no such place.
    NotFound,
    /// It takes other methods.
    Method,
    /// The path could be read in two ways.
    Ambiguous,
}

impl Place<'_> {
    /// What it needs of whoever asks.
    pub(super) fn need(self) -> Need {
        match self {
            Self::Health | Self::Ready => Need::Nobody,
            Self::Api => Need::Caller,
            Self::Metrics
            | Self::About
            | Self::Figures
            | Self::Requests
            | Self::OneRequest(_)
            | Self::Page(_) => Need::Admin,
        }
    }
}

/// The methods of the API.
const API: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// The place that a request is for.
pub(super) fn route<'a>(method: &Method, path: &'a str) -> Result<Place<'a>, Nowhere> {
    if path.starts_with("/v1/") {
        // TRACE would send the key back, CONNECT would open a tunnel, and of others nobody knows what they do.
        if !API.contains(method) {
            return Err(Nowhere::Method);
        }
        return if is_plain(path) { Ok(Place::Api) } else { Err(Nowhere::Ambiguous) };
    }
    let place = match path {
        "/healthz" => Place::Health,
        "/readyz" => Place::Ready,
        "/metrics" => Place::Metrics,
        "/-/about" => Place::About,
        "/-/figures" => Place::Figures,
        "/-/requests" => Place::Requests,
        "/" => Place::Page("index.html"),
        _ => {
            let one = path.strip_prefix("/-/requests/").and_then(|id| id.parse().ok());
            let asset = path.strip_prefix('/').filter(|file| file.starts_with("assets/") && is_plain(path));
            match (one, asset) {
                (Some(id), _) => Place::OneRequest(id),
                (None, Some(file)) => Place::Page(file),
                (None, None) => return Err(Nowhere::NotFound),
            }
        }
    };
    if matches!(*method, Method::GET | Method::HEAD) { Ok(place) } else { Err(Nowhere::Method) }
}

/// Whether every server reads this path as we do: the key that goes with it is good for all of the API's host.
fn is_plain(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let hides = ["%2e", "%2f", "%5c", "%00", "%25", "%c0"].iter().any(|hidden| lower.contains(hidden));
    let steps = || path.split(['/', '\\']);
    !hides && !path.contains('\\') && !steps().any(|step| matches!(step.split(';').next(), Some("." | "..")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_could_lead_out_of_the_api_is_refused() {
        for path in [
            "/v1/../x",
            "/v1/./x",
            "/v1/%2e%2e/x",
            "/v1/..%2Fx",
            "/v1/a\\..\\x",
            "/v1/%5C",
            "/v1/messages/..",
        ] {
            assert_eq!(route(&Method::GET, path), Err(Nowhere::Ambiguous), "{path}");
        }
        for path in ["/v1/messages", "/v1/files/file..1/content", "/v1/models/claude.4"] {
            assert_eq!(route(&Method::POST, path), Ok(Place::Api), "{path}");
        }
    }

    #[test]
    fn what_shows_anything_of_others_needs_an_admin() {
        for path in
            ["/metrics", "/", "/assets/a.js", "/-/about", "/-/figures", "/-/requests", "/-/requests/7"]
        {
            assert_eq!(route(&Method::GET, path).unwrap().need(), Need::Admin, "{path}");
            assert_eq!(route(&Method::POST, path), Err(Nowhere::Method), "{path}");
        }
        for path in ["/healthz", "/readyz"] {
            assert_eq!(route(&Method::HEAD, path).unwrap().need(), Need::Nobody, "{path}");
        }
        for path in ["/v2", "/v1", "/-/", "/-/requests/x", "/assets/../x", "//v1/messages"] {
            assert_eq!(route(&Method::GET, path), Err(Nowhere::NotFound), "{path}");
        }
    }
}
