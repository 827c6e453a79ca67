//! Connections opened before anyone calls, by requests each of which holds its connection until all have one:
//! otherwise the first to be answered would lend its connection to the next.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use ::reqwest::Client;
use futures_util::future::join_all;
use http::{HeaderMap, Method, StatusCode, Version, header};
use tokio::{sync::watch, task::coop};
use url::Url;

use super::{
    body::{Pieces, read_off},
    call::Transport,
    clock::Clock,
    connect::{Hold, Progress},
    errors,
    gate::Protocol,
    pool::{Origin, Place},
    reqwest::{self as wire, Answer, Sending},
};
use crate::{Error, ErrorKind, Phase, Result, body::Body, request::Timeouts};

/// hyper gives a connection back in a task of its own, some microseconds after its answer has come.
const GIVING_BACK: Duration = Duration::from_millis(1);
/// How often it is asked again where open sockets have turned out dead.
const MAX_ROUNDS: u32 = 3;

/// What is to be ready.
#[derive(Debug)]
pub struct Warmup {
    /// What each connection is asked, to see that it works: by this method,
    pub method: Method,
    /// for this, whose origin it is,
    pub url: Url,
    /// and with these headers.
    pub headers: HeaderMap,
    /// How many there shall be, those in use among them.
    pub connections: usize,
    /// How long each may wait for a place, and be connected.
    pub timeouts: Timeouts,
    /// How long all of it may take.
    pub limit: Option<Duration>,
}

/// What there is to say of one connection.
#[derive(Debug)]
pub enum Warmth {
    /// Calls use it; it was not asked.
    InUse,
    /// It is open, and nobody uses it.
    Ready {
        /// Name look-up, TCP, proxy and TLS together; `None` if it was open before.
        connect: Option<Duration>,
        /// What it was answered.
        status: StatusCode,
        /// What it speaks.
        version: Version,
    },
    /// It could not be opened, or not be kept.
    Failed(Error),
}

impl Transport {
    /// Has connections ready, and says of each what it took. An error is that of the first, where none is ready.
    pub async fn warmup(&self, warmup: &Warmup) -> Result<Vec<Warmth>> {
        let deadline = Deadline::of(warmup);
        let origin = self.gates.of(&warmup.url);
        let _alone = deadline.holds(async { Ok(origin.warming.lock().await) }).await?;
        let mut opened = Vec::new();
        let mut rounds = 0;
        let mut all = loop {
            let found = self.round(warmup, &origin, &deadline).await?;
            rounds += 1;
            let dead = found.iter().any(|found| found.dead);
            let warmths = found.into_iter().map(|found| found.warmth);
            if !dead || rounds == MAX_ROUNDS {
                break warmths.collect::<Vec<_>>();
            }
            // While a dead socket was replaced, the others were free again, and may have served for it.
            opened.extend(warmths.filter(|warmth| matches!(warmth, Warmth::Ready { connect: Some(_), .. })));
        };
        for warmth in &mut all {
            if let Warmth::Ready { connect: None, .. } = warmth
                && let Some(earlier) = opened.pop()
            {
                *warmth = earlier;
            }
        }
        let failed = |warmth: &Warmth| matches!(warmth, Warmth::Failed(_));
        if all.len() >= warmup.connections
            && all.iter().all(failed)
            && let Some(Warmth::Failed(error)) = all.drain(..).next()
        {
            return Err(error);
        }
        all.resize_with(warmup.connections.max(all.len()), || Warmth::InUse);
        Ok(all)
    }

