//! One call, from what the caller wrote to a request that can be sent.

use http::{
    Extensions, HeaderMap, HeaderValue, Method,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT},
};
use serde_json::Value;
use url::Url;

use super::{
    fields::Fields,
    headers, query, rooms,
    secrets::without_keys,
    settings::{CallSettings, Settings, Shape},
};
use crate::{
    Error, Result,
    body::Body,
    request::{CallId, Request, display_url, drop_credentials},
};

/// What the caller asks for, nothing of it checked yet.
#[derive(Debug, Default)]
pub struct Call {
    /// The HTTP method.
    pub method: Method,
    /// A path below the base URL, or an absolute URL.
    pub url: String,
    /// The encoded content.
    pub body: Body,
    /// The media type of the content, used where no header says otherwise.
    pub content_type: Option<String>,
    /// Headers over those of the client, checked already.
    pub headers: HeaderMap,
    /// Whether somebody else has asked, for whom it is passed on: whatever the answer, it is given back as it came, and a
    /// stream of a message that ends before its message does has failed.
    pub passes: bool,
    /// Options for this call alone, as JSON; unknown names are the caller's own and are let be.
    pub options: Option<Value>,
    /// Attempts made before, by whoever makes the call again.
    pub attempts: u32,
    /// The bag that the request starts with.
    pub extensions: Extensions,
}

pub(super) const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("trae-native/", env!("CARGO_PKG_VERSION")));
pub(super) const ANYTHING: HeaderValue = HeaderValue::from_static("application/json, */*;q=0.9");
const WHATEVER: HeaderValue = HeaderValue::from_static("*/*");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");

/// Checks the call and lays it over the client's settings.
pub(super) fn prepare(settings: &Settings, call: Call) -> Result<(Request, CallSettings)> {
    let mut own = settings.call.clone();
    let mut extensions = call.extensions;
    extensions.get_or_insert_with(CallId::next);
    let (mut given_headers, mut given_params) = (Value::Null, Value::Null);
    if call.passes {
        own.pass();
    }
    if let Some(options) = call.options {
        let mut fields = Fields::open("", options)?;
        given_headers = fields.take("headers").unwrap_or_default();
        given_params = fields.take("params").unwrap_or_default();
        if let Some(retry) = fields.take("retry") {
            extensions.insert(rooms::retry::for_call(retry)?);
        }
        if let Some(cache) = fields.take("cache") {
            extensions.insert(rooms::cache::for_call(cache)?);
        }
        if let Some(session) = fields.internal_value("$session") {
            extensions.insert(rooms::session::for_call(session)?);
        }
        if let Some(priority) = fields.take("priority") {
            extensions.insert(rooms::priority(&priority)?);
        }
        own.read(&mut fields)?;
    }
    let (mut url, foreign) = target(settings, &call.url)?;
    if !foreign {
        query::append(&mut url, &settings.params);
    }
    query::append(&mut url, &query::encode(&given_params)?);

    let content = Content { body: &call.body, media_type: call.content_type, headers: call.headers };
    let headers = all_headers(settings, &own, foreign, content, &given_headers)?;
    let request = Request {
        method: call.method,
        url,
        headers,
        body: call.body,
        options: std::sync::Arc::clone(&own.options),
        attempt: call.attempts.saturating_add(1),
        extensions,
    };
    Ok((request, own))
}

struct Content<'a> {
    body: &'a Body,
    media_type: Option<String>,
    /// What the caller says of it, and of all else.
    headers: HeaderMap,
}

