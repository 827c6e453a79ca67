//! The endpoint: one request over one of reqwest's sockets, redirects and dead sockets taken care of.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, Method, StatusCode, Version, header};
use url::Url;

use super::{
    body::Transfer,
    connect::{ATTEMPT, Attempt},
    decompress,
    errors::{Facts, before_answer, peer, timed_out},
    options::{Http2, TransportOptions},
    pool::{Permit, Pool},
    redirect::{Verdict, drop_credentials, judge},
    wire::Clients,
};
use crate::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    pipeline::{BoxFuture, Endpoint},
    request::{Options, Request},
    response::{Response, Timing},
};

/// A pool may hold several sockets that died together, as when a server restarts.
const DEAD_SOCKETS: u32 = 16;

/// Sockets, and everything that is done on them.
pub struct Transport {
    clients: Clients,
    pool: Pool,
    opened: Arc<AtomicU64>,
    requests: AtomicU64,
    replaced: AtomicU64,
}

/// What a transport is doing and has done.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Requests that hold a place now, until their body is over.
    pub in_flight: usize,
    /// Requests that wait for a place now.
    pub queued: usize,
    /// Requests since the start, redirects and replacements not counted.
    pub requests: u64,
    /// Connections opened since the start.
    pub connections_opened: u64,
    /// Requests sent again because their pooled socket was dead.
    pub sockets_replaced: u64,
}

/// What one exchange gave, before its body.
struct Answer {
    response: reqwest::Response,
    permit: Permit,
}

impl Transport {
    /// Checks the options; reads no authority and opens no socket yet.
    pub fn new(options: TransportOptions) -> Result<Self> {
        let opened = Arc::new(AtomicU64::new(0));
        let pool = Pool::new(options.pool.clone());
        let clients = Clients::new(options, Arc::clone(&opened))?;
        Ok(Self { clients, pool, opened, requests: AtomicU64::new(0), replaced: AtomicU64::new(0) })
    }

    /// What it is doing.
    pub fn stats(&self) -> Stats {
        let (in_flight, queued) = self.pool.load();
        Stats {
            in_flight,
            queued,
            requests: self.requests.load(Ordering::Relaxed),
            connections_opened: self.opened.load(Ordering::Relaxed),
            sockets_replaced: self.replaced.load(Ordering::Relaxed),
        }
    }

    async fn answer(&self, mut req: Request) -> Result<Response> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        let mut timing = Timing::default();
        let ours = !req.headers.contains_key(header::ACCEPT_ENCODING);
        if ours {
            req.headers.insert(header::ACCEPT_ENCODING, decompress::ACCEPTED);
        }
        for hops in 0.. {
            let again = Spare::of(&req.body);
            let body = std::mem::take(&mut req.body);
            let answer = self.exchange(&mut req, body, again.as_ref(), &mut timing).await?;
            let (status, headers) = (answer.response.status(), answer.response.headers());
            match judge(req.options.redirect, &req.method, status, headers, &req.url, hops)? {
                Verdict::Answer => {
                    timing.first_byte = Some(started.elapsed());
                    return receive(answer, req, timing);
                }
                Verdict::Follow(hop) => {
                    req.body = match again {
                        _ if hop.drop_body => Body::Empty,
                        Some(spare) => spare.body(),
                        None => return Err(passed_once(&hop.url)),
                    };
                    if hop.drop_body {
                        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
                            req.headers.remove(name);
                        }
                    }
                    if hop.drop_credentials {
                        drop_credentials(&mut req.headers, &req.options.secret_headers);
                    }
                    (req.url, req.method) = (hop.url, hop.method);
                }
            }
        }
        Err(Error::new(ErrorKind::Internal, Phase::FirstByte, "a chain of redirects without an end"))
    }

    /// One request and its answer's headers; a pooled socket that had died is replaced, free of charge.
    async fn exchange(&self, req: &mut Request, body: Body, again: Option<&Spare>, timing: &mut Timing) -> Result<Answer> {
        let limits = &req.options.timeouts;
        let gate = self.pool.gate(&req.url);
        let (permit, queued) = self.pool.enter(&gate, &req.url, limits.queue).await?;
        timing.queued += queued;
        let client = self.clients.of(&req.url)?;
        let mut body = Some(body);
        for _ in 0..=DEAD_SOCKETS {
            let next = body.take().or_else(|| again.map(Spare::body));
            let Some(next) = next else { break };
            let scout = match (req.url.scheme(), self.clients.http2()) {
                ("https", Http2::Auto) => gate.scout().await,
                _ => None,
            };
            let attempt = Attempt::new(limits.connect, scout);
            let fault: Fault = Arc::default();
            let sending = ATTEMPT.scope(Arc::clone(&attempt), client.execute(outgoing(req, next, &fault)));
            let sent = match limits.first_byte {
                None => sending.await,
                Some(limit) => tokio::time::timeout(limit, sending)
                    .await
                    .map_err(|_| timed_out(Phase::FirstByte, limit, &peer(&req.url)))?,
            };
            let opened = attempt.opened();
            if let Some(opened) = opened {
                timing.connect = Some(timing.connect.unwrap_or_default() + opened.took);
            }
            let cause = match sent {
                Ok(response) => {
                    gate.learn(response.version() == Version::HTTP_2);
                    return Ok(Answer { response, permit });
                }
                Err(cause) => cause.without_url(),
            };
            if let Some(fault) = fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return Err(fault);
            }
            let facts = Facts::of(&cause);
            if opened.is_some() || !facts.is_lost() || again.is_none() {
                let proxied = self.clients.is_proxied(&req.url);
                return Err(before_answer(&facts, &req.url, proxied).with_source(cause));
            }
            self.replaced.fetch_add(1, Ordering::Relaxed);
        }
        let message = format!("{} closed every open connection before it answered", peer(&req.url));
        Err(Error::new(ErrorKind::Reset, Phase::FirstByte, message))
    }
}

