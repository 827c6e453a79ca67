//! Calls written down, to be played again without a network: each exchange with its times, and no secret in it.
//!
//! What a script is asked is shown by the same rules ([`shown`]), so that it is found again whatever keys it carries.
//! A call that is given up before it is answered leaves nothing.

mod answer;
mod text;

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use self::text::Shown;
use crate::{
    Error, ErrorKind, Phase, Result,
    body::{Body, ByteStream},
    pipeline::{BoxFuture, Endpoint},
    request::Request,
    response::Response,
    transport::{Arrived, Fault},
};

/// Where exchanges are kept.
pub trait Tape: Send + Sync + 'static {
    /// One begins: its place among all.
    fn begin(&self) -> u64;

    /// That one is over, whatever came of it.
    fn ended(&self);

    /// Keeps one that has ended, as JSON.
    fn keep(&self, place: u64, exchange: Value);
}

/// A request as a cassette has it.
pub fn shown(req: &Arrived) -> Value {
    let shown = Shown::of(&req.headers, &req.url, &req.extensions);
    text::request(&req.method, &req.url, &req.headers, &req.body, &shown)
}

/// The network, with a tape that listens.
pub(super) struct Taping {
    network: Arc<dyn Endpoint>,
    tape: Arc<dyn Tape>,
}

impl Taping {
    pub(super) fn new(network: Arc<dyn Endpoint>, tape: Arc<dyn Tape>) -> Self {
        Self { network, tape }
    }
}

impl Endpoint for Taping {
    fn call(&self, mut req: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move {
            let exchange = Exchange::begin(self, &mut req);
            match self.network.call(req).await {
                Ok(res) => Ok(exchange.answered(res)),
                Err(error) => {
                    exchange.failed(&error);
                    Err(error)
                }
            }
        })
    }
}

/// One that is under way.
struct Exchange {
    tape: Arc<dyn Tape>,
    place: u64,
    method: Method,
    url: Url,
    headers: HeaderMap,
    sent: Arc<Mutex<Vec<u8>>>,
    shown: Shown,
    started: Instant,
}

impl Exchange {
    fn begin(taping: &Taping, req: &mut Request) -> Self {
        let sent = Arc::<Mutex<Vec<u8>>>::default();
        match std::mem::take(&mut req.body) {
            Body::Full(bytes) => {
                lock(&sent).extend_from_slice(&bytes);
                req.body = Body::Full(bytes);
            }
            Body::Stream(stream) => req.body = Body::Stream(listened(stream, Arc::clone(&sent))),
            other @ (Body::Empty | Body::Events(_)) => req.body = other,
        }
        Self {
            tape: Arc::clone(&taping.tape),
            place: taping.tape.begin(),
            method: req.method.clone(),
            url: req.url.clone(),
            headers: req.headers.clone(),
            sent,
            shown: Shown::of(&req.headers, &req.url, &req.extensions),
            started: Instant::now(),
        }
    }

    /// What the client itself has not let through will be so again.
    fn failed(self, error: &Error) {
        if Fault::of(error.code()).is_none() {
            return;
        }
        let (delay, phase) = (ms(self.started.elapsed()), error.phase().name());
        self.keep(&json!({ "delayMs": delay, "error": { "code": error.code(), "phase": phase } }));
    }

    fn answered(self, mut res: Response) -> Response {
        let head =
            answer::Head { status: res.status, headers: res.headers.clone(), delay: self.started.elapsed() };
        let now = Instant::now();
        match std::mem::take(&mut res.body) {
            Body::Stream(stream) => {
                let listener = Heard { exchange: self, head, parts: Vec::new(), before: now };
                res.body = Body::Stream(Box::pin(Listening { stream, heard: Some(listener) }));
            }
            other => {
                let bytes = match &other {
                    Body::Full(bytes) => bytes.clone(),
                    _ => Bytes::new(),
                };
                let written = answer::written(&head, &[(Duration::ZERO, bytes)], None, &self.shown);
                self.keep(&written);
                res.body = other;
            }
        }
        res
    }

    fn keep(self, answer: &Value) {
        let sent = lock(&self.sent).clone();
        let request = text::request(&self.method, &self.url, &self.headers, &sent, &self.shown);
        self.tape.keep(self.place, json!({ "request": request, "response": answer }));
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.tape.ended();
    }
}

/// What has come of an answer.
struct Heard {
    exchange: Exchange,
    head: answer::Head,
    parts: Vec<(Duration, Bytes)>,
    before: Instant,
}

impl Heard {
    fn over(self, failure: Option<&Error>) {
        let cut = failure.map(|error| match error.kind() {
            ErrorKind::Reset => "reset",
            ErrorKind::Timeout if error.phase() == Phase::Idle => "silence",
            _ => "close",
        });
        let written = answer::written(&self.head, &self.parts, cut, &self.exchange.shown);
        self.exchange.keep(&written);
    }
}

/// A content on its way, with its times. Whoever stops to read it has heard all that he wanted.
struct Listening {
    stream: ByteStream,
    heard: Option<Heard>,
}

impl Stream for Listening {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = ready!(self.stream.poll_next_unpin(cx));
        if let (Some(Ok(bytes)), Some(heard)) = (&piece, &mut self.heard) {
            let now = Instant::now();
            heard.parts.push((now - heard.before, bytes.clone()));
            heard.before = now;
        } else if let Some(heard) = self.heard.take() {
            heard.over(piece.as_ref().and_then(|piece| piece.as_ref().err()));
        }
        Poll::Ready(piece)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(heard) = self.heard.take() {
            heard.over(None);
        }
    }
}

fn listened(stream: ByteStream, sent: Arc<Mutex<Vec<u8>>>) -> ByteStream {
    Box::pin(stream.inspect(move |piece| {
        if let Ok(bytes) = piece {
            lock(&sent).extend_from_slice(bytes);
        }
    }))
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