/// The client's headers, then the content's, then the call's; each over those before.
fn all_headers(
    settings: &Settings,
    call: &CallSettings,
    foreign: bool,
    content: Content<'_>,
    given: &Value,
) -> Result<HeaderMap> {
    let mut headers = settings.headers.clone();
    if foreign {
        drop_credentials(&mut headers, &call.options.secret_headers);
    }
    let form = media_type(&mut headers, content.body, content.media_type)?;
    headers::replace(&mut headers, content.headers);
    headers::apply(&mut headers, given)?;
    if let Some(form) = form
        && headers.get(CONTENT_TYPE).is_some_and(is_multipart)
    {
        // What separates the parts is in the body already, and nobody else can name it.
        headers.insert(CONTENT_TYPE, form);
    }
    // A length that is not the body's would cut it short or keep the server waiting. Only of a stream
    // can the caller know what we do not.
    if !matches!(content.body, Body::Stream(_)) {
        headers.remove(CONTENT_LENGTH);
    }
    headers.entry(USER_AGENT).or_insert(AGENT);
    headers.entry(ACCEPT).or_insert(match call.shape {
        Shape::Events | Shape::Sse => EVENTS,
        Shape::Fetch | Shape::FetchSeen | Shape::Passed => WHATEVER,
        _ => ANYTHING,
    });
    Ok(headers)
}

/// What the headers have to say of another content.
pub(super) fn describe_content(
    headers: &mut HeaderMap,
    body: &Body,
    media_type: Option<String>,
) -> Result<()> {
    headers.remove(CONTENT_LENGTH);
    let form = self::media_type(headers, body, media_type)?;
    if let Some(form) = form {
        headers.insert(CONTENT_TYPE, form);
    }
    Ok(())
}

/// The media type of the content stands in where the client has none, and without content there is none.
/// That of a form, which names its boundary, replaces a default and is returned.
fn media_type(headers: &mut HeaderMap, body: &Body, given: Option<String>) -> Result<Option<HeaderValue>> {
    if let Body::Empty = body {
        headers.remove(CONTENT_TYPE);
        return Ok(None);
    }
    let Some(given) = given else { return Ok(None) };
    let given = HeaderValue::from_str(&given)
        .map_err(|_| Error::config("the body's media type has a character that may not be sent"))?;
    let form = Some(given.clone()).filter(|given| is_multipart(given) && names_boundary(given));
    if form.is_some() || !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, given);
    }
    Ok(form)
}

fn is_multipart(media_type: &HeaderValue) -> bool {
    let start = media_type.as_bytes().get(.."multipart/".len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/"))
}

fn names_boundary(media_type: &HeaderValue) -> bool {
    media_type.as_bytes().to_ascii_lowercase().windows(9).any(|part| part == b"boundary=")
}

/// Where the call goes, and whether that is another origin than the client's.
pub(super) fn target(settings: &Settings, given: &str) -> Result<(Url, bool)> {
    let Some(base) = &settings.base else {
        let url = Url::parse(given).map_err(|cause| {
            Error::config(format!("the URL is not absolute ({cause}) and the client has no `baseURL`"))
        })?;
        return Ok((web(url)?, false));
    };
    if is_absolute(given) {
        let url = web(base
            .join(given)
            .map_err(|cause| Error::config(format!("the URL is not valid: {cause}")))?)?;
        let foreign = url.origin() != base.origin();
        if foreign && !settings.allow_absolute_urls {
            return Err(Error::config(format!(
                "{} is not on the client's origin {}: set `allowAbsoluteUrls` to send it there without the client's credentials",
                display_url(&url),
                base.origin().ascii_serialization()
            )));
        }
        return Ok((url, foreign));
    }
    Ok((below(base, given), false))
}

/// `//host` too: a browser reads it as another host, so we do not take it for a path.
fn is_absolute(url: &str) -> bool {
    let scheme = url.find("://").is_some_and(|end| {
        url[..end].bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    });
    scheme || url.starts_with("//")
}

/// Base and path with exactly one slash between them, the base's own query first. Set part by part: neither
/// is the host parsed again, nor can a path with slashes of any kind in odd places become another host.
fn below(base: &Url, given: &str) -> Url {
    if given.is_empty() {
        return base.clone();
    }
    let (given, fragment) = split(given, '#');
    let (path, query) = split(given, '?');
    let mut url = base.clone();
    if !path.is_empty() {
        let prefix = base.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}/{}", path.trim_start_matches('/')));
    }
    if let Some(query) = query {
        match base.query() {
            Some(first) => url.set_query(Some(&format!("{first}&{query}"))),
            None => url.set_query(Some(query)),
        }
    }
    url.set_fragment(fragment);
    url
}

