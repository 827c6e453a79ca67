//! The native middlewares, each around a peer that is a function: no sockets, and time that only passes when all wait.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod auth;
pub(crate) mod cache;
mod circuit_breaker;
mod concurrency;
mod fallback;
mod hedge;
mod idempotency_key;
mod jwt;
mod key_pool;
mod logger;
mod metrics;
mod options;
mod rate_limit;
mod retry;
mod session;
mod state;
mod timeout;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use tokio::time::Instant;
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    claude::describe,
    event::Event,
    pipeline::{BoxFuture, Endpoint, Middleware, Pipeline},
    request::{Expect, Options, Redirect, Request, Timeouts},
    response::{Response, Timing},
};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A request as it arrived.
struct Asked {
    at: Instant,
    attempt: u32,
    url: url::Url,
    headers: HeaderMap,
    body: Option<Bytes>,
}

type Step = BoxFuture<'static, Result<Response>>;

/// Answers each request with the next step; after the last it fails the test's expectation by an internal error.
#[derive(Default)]
struct Peer {
    steps: Mutex<VecDeque<Step>>,
    asked: Mutex<Vec<Asked>>,
}

impl Peer {
    fn new(steps: Vec<Step>) -> Arc<Self> {
        Arc::new(Self { steps: Mutex::new(steps.into()), asked: Mutex::default() })
    }

    fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// When each request came, counted from the first.
    fn times(&self) -> Vec<u128> {
        let asked = self.asked();
        asked.iter().map(|one| (one.at - asked[0].at).as_millis()).collect()
    }
}

impl Endpoint for Peer {
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        let body = match req.body {
            Body::Full(bytes) => Some(bytes),
            _ => None,
        };
        let asked =
            Asked { at: Instant::now(), attempt: req.attempt, url: req.url, headers: req.headers, body };
        self.asked.lock().unwrap().push(asked);
        let step = self.steps.lock().unwrap().pop_front();
        step.unwrap_or_else(|| now(Err(Error::new(ErrorKind::Internal, Phase::Prepare, "nothing is left"))))
    }
}

fn now(outcome: Result<Response>) -> Step {
    Box::pin(std::future::ready(outcome))
}

fn after(time: Duration, outcome: Result<Response>) -> Step {
    Box::pin(async move {
        tokio::time::sleep(time).await;
        outcome
    })
}

fn never() -> Step {
    Box::pin(std::future::pending())
}

fn ok() -> Step {
    now(Ok(answer(200, Body::Full("ok".into()))))
}

fn status(status: u16) -> Step {
    refusal(status, &[])
}

/// The error that the client's centre makes of a bad status.
fn refusal(status: u16, headers: &[(&'static str, &str)]) -> Step {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect();
    now(Err(describe(StatusCode::from_u16(status).unwrap(), &headers, Bytes::new())))
}

fn failure(kind: ErrorKind, phase: Phase) -> Step {
    now(Err(Error::new(kind, phase, "it failed")))
}

pub(crate) fn answer(status: u16, body: Body) -> Response {
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        version: Version::HTTP_11,
        headers: HeaderMap::new(),
        body,
        url: "http://api.test/v1/messages".parse().unwrap(),
        timing: Timing::default(),
        attempts: 1,
        history: Vec::new(),
        extensions: Extensions::new(),
    }
}

/// A body of these pieces, each of which comes a second after the one before.
fn bytes(pieces: Vec<Result<&'static str>>) -> Body {
    Body::Stream(Box::pin(stream::iter(pieces).then(|piece| async {
        tokio::time::sleep(SECOND).await;
        piece.map(|text| Bytes::from_static(text.as_bytes()))
    })))
}

/// A stream of these batches of data, each of which comes a second after the one before.
fn events(batches: Vec<Result<Vec<&'static str>>>) -> Body {
    Body::Events(Box::pin(stream::iter(batches).then(|batch| async {
        tokio::time::sleep(SECOND).await;
        batch.map(|batch| batch.into_iter().map(event).collect())
    })))
}

fn event(data: &str) -> Event {
    Event { data: data.to_owned(), ..Event::default() }
}

/// All data of a stream, and the error that ended it.
async fn read(res: Response) -> (Vec<String>, Option<Error>) {
    let Body::Events(mut events) = res.body else { unreachable!("it is a stream of events") };
    let mut all = Vec::new();
    while let Some(batch) = events.next().await {
        match batch {
            Ok(batch) => all.extend(batch.into_iter().map(|event| event.data)),
            Err(error) => return (all, Some(error)),
        }
    }
    (all, None)
}

fn options() -> Options {
    Options {
        timeouts: Timeouts::default(),
        redirect: Redirect::SameOrigin,
        max_response_bytes: 1 << 20,
        max_event_bytes: 1 << 20,
        home: None,
        secret_headers: Vec::new(),
        expect: Expect::Auto,
    }
}

pub(crate) fn post() -> Request {
    Request {
        method: Method::POST,
        url: "http://api.test/v1/messages".parse().unwrap(),
        headers: HeaderMap::new(),
        body: Body::Full("{}".into()),
        options: Arc::new(options()),
        attempt: 1,
        extensions: Extensions::new(),
    }
}

fn with(mut req: Request, change: impl FnOnce(&mut Options)) -> Request {
    change(Arc::make_mut(&mut req.options));
    req
}

fn onion(layers: Vec<Arc<dyn Middleware>>, peer: &Arc<Peer>) -> Pipeline {
    Pipeline::new(layers, Arc::clone(peer) as Arc<dyn Endpoint>)
}
