//! A network that is played: a peer is asked for each answer, and what it gives takes the time that it says.
//!
//! Limits on the time, redirects and encodings hold as they do on sockets, and fail with the same errors. There is
//! no pool: each call goes at once.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use tokio::time::{Instant, sleep_until, timeout_at};
use url::Url;

use super::{
    super::{
        decompress, errors,
        facts::{Facts, Http},
        redirect::{self, Seen, Verdict},
        upload::Kept,
    },
    Fault,
};
use crate::{
    Error, Phase, Result,
    body::{Body, ByteStream, collect},
    pipeline::{BoxFuture, Endpoint},
    request::{Request, Timeouts},
    response::{Response, Timing},
};

/// Says what comes of a request.
pub trait Peer: Send + Sync + 'static {
    /// The answer to this one.
    fn answer(&self, req: Arrived) -> BoxFuture<'_, Result<Scene>>;
}

/// A request, all of it.
pub struct Arrived {
    /// Its method.
    pub method: Method,
    /// Where it was sent.
    pub url: Url,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its content.
    pub body: Bytes,
    /// What layers have left in its bag.
    pub extensions: Extensions,
}

/// What comes of a request, and when.
pub struct Scene {
    /// How long nothing happens.
    pub delay: Duration,
    /// What happens then.
    pub outcome: Outcome,
}

/// Parts of a content, each with the time since the one before.
pub type Pieces = Box<dyn Iterator<Item = (Duration, Bytes)> + Send>;

/// What happens.
pub enum Outcome {
    /// Nothing, until whoever waits gives up.
    Silence,
    /// The network fails.
    Fault(Fault),
    /// An answer.
    Answer {
        /// Its status.
        status: StatusCode,
        /// Its headers.
        headers: HeaderMap,
        /// Its content.
        pieces: Pieces,
        /// What follows the last piece.
        ending: Ending,
    },
}

/// What follows the last piece of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The content is complete.
    Complete,
    /// Nothing more comes, and nothing says so.
    Silence,
    /// The connection is closed.
    Close,
    /// The connection is reset.
    Reset,
}

/// Sends requests to a peer in place of the network.
pub struct Staged<P>(pub P);

/// The most that is taken of a request's content.
const LARGEST: u64 = 256 << 20;

impl<P: Peer> Endpoint for Staged<P> {
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(self.send(req))
    }
}

impl<P: Peer> Staged<P> {
    async fn send(&self, mut req: Request) -> Result<Response> {
        let started = Instant::now();
        if let (Body::Empty, &(Method::POST | Method::PUT | Method::PATCH)) = (&req.body, &req.method) {
            req.headers.entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from_static("0"));
        }
        if !req.headers.contains_key(header::RANGE) {
            req.headers.entry(header::ACCEPT_ENCODING).or_insert(decompress::ACCEPTED);
        }
        let mut trail = Vec::new();
        loop {
            let kept = Kept::of(&req.body);
            let body = collect(std::mem::take(&mut req.body), LARGEST, None).await?;
            let (status, headers, pieces, ending) = self.exchange(&mut req, body, started).await?;
            let verdict = redirect::judge(&Seen {
                policy: req.options.redirect,
                method: &req.method,
                url: &req.url,
                replayable: !matches!(kept, Kept::Gone),
                status,
                location: headers.get(header::LOCATION),
                trail: &trail,
            })?;
            let Verdict::Follow(step) = verdict else {
                return respond(req, status, headers, Playing::new(pieces, ending), started);
            };
            redirect::prepare(&mut req.headers, &step, &req.options.secret_headers);
            trail.push((req.method, std::mem::replace(&mut req.url, step.url)));
            req.method = step.method;
            req.body = if step.drop_body { Body::Empty } else { kept.replay().unwrap_or_default() };
        }
    }

    async fn exchange(
        &self,
        req: &mut Request,
        body: Bytes,
        started: Instant,
    ) -> Result<(StatusCode, HeaderMap, Pieces, Ending)> {
        let Timeouts { connect, first_byte, total, .. } = req.options.timeouts;
        let (now, url) = (Instant::now(), &req.url);
        let arrived = Arrived {
            method: req.method.clone(),
            url: url.clone(),
            headers: req.headers.clone(),
            body,
            extensions: req.extensions.clone(),
        };
        let headers = async move {
            let Scene { delay, outcome } = self.0.answer(arrived).await?;
            // Asked for a length of nothing, a sleep still takes a tick of the clock.
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            match (outcome, connect) {
                (Outcome::Answer { status, headers, pieces, ending }, _) => {
                    Ok((status, headers, pieces, ending))
                }
                (Outcome::Silence, _) | (Outcome::Fault(Fault::Timeout), None) => {
                    std::future::pending().await
                }
                (Outcome::Fault(Fault::Timeout), Some(limit)) => {
                    tokio::time::sleep(limit).await;
                    Err(Fault::Timeout.error(url, limit))
                }
                (Outcome::Fault(fault), _) => Err(fault.error(url, Duration::ZERO)),
            }
        };
        let limits = [(Phase::FirstByte, first_byte, now), (Phase::Total, total, started)];
        let first = limits
            .into_iter()
            .filter_map(|(phase, limit, since)| Some((since.checked_add(limit?)?, phase, limit?)))
            .min_by_key(|(at, ..)| *at);
        match first {
            None => headers.await,
            Some((at, phase, limit)) => timeout_at(at, headers)
                .await
                .map_err(|_| errors::timed_out(phase, limit, &errors::peer(url)))?,
        }
    }
}