fn split(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(before, after)| (before, Some(after)))
}

pub(super) fn web(url: Url) -> Result<Url> {
    if !matches!(url.scheme(), "http" | "https") {
        let scheme = without_keys(url.scheme());
        return Err(Error::config(format!("only http:// and https:// can be called, got {scheme}:")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::config("the URL holds a user name or password: use `headers` instead"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::request::Expect;

    #[test]
    fn a_path_goes_below_the_base_whatever_slashes_either_has() {
        for (base, path, expected) in [
            ("http://h", "", "http://h/"),
            ("http://h", "/a", "http://h/a"),
            ("http://h/", "a", "http://h/a"),
            ("http://h/v1", "/a/b/", "http://h/v1/a/b/"),
            ("http://h/v1/", "a?x=1#f", "http://h/v1/a?x=1#f"),
            ("http://h/v1", "?x=1", "http://h/v1?x=1"),
            ("http://h/v1", "/", "http://h/v1/"),
            ("http://h/v1", "#f", "http://h/v1#f"),
            ("http://h/v1?k=1#old", "/a?x=2", "http://h/v1/a?k=1&x=2"),
            ("http://h/v1?k=1", "/a", "http://h/v1/a?k=1"),
            ("http://h/v1", "/a?x=1?y#f?g#h", "http://h/v1/a?x=1?y#f?g#h"),
            ("http://h/v1", "/ä b", "http://h/v1/%C3%A4%20b"),
        ] {
            assert_eq!(below(&Url::parse(base).unwrap(), path).as_str(), expected, "{base} and {path}");
        }
    }

    #[test]
    fn a_request_knows_the_clients_own_base_but_not_its_query() {
        let config = json!({ "baseURL": "https://api.example/v1?key=secret#x", "allowAbsoluteUrls": true });
        let settings = Settings::read(config).unwrap();
        for (url, home) in [
            ("/messages", true),
            ("https://api.example:443/other", true),
            ("https://api.example:8443/", false),
            ("http://api.example/", false),
            ("https://evil.example/", false),
        ] {
            let call = Call { url: url.to_owned(), ..Call::default() };
            let (request, _) = prepare(&settings, call).unwrap();
            assert_eq!(request.is_home(), home, "{url}");
            assert_eq!(request.options.home.as_ref().unwrap().as_str(), "https://api.example/v1");
        }
        let (request, _) = prepare(
            &Settings::read(json!({})).unwrap(),
            Call { url: "https://anywhere.example/".to_owned(), ..Call::default() },
        )
        .unwrap();
        assert!(request.is_home(), "without a base there is no other origin");
    }

    #[test]
    fn no_path_leads_to_another_host() {
        let base = Url::parse("https://api.example/v1").unwrap();
        for path in [
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "\t//evil.example",
            "@evil.example",
            ":1@evil",
            "/\n/x",
        ] {
            let url = below(&base, path);
            assert_eq!(url.origin(), base.origin(), "{path:?}");
            assert!(url.username().is_empty(), "{path:?}");
        }
    }

    #[test]
    fn layers_are_told_which_call_it_is_and_whether_its_events_are_of_a_protocol() {
        let settings = Settings::read(serde_json::json!({ "baseURL": "http://h" })).unwrap();
        let request = |shape: &str| {
            let options = Some(serde_json::json!({ "responseType": shape }));
            prepare(&settings, Call { options, ..Call::default() }).unwrap().0
        };
        let (events, text) = (request("events"), request("sse"));
        let id = |request: &Request| *request.extensions.get::<CallId>().unwrap();
        assert_ne!(id(&events), id(&text));
        assert_eq!(id(&events), id(&events.replay().unwrap()), "another attempt is the same call");
        assert_eq!((events.options.expect, text.options.expect), (Expect::Events, Expect::TextEvents));
    }
}