    /// Asks on as many connections at once as are missing to those in use. Where nobody knows the protocol, one
    /// goes ahead: it decides where the others go.
    async fn round(&self, warmup: &Warmup, origin: &Arc<Origin>, deadline: &Deadline) -> Result<Vec<Found>> {
        let (release, hold) = watch::channel(false);
        let mut knocks = Vec::with_capacity(warmup.connections);
        if origin.protocol() == Protocol::Unknown {
            let clock = Clock::start(warmup.timeouts);
            let (place, _) = deadline.holds(self.gates.place(&warmup.url, &clock)).await?;
            let mut first = self.knock(warmup, place, &hold, deadline).await?;
            first.connect().await;
            knocks.push(first.unless_failed()?);
        }
        for place in origin.fill(warmup.connections) {
            knocks.push(self.knock(warmup, place, &hold, deadline).await?);
        }
        // Over HTTP/2 none can take another's: each has a pool of its own.
        if origin.protocol() != Protocol::Http2 && knocks.len() > 1 {
            join_all(knocks.iter_mut().map(|knock| knock.connect_in_time(deadline))).await;
        }
        release.send_replace(true);
        let found = join_all(knocks.into_iter().map(Knock::finish)).await;
        tokio::time::sleep(GIVING_BACK).await;
        Ok(found)
    }

    /// The client is made first: then a request has its connection, or begins one, as soon as it is polled.
    async fn knock<'a>(
        &'a self,
        warmup: &'a Warmup,
        place: Place,
        hold: &Hold,
        deadline: &'a Deadline,
    ) -> Result<Knock<'a>> {
        let Warmup { method, url, headers, timeouts, .. } = warmup;
        let client = self.wire.client(url, place.lane()).await?;
        let (connect_limit, hold) = (timeouts.connect, Some(hold.clone()));
        let sending = Sending { method, url, headers, body: Body::Empty, connect_limit, hold };
        let progress = Arc::<Mutex<Option<Progress>>>::default();
        let answer = Box::pin(self.ask(client, sending, place, Arc::clone(&progress), deadline));
        Ok(Knock { answer, progress, stage: Stage::Asking })
    }

    async fn ask(
        &self,
        client: &Client,
        sending: Sending<'_>,
        mut place: Place,
        progress: Arc<Mutex<Option<Progress>>>,
        deadline: &Deadline,
    ) -> Found {
        let (method, url, handed_over) = (sending.method, sending.url, tokio::time::Instant::now());
        let mut watch = |made| {
            place.watch(made);
            *progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        };
        let answer = deadline.holds(async { Ok(wire::send(client, sending, &mut watch).await) }).await;
        match answer {
            Ok(Ok(answer)) => {
                place.answered(answer.version == Version::HTTP_2);
                let warmth = deadline.holds(kept(method, url, answer)).await.unwrap_or_else(Warmth::Failed);
                Found { warmth, dead: false }
            }
            Ok(Err(failure)) => {
                if failure.facts.connecting {
                    place.not_connected();
                }
                let dead = failure.facts.is_stale_socket(failure.reused, handed_over.elapsed());
                Found { warmth: Warmth::Failed(self.explain(failure, url)), dead }
            }
            Err(late) => Found { warmth: Warmth::Failed(late), dead: false },
        }
    }
}

/// A connection that has answered is ready if the answer does not end it.
async fn kept(method: &Method, url: &Url, answer: Answer<impl Pieces>) -> Result<Warmth> {
    let Answer { status, version, headers, opened, pieces, .. } = answer;
    let whole = read_off(pieces).await;
    if whole && keeps_open(version, &headers) {
        return Ok(Warmth::Ready { connect: opened.map(|opened| opened.took), status, version });
    }
    let peer = errors::peer(url);
    let why = if whole { "closes it after each answer" } else { "answers with too much to read" };
    let message = format!(
        "the connection to {peer} can't be kept: to {method} it {why} (status {}); try another `warmup.path`",
        status.as_u16()
    );
    Err(Error::new(ErrorKind::Connection, Phase::Body, message))
}

fn keeps_open(version: Version, headers: &HeaderMap) -> bool {
    let says = |word: &str| {
        let values = headers.get_all(header::CONNECTION).into_iter();
        let mut words = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        words.any(|given| given.trim().eq_ignore_ascii_case(word))
    };
    match version {
        Version::HTTP_2 => true,
        Version::HTTP_11 => !says("close"),
        _ => says("keep-alive"),
    }
}

/// What came of one request.
struct Found {
    warmth: Warmth,
    /// The connection was open, and gone.
    dead: bool,
}

