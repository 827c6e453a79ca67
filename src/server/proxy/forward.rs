//! A request of the API on its way through the pipeline, and its answer back.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{future::ready, stream};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{AGE, CONTENT_LENGTH, CONTENT_TYPE},
    request::Parts,
};
use hyper::body::{Body as _, Incoming};
use tokio_util::sync::CancellationToken;

use super::{
    answer::{Answer, Problem},
    callers::{self, Caller},
    emit::{AnswerBody, Events},
    engine::Engine,
    heads::{self, REQUEST_ID, SESSION},
    intake::{self, Kind},
    meter::Meter,
    models,
};
use crate::{
    Error, ErrorKind, Phase,
    body::Body,
    client::{Call, Content, Head, Reply, Session},
    request::{self, Repeated},
    response::{Age, Cached, Conceal},
};

/// One request, admitted.
pub(super) struct Forward {
    pub engine: Arc<Engine>,
    pub caller: Option<Arc<Caller>>,
    pub head: Parts,
    pub body: Incoming,
    pub request_id: HeaderValue,
    /// Ends streams when the proxy does.
    pub stopping: CancellationToken,
}

impl Forward {
    /// Asks, and answers in the words of the API.
    pub(super) async fn answer(self, meter: &Meter) -> Result<Answer, Problem> {
        let Self { engine, caller, head, body, request_id, stopping } = self;
        let body = read(&engine, &head, body).await?;
        let begun = Instant::now();
        allow(caller.as_deref(), &head, &body)?;
        let call = call(&engine, caller.as_deref(), head, body, &request_id)?;
        let reply = engine.client.execute(call).await.map_err(|error| Problem::from(&error))?;
        meter.took(begun.elapsed().saturating_sub(upstream(&reply.head)));
        if reply.head.status.is_informational() {
            let words = "the API wants to speak another protocol, for which nobody has asked";
            return Err(Problem::new(StatusCode::BAD_GATEWAY, words));
        }
        Ok(back(reply, &request_id, begun, stopping))
    }
}

/// What it took until the API had answered, and what of that was spent in a queue.
fn upstream(head: &Head) -> Duration {
    let timing = head.timing;
    // What came out of the cache still tells of the call that it came of.
    let is_own = matches!(head.extensions.get(), None | Some(Cached::Miss | Cached::Bypass));
    if is_own { timing.first_byte.unwrap_or_default() + timing.held } else { Duration::ZERO }
}

/// The body, whole where layers look at it.
async fn read(engine: &Engine, head: &Parts, body: Incoming) -> Result<Body, Problem> {
    let limits = &engine.options.limits;
    match intake::kind(&head.method, &head.headers, body.is_end_stream()) {
        Kind::Empty => Ok(Body::Empty),
        Kind::Whole => {
            let bytes = intake::whole(body, limits.request_bytes, limits.body).await?;
            Ok(if bytes.is_empty() { Body::Empty } else { Body::Full(bytes) })
        }
        Kind::Stream => Ok(Body::Stream(intake::stream(body, limits.body))),
    }
}

/// Whether this caller may name this model.
fn allow(caller: Option<&Caller>, head: &Parts, body: &Body) -> Result<(), Problem> {
    let asks = head.method == Method::POST || !matches!(body, Body::Empty);
    let Some(caller) = caller.filter(|caller| caller.models.is_some() && asks) else { return Ok(()) };
    // What names models further in, as a batch does, names none that could be judged.
    let named = models::named(body).filter(|named| !named.is_empty());
    let what = match &named {
        None => "what names no model".to_owned(),
        Some(named) => match named.iter().find(|model| !caller.may_use(model)) {
            None => return Ok(()),
            Some(model) => format!("the model {model:.100}"),
        },
    };
    Err(Problem::new(StatusCode::FORBIDDEN, format!("the caller {} may not use {what}", caller.name)))
}

fn call(
    engine: &Engine,
    caller: Option<&Caller>,
    head: Parts,
    body: Body,
    request_id: &HeaderValue,
) -> Result<Call, Problem> {
    let session = session(engine, caller, &head.headers)?;
    let path = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut headers = heads::onward(head.headers, engine.options.upstream.keeps_key);
    if !matches!(body, Body::Stream(_)) {
        headers.remove(CONTENT_LENGTH);
    }
    let mut call =
        Call { method: head.method, url: path.to_owned(), body, headers, passes: true, ..Call::default() };
    call.extensions.insert(request::CallerRequestId(request_id.clone()));
    if engine.options.upstream.keeps_key {
        call.extensions.insert(Repeated);
    }
    if let Some(caller) = caller {
        call.extensions.insert(request::Caller(Arc::clone(&caller.name)));
    }
    if let Some(session) = session {
        call.extensions.insert(session);
    }
    Ok(call)
}

