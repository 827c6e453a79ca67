//! One call, from what the caller wrote to a request that can be sent.

use http::{
    HeaderMap, HeaderValue, Method,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT},
};
use serde_json::Value;
use url::Url;

use super::{
    fields::Fields,
    headers, query,
    secrets::without_keys,
    settings::{CallSettings, Settings, Shape},
};
use crate::{
    Error, Result,
    body::Body,
    request::{Request, display_url, drop_credentials},
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
    /// Options for this call alone, as JSON; unknown names are the caller's own and are let be.
    pub options: Option<Value>,
}

const AGENT: HeaderValue = HeaderValue::from_static(concat!("trae-native/", env!("CARGO_PKG_VERSION")));
const ANYTHING: HeaderValue = HeaderValue::from_static("application/json, */*;q=0.9");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");

/// Checks the call and lays it over the client's settings.
pub(super) fn prepare(settings: &Settings, call: Call) -> Result<(Request, CallSettings)> {
    let mut own = settings.call.clone();
    let (mut given_headers, mut given_params) = (Value::Null, Value::Null);
    if let Some(options) = call.options {
        let mut fields = Fields::open("", options)?;
        given_headers = fields.take("headers").unwrap_or_default();
        given_params = fields.take("params").unwrap_or_default();
        own.read(&mut fields)?;
    }
    let (mut url, foreign) = target(settings, &call.url)?;
    if !foreign {
        query::append(&mut url, &settings.params);
    }
    query::append(&mut url, &query::encode(&given_params)?);

    let content = Content { body: &call.body, media_type: call.content_type };
    let headers = all_headers(settings, &own, foreign, &content, &given_headers)?;
    let request = Request {
        method: call.method,
        url,
        headers,
        body: call.body,
        options: std::sync::Arc::clone(&own.options),
        attempt: 1,
        extensions: http::Extensions::new(),
    };
    Ok((request, own))
}

struct Content<'a> {
    body: &'a Body,
    media_type: Option<String>,
}

/// The client's headers, then the content's, then the call's; each over those before.
fn all_headers(
    settings: &Settings,
    call: &CallSettings,
    foreign: bool,
    content: &Content<'_>,
    given: &Value,
) -> Result<HeaderMap> {
    let mut headers = settings.headers.clone();
    if foreign {
        drop_credentials(&mut headers, &call.options.secret_headers);
    }
    let form = media_type(&mut headers, content)?;
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
        _ => ANYTHING,
    });
    Ok(headers)
}

/// The media type of the content stands in where the client has none, and without content there is none.
/// That of a form, which names its boundary, replaces a default and is returned.
fn media_type(headers: &mut HeaderMap, content: &Content<'_>) -> Result<Option<HeaderValue>> {
    if let Body::Empty = content.body {
        headers.remove(CONTENT_TYPE);
        return Ok(None);
    }
    let Some(given) = &content.media_type else { return Ok(None) };
    let given = HeaderValue::from_str(given)
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
fn target(settings: &Settings, given: &str) -> Result<(Url, bool)> {
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
    Ok((below(base, given)?, false))
}

/// `//host` too: a browser reads it as another host, so we do not take it for a path.
fn is_absolute(url: &str) -> bool {
    let scheme = url.find("://").is_some_and(|end| {
        url[..end].bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    });
    scheme || url.starts_with("//")
}

/// Base and path with exactly one slash between them, the base's own query first.
fn below(base: &Url, given: &str) -> Result<Url> {
    if given.is_empty() {
        return Ok(base.clone());
    }
    let path_end = given.find(['?', '#']).unwrap_or(given.len());
    let (path, rest) = given.split_at(path_end);
    let prefix = format!("{}{}", base.origin().ascii_serialization(), base.path().trim_end_matches('/'));
    let text = match path.trim_start_matches('/') {
        "" if path.is_empty() => format!("{prefix}{}{rest}", if base.path() == "/" { "/" } else { "" }),
        path => format!("{prefix}/{path}{rest}"),
    };
    let mut url =
        Url::parse(&text).map_err(|cause| Error::config(format!("the URL is not valid: {cause}")))?;
    if let Some(query) = base.query() {
        let own = url.query().map(str::to_owned);
        url.set_query(Some(&own.map_or_else(|| query.to_owned(), |own| format!("{query}&{own}"))));
    }
    Ok(url)
}

fn web(url: Url) -> Result<Url> {
    if !matches!(url.scheme(), "http" | "https") {
        let scheme = without_keys(url.scheme());
        return Err(Error::config(format!("only http:// and https:// can be called, got {scheme}:")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::config("the URL holds a user name or password: use `headers` instead"));
    }
    Ok(url)
}
