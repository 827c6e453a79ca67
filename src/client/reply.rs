//! An answer in the shape that the caller asked for.

use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, StatusCode, Version};
use tokio::time::Instant;
use url::Url;

use super::{
    events::{EventReader, Rules, unfinished},
    fetched,
    settings::{CallSettings, Shape, Total},
    wire::media_type,
};
use crate::{
    Result,
    attempt::Attempt,
    body::{Body, ByteStream, Items, collect},
    claude::StreamRules,
    middleware::timeout::limited,
    request::Request,
    response::{Age, Cached, Redirected, Response, Served, Timing},
};

/// What a call comes back with.
pub struct Reply {
    /// Status, headers and what it took to get them.
    pub head: Head,
    /// The content, or the stream of it.
    pub content: Content,
}

impl Reply {
    /// A stream as the message that it adds up to; what is whole already stays as it is.
    pub(super) async fn whole_message(mut self) -> Result<Self> {
        if self.head.status.is_success()
            && let Content::Events(reader) = self.content
        {
            self.content = Content::Json(reader.whole().await?.into());
        }
        Ok(self)
    }
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
    /// What each of them came to; empty where nobody would have made another.
    pub history: Vec<Attempt>,
    /// What layers further in had to say.
    pub extensions: Extensions,
}

impl Head {
    /// The head of an answer whose content stays with it.
    pub fn of(res: &Response) -> Self {
        Self {
            status: res.status,
            version: res.version,
            headers: res.headers.clone(),
            url: res.url.clone(),
            timing: res.timing,
            attempts: res.attempts,
            history: res.history.clone(),
            extensions: origin(&res.extensions),
        }
    }
}

/// What is told of where an answer came from.
pub fn origin(extensions: &Extensions) -> Extensions {
    let mut origin = Extensions::new();
    if let Some(cached) = extensions.get::<Cached>() {
        origin.insert(*cached);
    }
    if let Some(age) = extensions.get::<Age>() {
        origin.insert(*age);
    }
    if let Some(served) = extensions.get::<Served>() {
        origin.insert(served.clone());
    }
    if let Some(redirected) = extensions.get::<Redirected>() {
        origin.insert(*redirected);
    }
    origin
}

/// What was seen of an answer without taking it away.
pub enum Look {
    /// A whole answer.
    Whole(Content),
    /// A stream of bytes, unread.
    Bytes,
    /// A stream of events, unread.
    Events,
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
#[derive(Debug, Clone)]
pub struct Asked {
    pub(super) method: Method,
    pub(super) url: Url,
}

impl Asked {
    /// What a request asks for.
    pub fn of(req: &Request) -> Self {
        Self { method: req.method.clone(), url: req.url.clone() }
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
    let length = res.content_length();
    let Response { status, version, headers, body, url, timing, attempts, history, mut extensions } = res;
    let conceal = if call.shape == Shape::Passed { None } else { extensions.remove() };
    let mut head = Head { status, version, headers, url, timing, attempts, history, extensions };
    let deadline = match call.total {
        Total::Always(limit) => Some((started + limit, limit)),
        Total::Unlimited | Total::UntilStream(_) => None,
    };
    let content = match (body, call.shape) {
        (Body::Events(events), shape @ (Shape::Fetch | Shape::Passed)) => {
            let limit = call.options.timeouts.first_event;
            let rules = StreamRules::at(asked.url.path());
            let look = fetched::Look { rules, to_the_end: shape == Shape::Passed };
            let bytes = fetched::bytes(events, &mut head.extensions, look, limit);
            Content::Bytes(in_time(bytes, deadline))
        }
        (Body::Events(events), shape) => {
            let events = in_time(events, deadline);
            let json =
                |rules: StreamRules| Rules::Json { rules: rules.concealing(conceal), pings: call.pings };
            let rules = match shape {
                Shape::Sse | Shape::FetchSeen => Rules::Text,
                Shape::Rows => Rules::Rows { read: 0 },
                Shape::Message => json(StreamRules::of_message()),
                _ => json(StreamRules::at(asked.url.path())),
            };
            let first_event = call.options.timeouts.first_event;
            let reader = EventReader::new(events, rules, first_event, call.options.max_response_bytes)
                .after(head.history.clone());
            Content::Events(Box::new(reader))
        }
        (body, Shape::Bytes) | (body @ Body::Stream(_), Shape::Fetch | Shape::FetchSeen | Shape::Passed) => {
            Content::Bytes(in_time(into_stream(body), deadline))
        }
        (body, shape) => {
            let bytes = collect(body, call.options.max_response_bytes, length).await?;
            whole(bytes, &form(shape, &asked.method, status, media.as_deref()))
        }
    };
    Ok(Reply { head, content })
}

/// Reads a whole answer and leaves it where it is; a stream is left unread.
pub(super) async fn look(asked: &Asked, res: &mut Response, call: &CallSettings) -> Result<Look> {
    match (&res.body, call.shape) {
        (Body::Events(_), _) => return Ok(Look::Events),
        (_, Shape::Bytes) | (Body::Stream(_), Shape::FetchSeen) => return Ok(Look::Bytes),
        _ => {}
    }
    let length = res.content_length();
    let bytes = collect(std::mem::take(&mut res.body), call.options.max_response_bytes, length).await?;
    res.body = Body::Full(bytes.clone());
    let form = form(call.shape, &asked.method, res.status, media_type(res).as_deref());
    Ok(Look::Whole(whole(bytes, &form)))
}

/// How a whole answer is handed over: the rules of DESIGN §6.
fn form(shape: Shape, method: &Method, status: StatusCode, media: Option<&str>) -> Form {
    let bodiless = *method == Method::HEAD || matches!(status.as_u16(), 204 | 205 | 304);
    match (shape, media) {
        _ if bodiless => Form::Empty,
        (Shape::Fetch | Shape::FetchSeen, _) => Form::AsSent,
        (Shape::Json, _) => Form::Json,
        (Shape::Buffer | Shape::Passed, _) => Form::Buffer,
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
    /// As text where that is the same, else as bytes: none may be lost.
    AsSent,
}

fn whole(bytes: Bytes, form: &Form) -> Content {
    match form {
        Form::Empty => Content::Empty,
        Form::Json if bytes.is_empty() => Content::Empty,
        Form::Json => Content::Json(bytes),
        Form::Text => Content::Text(bytes),
        Form::AsSent if fetched::is_text(&bytes) => Content::Text(bytes),
        Form::Buffer | Form::AsSent => Content::Buffer(bytes),
    }
}

fn into_stream(body: Body) -> ByteStream {
    match body {
        Body::Stream(stream) => stream,
        Body::Full(bytes) => Box::pin(futures_util::stream::once(std::future::ready(Ok(bytes)))),
        Body::Empty | Body::Events(_) => Box::pin(futures_util::stream::empty()),
    }
}

/// Ends a stream with an error when the call's deadline passes.
fn in_time<T: Send + 'static>(stream: Items<T>, deadline: Option<(Instant, Duration)>) -> Items<T> {
    match deadline {
        Some((at, limit)) => limited(stream, at, move || unfinished(limit)),
        None => stream,
    }
}
