//! One call, from a checked request to an answer whose body is still coming.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{Extensions, HeaderValue, Method, StatusCode, Version, header};
use tokio::time::Instant;
use url::Url;

use super::{
    body::{Incoming, Pieces, Terms, read_off},
    clock::Clock,
    decompress, errors,
    options::TransportOptions,
    pool::{Gates, OriginStats, Place},
    redirect::{self, Seen, Verdict},
    reqwest::{self as wire, Answer, Failure, Sending, Wire},
    upload::Kept,
};
use crate::{
    Error, Phase, Result,
    body::Body,
    pipeline::{BoxFuture, Endpoint},
    request::{Request, Timeouts},
    response::{Redirected, Response, Timing},
};

/// How many dead sockets are replaced within one attempt; a pool may hold several.
const MAX_REPLACED: u32 = 8;

/// How long the content of a redirect may take to come to its end.
const REDIRECT_REST: Duration = Duration::from_millis(100);

/// Sends requests over the network.
pub struct Transport {
    pub(super) wire: Wire,
    pub(super) gates: Gates,
    counters: Counters,
}

#[derive(Default)]
struct Counters {
    opened: Arc<AtomicU64>,
    requests: AtomicU64,
    replaced: AtomicU64,
}

/// What a transport is doing, and has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Requests under way, bodies included.
    pub in_flight: usize,
    /// Requests that wait for a place.
    pub queued: usize,
    /// Connections opened so far.
    pub connections_opened: u64,
    /// Calls so far; redirects and replaced sockets are not counted.
    pub requests: u64,
    /// Open sockets that turned out dead and were replaced without anyone noticing.
    pub replaced_sockets: u64,
    /// The same by origin.
    pub origins: Vec<OriginStats>,
}

/// What is known of a call on its way.
struct Course {
    clock: Clock,
    timing: Timing,
}

impl Course {
    fn begin(timeouts: Timeouts) -> Self {
        let clock = Clock::start(timeouts);
        Self { clock, timing: Timing { sent: Some(clock.started), ..Timing::default() } }
    }
}

impl Transport {
    /// A transport. Cheap: certificates of the system are read at the first `https` call.
    pub fn new(options: TransportOptions) -> Result<Self> {
        if options.pool.max_sockets == 0 {
            return Err(Error::config("`pool.maxSockets` must be at least 1"));
        }
        if options.pool.max_streams == 0 {
            return Err(Error::config("`pool.maxStreams` must be at least 1"));
        }
        let counters = Counters::default();
        let gates = Gates::new(options.pool.clone(), options.http2);
        let wire = Wire::new(options, Arc::clone(&counters.opened))?;
        Ok(Self { wire, gates, counters })
    }

    /// What it is doing.
    pub fn stats(&self) -> Stats {
        let origins = self.gates.stats();
        Stats {
            in_flight: origins.iter().map(|origin| origin.in_flight).sum(),
            queued: origins.iter().map(|origin| origin.queued).sum(),
            connections_opened: self.counters.opened.load(Ordering::Relaxed),
            requests: self.counters.requests.load(Ordering::Relaxed),
            replaced_sockets: self.counters.replaced.load(Ordering::Relaxed),
            origins,
        }
    }