/// A body that can be sent again; other than a [`Body`] it can be shared between threads.
enum Spare {
    Empty,
    Full(Bytes),
}

impl Spare {
    fn of(body: &Body) -> Option<Self> {
        match body {
            Body::Empty => Some(Self::Empty),
            Body::Full(bytes) => Some(Self::Full(bytes.clone())),
            Body::Stream(_) | Body::Events(_) => None,
        }
    }

    fn body(&self) -> Body {
        match self {
            Self::Empty => Body::Empty,
            Self::Full(bytes) => Body::Full(bytes.clone()),
        }
    }
}

/// Where a failing request body leaves its own error, which reqwest would bury in one of its own.
type Fault = Arc<Mutex<Option<Error>>>;

fn outgoing(req: &Request, body: Body, fault: &Fault) -> reqwest::Request {
    let mut out = reqwest::Request::new(req.method.clone(), req.url.clone());
    *out.headers_mut() = req.headers.clone();
    *out.body_mut() = match body {
        Body::Empty | Body::Events(_) => None,
        Body::Full(bytes) => Some(bytes.into()),
        Body::Stream(stream) => {
            let fault = Arc::clone(fault);
            let pieces = stream.map(move |piece| {
                piece.map_err(|error| {
                    *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    std::io::Error::other("the request body failed")
                })
            });
            Some(reqwest::Body::wrap_stream(pieces))
        }
    };
    out
}

/// From an answer's headers to a response whose body is still coming.
fn receive(answer: Answer, req: Request, timing: Timing) -> Result<Response> {
    let Answer { mut response, permit } = answer;
    let (status, version) = (response.status(), response.version());
    let mut headers = std::mem::take(response.headers_mut());
    let Request { method, url, options, attempt, .. } = req;
    let options: &Options = &options;
    let body = if is_bodiless(&method, status) {
        Body::Empty
    } else {
        let source = Box::pin(response.bytes_stream());
        let transfer =
            Transfer::new(source, content_length(&headers), options.timeouts.idle, url.clone(), permit);
        Body::Stream(decompress::decode(transfer, &mut headers)?)
    };
    Ok(Response { status, version, headers, body, url, timing, attempts: attempt })
}

fn is_bodiless(method: &Method, status: StatusCode) -> bool {
    *method == Method::HEAD || matches!(status.as_u16(), 204 | 304)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn passed_once(url: &Url) -> Error {
    let message = format!(
        "{} wants the request again after a redirect, but its body was a stream and has gone: send bytes or text",
        peer(url)
    );
    Error::new(ErrorKind::Redirect, Phase::FirstByte, message)
}

impl Endpoint for Transport {
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(self.answer(req))
    }
}
