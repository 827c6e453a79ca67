//! The transport against servers by hand: real sockets, short limits, no TLS.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bodies;
#[cfg(feature = "server")]
mod certificates;
mod encodings;
mod failures;
mod http2;
#[cfg(feature = "server")]
mod lanes;
mod options;
mod proxies;
mod queue;
mod redirects;
mod requests;
mod scripted;
mod sockets;
mod timeouts;
#[cfg(feature = "server")]
mod tls;
#[cfg(feature = "server")]
mod tunnels;
#[cfg(feature = "server")]
mod warmup;
#[cfg(feature = "server")]
mod windows;

use std::{fmt::Write as _, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method};
use trae_native::{
    Error, Result,
    body::{Body, ByteStream, collect},
    pipeline::Endpoint,
    request::{Expect, Options, Redirect, Request, Timeouts},
    response::Response,
    transport::{PoolOptions, ProxyOptions, Transport, TransportOptions},
};
use url::Url;

/// Long enough for a busy machine, short enough for a test that fails.
const PATIENCE: Duration = Duration::from_secs(10);

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

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

fn get(url: Url) -> Request {
    Request {
        method: Method::GET,
        url,
        headers: HeaderMap::new(),
        body: Body::Empty,
        options: Arc::new(options()),
        attempt: 1,
        extensions: Extensions::new(),
    }
}

fn post(url: Url, body: &'static str) -> Request {
    Request { method: Method::POST, body: Body::Full(Bytes::from_static(body.as_bytes())), ..get(url) }
}

fn with(mut req: Request, change: impl FnOnce(&mut Options)) -> Request {
    change(Arc::make_mut(&mut req.options));
    req
}

fn limited(req: Request, change: impl FnOnce(&mut Timeouts)) -> Request {
    with(req, |options| change(&mut options.timeouts))
}

fn header(mut req: Request, name: &'static str, value: &'static str) -> Request {
    req.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    req
}

fn direct() -> TransportOptions {
    TransportOptions { proxy: ProxyOptions::Off, ..TransportOptions::default() }
}

fn transport() -> Transport {
    Transport::new(direct()).unwrap()
}

fn pooled(pool: PoolOptions) -> Transport {
    Transport::new(TransportOptions { pool, ..direct() }).unwrap()
}

async fn send(transport: &Transport, req: Request) -> Result<Response> {
    tokio::time::timeout(PATIENCE, transport.call(req)).await.unwrap()
}

async fn fail(transport: &Transport, req: Request) -> Error {
    send(transport, req).await.err().unwrap()
}

/// Sends and reads the whole answer.
async fn read(transport: &Transport, req: Request) -> Result<Bytes> {
    let res = send(transport, req).await?;
    tokio::time::timeout(PATIENCE, collect(res.body, 64 << 20, None)).await.unwrap()
}

fn stream(res: Response) -> ByteStream {
    match res.body {
        Body::Stream(stream) => stream,
        other => panic!("no stream but {other:?}"),
    }
}

async fn next(stream: &mut ByteStream) -> Option<Result<Bytes>> {
    tokio::time::timeout(PATIENCE, stream.next()).await.unwrap()
}

/// Polls until it holds; for what happens in a task of the transport's own.
async fn eventually(mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "it never came true");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// As if so much time had passed, for whoever measures it by Tokio's clock.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A port on which nobody listens any more.
fn unused_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// All that may be printed of an error and of what caused it.
fn shown(err: &Error) -> String {
    let mut shown = format!("{err} {err:?}");
    let mut source = std::error::Error::source(err);
    while let Some(cause) = source {
        write!(shown, "\n{cause} {cause:?}").unwrap();
        source = cause.source();
    }
    shown
}