/// The session that a request is a turn of. Two callers may give theirs the same name.
fn session(
    engine: &Engine,
    caller: Option<&Caller>,
    headers: &HeaderMap,
) -> Result<Option<Session>, Problem> {
    let Some(given) = headers.get(SESSION) else { return Ok(None) };
    let Some(options) = engine.options.sessions else {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "this proxy keeps no sessions: leave `x-session-id` out",
        ));
    };
    let is_one = headers.get_all(SESSION).iter().count() == 1;
    let id = given.to_str().ok().filter(|id| is_one && (1..=256).contains(&id.len()));
    let id = id.ok_or_else(|| {
        let words = "`x-session-id` must be one name of 1 to 256 characters of ASCII";
        Problem::new(StatusCode::BAD_REQUEST, words)
    })?;
    let owner = match caller {
        Some(caller) => caller.name.to_string(),
        // Whoever sends a key of his own is known by nothing else.
        None if !engine.options.upstream.keeps_key => callers::keys_of(headers),
        None => String::new(),
    };
    Ok(Some(Session { id: format!("{owner}\n{id}"), options }))
}

fn back(reply: Reply, request_id: &HeaderValue, begun: Instant, stopping: CancellationToken) -> Answer {
    let Reply { mut head, content } = reply;
    let conceal = head.extensions.remove::<Conceal>();
    let mut headers = heads::back(std::mem::take(&mut head.headers));
    let is_events = headers
        .get(CONTENT_TYPE)
        .is_some_and(|media| media.as_bytes().to_ascii_lowercase().starts_with(b"text/event-stream"));
    let body = match content {
        Content::Empty => AnswerBody::whole(Bytes::new()),
        Content::Json(bytes) | Content::Text(bytes) | Content::Buffer(bytes) => {
            let failed = !head.status.is_success();
            let told = conceal.filter(|_| failed).map(|conceal| conceal.apply(bytes.clone()));
            let bytes = told.unwrap_or(bytes);
            headers.insert(CONTENT_LENGTH, bytes.len().into());
            AnswerBody::whole(bytes)
        }
        Content::Bytes(bytes) if is_events => {
            headers.remove(CONTENT_LENGTH);
            AnswerBody::events(Events::new(bytes, conceal, stopping))
        }
        Content::Bytes(bytes) => AnswerBody::Bytes(bytes),
        // What passes is bytes: this would be a bug, and must not look like an end.
        Content::Events(_) => {
            let bug = Error::new(
                ErrorKind::Internal,
                Phase::Body,
                "events were answered where bytes were asked for",
            );
            AnswerBody::Bytes(Box::pin(stream::once(ready(Err(bug)))))
        }
    };
    tell(&mut headers, &head, request_id, begun);
    let mut answer = Answer::new(body);
    *answer.status_mut() = head.status;
    *answer.headers_mut() = headers;
    answer
}

/// What the proxy adds: where the answer came from, how old it is, what took how long.
fn tell(headers: &mut HeaderMap, head: &Head, request_id: &HeaderValue, begun: Instant) {
    let cached = head.extensions.get().copied().unwrap_or(Cached::Bypass);
    headers.insert("x-cache", HeaderValue::from_static(cached.name()));
    if let Some(Age(age)) = head.extensions.get() {
        headers.insert(AGE, age.as_secs().into());
    }
    headers.insert(REQUEST_ID, request_id.clone());
    let timing = head.timing;
    let total = begun.elapsed();
    let upstream =
        timing.first_byte.map(|first| first.saturating_sub(timing.queued.saturating_sub(timing.held)));
    let parts = [
        ("queue", (!timing.queued.is_zero()).then_some(timing.queued)),
        ("connect", timing.connect),
        ("upstream", upstream),
        ("total", Some(total)),
    ];
    if let Some(value) = heads::server_timing(&parts) {
        headers.insert("server-timing", value);
    }
}
