//! The centre of the onion: the transport, with bytes read as events and bad statuses as errors.
//!
//! Every layer further out therefore sees an error for a bad status, and events where there are events.
//! Whatever the server says about a request is told without that request's credentials.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};

use super::{fetched::Fetched, reply::Head, secrets::Secrets};
use crate::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    claude, jsonl,
    middleware::cache::CacheOverride,
    pipeline::{BoxFuture, Endpoint},
    redact::Rules,
    request::{AnyStatus, Expect, Repeated, Request, Sent},
    response::{Conceal, Response},
    sse,
};

/// How much of an error's body is kept, how much is read to search it, and how long it may take to come.
const ERROR_BODY: usize = 64 << 10;
const ERROR_BODY_READ: usize = ERROR_BODY + (16 << 10);
const ERROR_BODY_WAIT: Duration = Duration::from_secs(5);

pub(super) struct Wire {
    pub(super) transport: Arc<dyn Endpoint>,
}

impl Endpoint for Wire {
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move {
            if let Some(CacheOverride::Forget(_)) = req.extensions.get() {
                // It is no call, and must never become one.
                return Err(Error::config(
                    "no `cache()` stands where this call goes: there is nothing to forget",
                ));
            }
            let options = Arc::clone(&req.options);
            if let Some(sent) = req.extensions.get::<Sent>() {
                sent.count();
            }
            let any_status = req.extensions.get::<AnyStatus>().is_some();
            let repeated = req.extensions.get::<Repeated>().is_some();
            let fetched = req.extensions.get::<Fetched>().copied();
            let rules = req.extensions.get::<Arc<Rules>>();
            let secrets = Secrets::of(&req.headers).by(rules).and_query(&req.url);
            let res = self.transport.call(req).await?;
            let plain = options.redirect == crate::request::Redirect::Manual && res.status.is_redirection();
            if !any_status && !plain && !res.status.is_success() {
                return Err(refused(res, &secrets).await);
            }
            let mut res = match fetched {
                Some(fetched) => fetched.read(res).await?,
                None => read(res, options.expect, options.max_event_bytes)?,
            };
            // Of what `fetch` answers with nobody makes an error.
            if any_status && fetched.is_none() && !res.status.is_success() {
                res = judged(res, secrets.clone()).await;
            }
            if repeated || matches!(res.body, Body::Events(_)) {
                // Errors within the stream are made further out, where it is read.
                res.extensions.insert(Conceal::new(move |body| secrets.conceal_body(body)));
            }
            Ok(res)
        })
    }
}

/// Reads bytes as events, or as rows, where the caller or the media type says so.
fn read(mut res: Response, expect: Expect, max_event_bytes: usize) -> Result<Response> {
    let media = media_type(&res);
    let events = match expect {
        Expect::Auto => media.as_deref() == Some("text/event-stream"),
        Expect::Events | Expect::TextEvents | Expect::Rows => res.status.is_success(),
        Expect::Whole | Expect::Bytes | Expect::AsSent => false,
    };
    if !events {
        return Ok(res);
    }
    if let Some(problem) = media.as_deref().and_then(|media| one_answer(media, expect)) {
        return Err(Error::new(ErrorKind::Parse, Phase::FirstEvent, problem));
    }
    let bytes = match res.body {
        Body::Stream(bytes) => bytes,
        Body::Full(bytes) => once(bytes),
        Body::Empty => once(Bytes::new()),
        Body::Events(_) => return Ok(res),
    };
    let decoded = if expect == Expect::Rows { jsonl::rows } else { sse::events };
    res.body = Body::Events(decoded(bytes, max_event_bytes));
    Ok(res)
}

/// What is wrong with an answer of this type where a stream was asked for, if it is known to be none. One row is JSON.
fn one_answer(media: &str, expect: Expect) -> Option<String> {
    let hint = match media {
        "text/html" => "is that the API's URL?",
        "application/json" if expect != Expect::Rows => "does the request ask for a stream (`stream: true`)?",
        _ => return None,
    };
    let wanted = if expect == Expect::Rows { "rows of JSON" } else { "a stream of events" };
    Some(format!("expected {wanted}, got one answer of type {media}: {hint}"))
}

fn once(bytes: Bytes) -> crate::body::ByteStream {
    Box::pin(futures_util::stream::once(std::future::ready(Ok(bytes))))
}

/// The media type without its parameters, in lower case.
pub(super) fn media_type(res: &Response) -> Option<String> {
    let value = res.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or(value).trim().to_ascii_lowercase())
}

/// Stands with an answer whose status the caller judges himself: what it takes to make an error of it.
#[derive(Clone)]
pub(super) struct Judged {
    secrets: Arc<Secrets>,
    excerpt: Bytes,
}