    /// Sends a request and follows redirects as far as allowed.
    async fn send(&self, mut req: Request) -> Result<Response> {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let mut course = Course::begin(req.options.timeouts);
        if let Body::Events(_) = req.body {
            return Err(Error::config("a request's body cannot be a stream of events"));
        }
        if let Some(user) = self.wire.take_user(&mut req.url).await? {
            req.headers.entry(header::AUTHORIZATION).or_insert(user);
        }
        let empty =
            matches!(&req.body, Body::Empty) || matches!(&req.body, Body::Full(bytes) if bytes.is_empty());
        if empty && matches!(req.method, Method::POST | Method::PUT | Method::PATCH) {
            // Some servers wait for a body until they are told that there is none.
            req.headers.entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from_static("0"));
        }
        if !req.headers.contains_key(header::RANGE) {
            // A part of a compressed body cannot be undone.
            req.headers.entry(header::ACCEPT_ENCODING).or_insert(decompress::ACCEPTED);
        }
        let mut trail = Vec::new();
        loop {
            let kept = Kept::of(&req.body);
            let (answer, place) = self.exchange(&mut req, &kept, &mut course).await?;
            let verdict = redirect::judge(&Seen {
                policy: req.options.redirect,
                method: &req.method,
                url: &req.url,
                replayable: !matches!(kept, Kept::Gone),
                status: answer.status,
                location: answer.headers.get(header::LOCATION),
                trail: &trail,
            })?;
            let Verdict::Follow(step) = verdict else {
                let mut res = respond(req, answer, place, &course)?;
                if !trail.is_empty() {
                    res.extensions.insert(Redirected);
                }
                return Ok(res);
            };
            // Its content is of no use, but its connection is: once it has come to its end, that carries the next call.
            let rest = Box::pin(incoming(&req.url, answer, place, &course));
            let _ = tokio::time::timeout(REDIRECT_REST, read_off(rest)).await;
            // Whoever drives the connection has to put it back first, or another one would be opened and never used.
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            redirect::prepare(&mut req.headers, &step, &req.options.secret_headers);
            trail.push((req.method, std::mem::replace(&mut req.url, step.url)));
            req.method = step.method;
            req.body = if step.drop_body { Body::Empty } else { kept.replay().unwrap_or_default() };
        }
    }

    /// Asks once, as the caller sees it: an open socket that turns out dead is replaced.
    async fn exchange(
        &self,
        req: &mut Request,
        kept: &Kept,
        course: &mut Course,
    ) -> Result<(Answer<impl Pieces + use<>>, Place)> {
        let (mut place, queued) = self.gates.place(&req.url, &course.clock).await?;
        course.timing.queued += queued;
        let client = self.wire.client(&req.url, place.lane()).await?;
        let limit = course.clock.first_of(Phase::FirstByte, course.clock.timeouts.first_byte);
        let mut body = std::mem::take(&mut req.body);
        let mut replaced = 0;
        loop {
            let sending = Sending {
                method: &req.method,
                url: &req.url,
                headers: &req.headers,
                body,
                connect_limit: course.clock.timeouts.connect,
                hold: None,
            };
            let handed_over = Instant::now();
            let mut watch = |progress| place.watch(progress);
            let sent = wire::send(client, sending, &mut watch);
            let answer = match limit {
                None => sent.await,
                Some(limit) => tokio::time::timeout_at(limit.at.into(), sent)
                    .await
                    .map_err(|_| errors::timed_out(limit.phase, limit.after, &errors::peer(&req.url)))?,
            };
            let failure = match answer {
                Ok(answer) => {
                    place.answered(answer.version == Version::HTTP_2);
                    course.timing.connect = answer.opened.map(|opened| opened.took);
                    course.timing.first_byte = Some(course.clock.started.elapsed());
                    return Ok((answer, place));
                }
                Err(failure) => failure,
            };
            if failure.facts.connecting {
                place.not_connected();
            }
            let stale = failure.facts.is_stale_socket(failure.reused, handed_over.elapsed());
            body = match kept.replay() {
                Some(body) if stale && replaced < MAX_REPLACED => body,
                _ => return Err(self.explain(failure, &req.url)),
            };
            replaced += 1;
            self.counters.replaced.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn explain(&self, failure: Failure, url: &Url) -> Error {
        let Failure { facts, source, fault, .. } = failure;
        fault.unwrap_or_else(|| {
            errors::before_answer(&facts, url, self.wire.is_proxied(url)).with_source(source)
        })
    }
}

impl Endpoint for Transport {
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(self.send(req))
    }
}

fn respond(req: Request, mut answer: Answer<impl Pieces>, place: Place, course: &Course) -> Result<Response> {
    let Answer { status, version, content_length, .. } = answer;
    let mut headers = std::mem::take(&mut answer.headers);
    let body = if content_length == Some(0) || is_bodiless(&req.method, status) {
        Body::Empty
    } else {
        let encodings = decompress::encodings(&headers)?;
        let incoming = Box::pin(incoming(&req.url, answer, place, course));
        Body::Stream(if encodings.is_empty() {
            incoming
        } else {
            decompress::undo(&encodings, &mut headers, incoming)
        })
    };
    let Request { url, attempt: attempts, .. } = req;
    Ok(Response {
        status,
        version,
        headers,
        body,
        url,
        timing: course.timing,
        attempts,
        history: Vec::new(),
        extensions: Extensions::new(),
    })
}

fn incoming<S: Pieces>(url: &Url, answer: Answer<S>, place: Place, course: &Course) -> Incoming<S, Place> {
    let terms = Terms {
        url: url.clone(),
        clock: course.clock,
        remaining: answer.content_length,
        exclusive: answer.version < Version::HTTP_2,
        place,
    };
    Incoming::new(answer.pieces, terms)
}

fn is_bodiless(method: &Method, status: StatusCode) -> bool {
    *method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}