fn respond(
    req: Request,
    status: StatusCode,
    mut headers: HeaderMap,
    playing: Playing,
    started: Instant,
) -> Result<Response> {
    let bodiless =
        req.method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let body = if bodiless {
        Body::Empty
    } else {
        let encodings = decompress::encodings(&headers)?;
        let limits = Limits { url: req.url.clone(), timeouts: req.options.timeouts, started };
        let content = playing.stream(limits);
        Body::Stream(if encodings.is_empty() {
            content
        } else {
            decompress::undo(&encodings, &mut headers, content)
        })
    };
    Ok(Response {
        status,
        version: Version::HTTP_11,
        headers,
        body,
        url: req.url,
        timing: Timing {
            sent: Some(started.into_std()),
            first_byte: Some(started.elapsed()),
            ..Timing::default()
        },
        attempts: req.attempt,
        history: Vec::new(),
        extensions: Extensions::new(),
    })
}

struct Limits {
    url: Url,
    timeouts: Timeouts,
    started: Instant,
}

/// A content on its way. Its pieces have their times whether or not anybody reads.
struct Playing {
    pieces: Pieces,
    ending: Ending,
    due: Instant,
}

impl Playing {
    fn new(pieces: Pieces, ending: Ending) -> Self {
        Self { pieces, ending, due: Instant::now() }
    }

    fn stream(self, limits: Limits) -> ByteStream {
        let state = Some((self, limits));
        let pieces = stream::unfold(state, |state| async {
            let (mut playing, limits) = state?;
            match playing.next(&limits).await {
                Some(Ok(bytes)) => Some((Ok(bytes), Some((playing, limits)))),
                Some(Err(error)) => Some((Err(error), None)),
                None => None,
            }
        });
        // Whoever undoes an encoding asks once more.
        Box::pin(pieces.fuse())
    }

    async fn next(&mut self, limits: &Limits) -> Option<Result<Bytes>> {
        let next = self.pieces.next();
        let due = match (&next, self.ending) {
            (Some((gap, _)), _) => self.due.checked_add(*gap),
            (None, Ending::Silence) => None,
            (None, _) => Some(self.due),
        };
        if let Err(error) = limits.wait(due).await {
            return Some(Err(error));
        }
        self.due = due.unwrap_or(self.due);
        match (next, self.ending) {
            (Some((_, bytes)), _) => Some(Ok(bytes)),
            (None, Ending::Complete) => None,
            (None, Ending::Reset) => {
                let facts = Facts { io: Some(io::ErrorKind::ConnectionReset), ..Facts::default() };
                Some(Err(errors::in_body(&facts, &limits.url)))
            }
            (None, Ending::Close | Ending::Silence) => {
                let facts = Facts { http: Some(Http::CutShort), ..Facts::default() };
                Some(Err(errors::in_body(&facts, &limits.url)))
            }
        }
    }
}

impl Limits {
    /// Until the moment, or for ever where there is none; an error where a limit passes first.
    async fn wait(&self, until: Option<Instant>) -> Result<()> {
        let now = Instant::now();
        if until.is_some_and(|until| until <= now) {
            return Ok(());
        }
        let Timeouts { idle, total, .. } = self.timeouts;
        let first = [(Phase::Idle, idle, now), (Phase::Total, total, self.started)]
            .into_iter()
            .filter_map(|(phase, limit, since)| Some((since.checked_add(limit?)?, phase, limit?)))
            .min_by_key(|(at, ..)| *at);
        match (until, first) {
            (None, None) => std::future::pending().await,
            (Some(until), None) => sleep_until(until).await,
            (Some(until), Some((at, ..))) if until <= at => sleep_until(until).await,
            (_, Some((at, phase, limit))) => {
                sleep_until(at).await;
                return Err(self.late(phase, limit));
            }
        }
        Ok(())
    }

    fn late(&self, phase: Phase, limit: Duration) -> Error {
        errors::timed_out(phase, limit, &errors::peer(&self.url))
    }
}