/// A bad status that may be an answer all the same: it keeps its content, of which the beginning is read.
async fn judged(mut res: Response, secrets: Secrets) -> Response {
    let (excerpt, body) = beginning(std::mem::take(&mut res.body)).await;
    res.body = body;
    res.extensions.insert(Judged { secrets: Arc::new(secrets), excerpt });
    res
}

/// As much of a body as an error keeps, and the body as it was.
async fn beginning(body: Body) -> (Bytes, Body) {
    let mut stream = match body {
        Body::Full(bytes) => return (bytes.slice(..bytes.len().min(ERROR_BODY_READ)), Body::Full(bytes)),
        Body::Stream(stream) => stream,
        other @ (Body::Empty | Body::Events(_)) => return (Bytes::new(), other),
    };
    let (mut read, mut size) = (Vec::new(), 0);
    let until = tokio::time::Instant::now() + ERROR_BODY_WAIT;
    while size < ERROR_BODY_READ {
        let Ok(Some(chunk)) = tokio::time::timeout_at(until, stream.next()).await else { break };
        let Ok(bytes) = &chunk else {
            read.push(chunk);
            break;
        };
        size += bytes.len();
        read.push(chunk);
    }
    let excerpt: Vec<u8> = read.iter().flatten().flat_map(|bytes| bytes.iter().copied()).collect();
    let body = futures_util::stream::iter(read).chain(stream);
    (excerpt.into(), Body::Stream(Box::pin(body)))
}

/// The error that an answer stands for which its caller does not take.
pub fn refusal(head: &Head) -> Option<Error> {
    let Judged { secrets, excerpt } = head.extensions.get()?;
    let error = told(head.status, head.headers.clone(), excerpt.clone(), secrets);
    Some(error.with_history(head.history.clone()).with_attempts(head.attempts))
}

/// The error that a bad status stands for; a body that does not come in time is left out.
async fn refused(res: Response, secrets: &Secrets) -> Error {
    let Response { status, headers, body, attempts, url, .. } = res;
    let body = match tokio::time::timeout(ERROR_BODY_WAIT, excerpt(body)).await {
        Ok(bytes) => bytes,
        Err(_) => Bytes::new(),
    };
    let error = told(status, headers, body, secrets).with_attempts(attempts);
    match (status, twice(url.path())) {
        (StatusCode::NOT_FOUND, Some(step)) => {
            error.with_note(&format!("it went to {}: `{step}` stands in `baseURL` already", url.path()))
        }
        _ => error,
    }
}

/// The version of an API that stands twice in a path.
fn twice(path: &str) -> Option<&str> {
    let steps: Vec<&str> = path.split('/').collect();
    let is_version = |step: &str| step.len() <= 4 && step.starts_with('v') && step[1..].parse::<u8>().is_ok();
    steps.windows(2).find(|two| two[0] == two[1] && is_version(two[0])).map(|two| two[0])
}

/// As much of an error's body as is kept; what cannot be read is not what the caller needs to know.
async fn excerpt(body: Body) -> Bytes {
    match body {
        Body::Full(bytes) => bytes.slice(..bytes.len().min(ERROR_BODY_READ)),
        Body::Stream(mut stream) => {
            let mut kept = Vec::new();
            while let Some(Ok(chunk)) = stream.next().await {
                let room = ERROR_BODY_READ.saturating_sub(kept.len());
                kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if kept.len() >= ERROR_BODY_READ {
                    break;
                }
            }
            kept.into()
        }
        Body::Empty | Body::Events(_) => Bytes::new(),
    }
}

/// The error that an answer with this status stands for, to a request with these headers.
pub(super) fn describe(
    status: StatusCode,
    headers: &HeaderMap,
    body: Bytes,
    sent: &serde_json::Value,
    rules: &Arc<Rules>,
) -> Error {
    let mut request = HeaderMap::new();
    for (name, value) in sent.as_object().into_iter().flatten() {
        // One that could not be sent was repeated by nobody.
        let _ = super::headers::apply(&mut request, &serde_json::json!({ name.as_str(): value }));
    }
    told(status, headers.clone(), body, &Secrets::of(&request).by(Some(rules)))
}

/// Concealed first: what is read out of an answer may be repeated by the error.
fn told(status: StatusCode, mut headers: HeaderMap, body: Bytes, secrets: &Secrets) -> Error {
    secrets.conceal_headers(&mut headers);
    claude::describe(status, &headers, kept(&secrets.conceal_body(body)))
}

/// Cut only after it was searched: half a key at the end would be found by nobody.
fn kept(body: &Bytes) -> Bytes {
    body.slice(..body.len().min(ERROR_BODY))
}