/// A request that goes only as far as it may. A new connection is held by a [`Hold`]; one that was open goes back
/// to the pool when its request is polled after the answer has come, so that it is held by not being polled.
struct Knock<'a> {
    answer: Pin<Box<dyn Future<Output = Found> + Send + 'a>>,
    progress: Arc<Mutex<Option<Progress>>>,
    stage: Stage,
}

enum Stage {
    Asking,
    /// It holds a connection.
    Connected {
        reused: bool,
    },
    Answered(Found),
}

impl Knock<'_> {
    fn progress(&self) -> Option<Progress> {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on until it has a connection, and holds that.
    async fn connect(&mut self) {
        poll_fn(|cx| {
            if !matches!(self.stage, Stage::Asking) {
                return Poll::Ready(());
            }
            if self.progress().is_none() {
                spend_budget(cx);
            }
            self.stage = match self.answer.as_mut().poll(cx) {
                Poll::Ready(found) => Stage::Answered(found),
                Poll::Pending => match self.progress() {
                    // It has begun none, so it has taken one that was open.
                    None => Stage::Connected { reused: true },
                    Some(Progress::Opened(_)) => Stage::Connected { reused: false },
                    Some(Progress::Begun) => return Poll::Pending,
                },
            };
            Poll::Ready(())
        })
        .await;
    }

    /// Gives up one that has no connection in half of the time: later it would take one that another has opened.
    async fn connect_in_time(&mut self, deadline: &Deadline) {
        let Some((at, half)) = deadline.half() else { return self.connect().await };
        if tokio::time::timeout_at(at.into(), self.connect()).await.is_err() {
            let ms = half.as_millis();
            let message =
                format!("no connection to {} within {ms} ms, half of `warmup.timeout`", deadline.peer);
            let late = Error::new(ErrorKind::Timeout, Phase::Connect, message);
            self.stage = Stage::Answered(Found { warmth: Warmth::Failed(late), dead: false });
        }
    }

    fn unless_failed(mut self) -> Result<Self> {
        match self.stage {
            Stage::Answered(Found { warmth: Warmth::Failed(error), .. }) => Err(error),
            stage => {
                self.stage = stage;
                Ok(self)
            }
        }
    }

    async fn finish(mut self) -> Found {
        match self.stage {
            Stage::Answered(found) => found,
            Stage::Asking | Stage::Connected { reused: false } => self.answer.await,
            Stage::Connected { reused: true } => {
                let found = self.answer.as_mut().await;
                // hyper replaces a socket by itself if the request had not left.
                Found { dead: found.dead || self.progress().is_some(), ..found }
            }
        }
    }
}

/// A server nearby may have answered on an open socket before the poll that asked it is over, which would then
/// give the socket back. Without budget none of tokio's channels has anything, and hyper's answers come by one.
fn spend_budget(cx: &mut Context<'_>) {
    for _ in 0..=u8::MAX {
        if !coop::has_budget_remaining() {
            return;
        }
        let _ = pin!(coop::consume_budget()).poll(cx);
    }
}

/// When all has to be done.
struct Deadline {
    started: Instant,
    limit: Option<Duration>,
    peer: String,
}

impl Deadline {
    fn of(warmup: &Warmup) -> Self {
        Self { started: Instant::now(), limit: warmup.limit, peer: errors::peer(&warmup.url) }
    }

    /// Whoever is held until then can still be answered in time.
    fn half(&self) -> Option<(Instant, Duration)> {
        let half = self.limit? / 2;
        Some((self.started.checked_add(half)?, half))
    }

    async fn holds<T>(&self, part: impl Future<Output = Result<T>>) -> Result<T> {
        let end = self.limit.and_then(|limit| Some((self.started.checked_add(limit)?, limit)));
        let Some((at, limit)) = end else { return part.await };
        tokio::time::timeout_at(at.into(), part).await.unwrap_or_else(|_| {
            let what = format!("no warm connection to {}", self.peer);
            Err(Error::timeout(Phase::Total, &what, limit, "warmup.timeout"))
        })
    }
}
