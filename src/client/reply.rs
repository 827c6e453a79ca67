//! An answer in the shape that the caller asked for.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, Method, StatusCode, Version, header::CONTENT_LENGTH};
use tokio::time::{Instant, sleep_until};
use url::Url;

use super::{
    events::{EventReader, Limits, Rules, TOTAL, UNFINISHED, timeout},
    secrets::Secrets,
    settings::{CallSettings, Shape, Total},
    wire::media_type,
};
use crate::{
    Phase, Result,
    body::{Body, ByteStream},
    claude::StreamRules,
    response::{Response, Timing},
    transport::collect,
};

/// What a call comes back with.
pub struct Reply {
    /// Status, headers and what it took to get them.
    pub head: Head,
    /// The content, or the stream of it.
    pub content: Content,
}

/// All of an answer but its content.
#[derive(Debug)]
pub struct Head {
    /// The status line's code.
    pub status: StatusCode,
    /// The protocol that carried it.
    pub version: Version,
    /// Headers as received, minus those of an encoding already undone.
    pub headers: HeaderMap,
    /// The URL that answered.
    pub url: Url,
    /// What is known about time so far.
    pub timing: Timing,
    /// How many attempts were made.
    pub attempts: u32,
}

/// Content in the shape asked for.
pub enum Content {
    /// There is none.
    Empty,
    /// A JSON text, not yet parsed: JavaScript does that best.
    Json(Bytes),
    /// Text.
    Text(Bytes),
    /// Bytes.
    Buffer(Bytes),
    /// Bytes as they come.
    Bytes(ByteStream),
    /// Events as they come.
    Events(Box<EventReader>),
}

/// What of a request its answer is read by.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) url: Url,
}

impl Asked {
    /// What a stream of JSON has to keep to. What the Messages API answers is a message; of other APIs we know less.
    fn rules(&self) -> StreamRules {
        if self.url.path().ends_with("/messages") { StreamRules::of_message() } else { StreamRules::new() }
    }
}

/// Brings an answer into shape; reads it to its end unless it is a stream.
pub(super) async fn shape(
    asked: &Asked,
    res: Response,
    call: &CallSettings,
    started: Instant,
) -> Result<Reply> {
    let media = media_type(&res);
    let length = content_length(&res.headers);
    let Response { status, version, headers, body, url, timing, attempts, mut extensions } = res;
    let head = Head { status, version, headers, url, timing, attempts };
    let deadline = match call.total {
        Total::Always(limit) => Some((started + limit, limit)),
        Total::Unlimited | Total::UntilStream(_) => None,
    };
    let content = match (body, call.shape) {
        (Body::Events(events), shape) => {
            let limits = Limits { first_event: call.options.timeouts.first_event, deadline };
            let rules = if shape == Shape::Sse {
                Rules::Text
            } else {
                let secrets = extensions.remove::<Secrets>().unwrap_or_default();
                Rules::Json { rules: asked.rules(), pings: call.pings, secrets }
            };
            Content::Events(Box::new(EventReader::new(events, rules, limits)))
        }
        (body, Shape::Bytes) => Content::Bytes(bounded(into_stream(body), deadline)),
        (body, shape) => {
            let bytes = collect(body, call.options.max_response_bytes, length).await?;
            whole(bytes, &form(shape, &asked.method, status, media.as_deref()))
        }
    };
    Ok(Reply { head, content })
}

/// How a whole answer is handed over: the rules of DESIGN §6.
fn form(shape: Shape, method: &Method, status: StatusCode, media: Option<&str>) -> Form {
    let bodiless = *method == Method::HEAD || matches!(status.as_u16(), 204 | 205 | 304);
    match (shape, media) {
        _ if bodiless => Form::Empty,
        (Shape::Json, _) => Form::Json,
        (Shape::Buffer, _) => Form::Buffer,
        (Shape::Text, _) | (_, None) => Form::Text,
        (_, Some(media)) if media == "application/json" || media.ends_with("+json") => Form::Json,
        (_, Some(media)) if media.starts_with("text/") => Form::Text,
        _ => Form::Buffer,
    }
}

enum Form {
    Empty,
    Json,
    Text,
    Buffer,
}

fn whole(bytes: Bytes, form: &Form) -> Content {
    match form {
        Form::Empty => Content::Empty,
        Form::Json if bytes.is_empty() => Content::Empty,
        Form::Json => Content::Json(bytes),
        Form::Text => Content::Text(bytes),
        Form::Buffer => Content::Buffer(bytes),
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn into_stream(body: Body) -> ByteStream {
    match body {
        Body::Stream(stream) => stream,
        Body::Full(bytes) => Box::pin(futures_util::stream::once(std::future::ready(Ok(bytes)))),
        Body::Empty | Body::Events(_) => Box::pin(futures_util::stream::empty()),
    }
}

/// Ends a stream of bytes with an error when the call's deadline passes.
fn bounded(stream: ByteStream, deadline: Option<(Instant, Duration)>) -> ByteStream {
    let Some((at, limit)) = deadline else { return stream };
    let state = Some((stream, Box::pin(sleep_until(at))));
    Box::pin(futures_util::stream::unfold(state, move |state| async move {
        let (mut stream, mut timer) = state?;
        tokio::select! {
            biased;
            chunk = stream.next() => chunk.map(|chunk| (chunk, Some((stream, timer)))),
            () = timer.as_mut() => Some((Err(timeout(Phase::Total, UNFINISHED, limit, TOTAL)), None)),
        }
    }))
}
