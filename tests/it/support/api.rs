//! An API behind the middlewares under test: it answers as told, after as long as told, and remembers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Version};
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    claude,
    pipeline::{BoxFuture, Endpoint, Middleware, Pipeline},
    request::{Expect, Options, Redirect, Request, Timeouts},
    response::{Response, Timing},
};
use url::Url;

/// Where the client of these tests is at home.
pub const HOME: &str = "https://api.example/v1";

type Answer = dyn Fn(&Seen) -> Result<Response> + Send + Sync;

/// Answers requests in memory.
pub struct Api {
    answer: Box<Answer>,
    delay: Duration,
    seen: Mutex<Vec<Seen>>,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Api {
    pub fn new(answer: impl Fn(&Seen) -> Result<Response> + Send + Sync + 'static) -> Arc<Self> {
        Self::slow(Duration::ZERO, answer)
    }

    /// Takes its time.
    pub fn slow(
        delay: Duration,
        answer: impl Fn(&Seen) -> Result<Response> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { answer: Box::new(answer), delay, seen: Mutex::default() })
    }

    /// Everything that it was asked so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// This header of all that it was asked so far; empty where there was none.
    pub fn shown(&self, header: &str) -> Vec<String> {
        self.seen().iter().map(|seen| seen.header(header).unwrap_or_default().to_owned()).collect()
    }
}

impl Endpoint for Api {
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move {
            let body = match req.body {
                Body::Full(bytes) => bytes,
                _ => Bytes::new(),
            };
            let seen = Seen { url: req.url, headers: req.headers, body };
            self.seen.lock().unwrap().push(seen.clone());
            tokio::time::sleep(self.delay).await;
            (self.answer)(&seen)
        })
    }
}

/// These layers around an API.
pub fn around(layers: Vec<Arc<dyn Middleware>>, api: &Arc<Api>) -> Pipeline {
    Pipeline::new(layers, Arc::clone(api) as Arc<dyn Endpoint>)
}

/// A call that goes home.
pub fn call() -> Request {
    let options = Options {
        timeouts: Timeouts::default(),
        redirect: Redirect::SameOrigin,
        max_response_bytes: 1 << 20,
        max_event_bytes: 1 << 20,
        home: Some(Url::parse("https://api.example").unwrap()),
        secret_headers: Vec::new(),
        expect: Expect::Auto,
    };
    Request {
        method: Method::POST,
        url: Url::parse(HOME).unwrap(),
        headers: HeaderMap::new(),
        body: Body::Full(Bytes::from_static(b"{}")),
        options: Arc::new(options),
        attempt: 1,
        extensions: Extensions::new(),
    }
}

/// An answer as the centre of the onion gives it.
pub fn answer(status: u16, body: impl Into<Bytes>) -> Response {
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        version: Version::HTTP_11,
        headers: HeaderMap::new(),
        body: Body::Full(body.into()),
        url: Url::parse(HOME).unwrap(),
        timing: Timing::default(),
        attempts: 1,
        history: Vec::new(),
        extensions: Extensions::new(),
    }
}

/// A refusal as the centre of the onion gives it.
pub fn refusal(status: u16, body: impl Into<Bytes>) -> Error {
    claude::describe(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.into())
}

/// The same, with the time after which to come back.
pub fn busy(status: u16, retry_after: &'static str) -> Error {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", HeaderValue::from_static(retry_after));
    claude::describe(StatusCode::from_u16(status).unwrap(), &headers, Bytes::new())
}

/// A connection that broke.
pub fn reset() -> Error {
    Error::new(ErrorKind::Reset, Phase::FirstByte, "the connection was reset")
}

/// Everything of an error that somebody may print, its causes too.
pub fn told(error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(format!("{error} {error:?}"), |told, cause| format!("{told} {cause} {cause:?}"))
}
