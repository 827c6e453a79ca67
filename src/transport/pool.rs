//! The gates of all origins: reqwest has no limit of connections, so requests wait here for a place.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;
use url::{Position, Url};

use super::{
    clock::Clock,
    connect::Progress,
    errors,
    gate::{Entry, Gate, Limits, Pass, Protocol},
    options::{Http2, PoolOptions},
};
use crate::{Error, ErrorKind, Phase, Result};

/// Origins beyond this many are forgotten once nobody uses them.
const REMEMBERED: usize = 1024;

/// The gates by origin.
pub(super) struct Gates {
    options: PoolOptions,
    http2: Http2,
    by_origin: Mutex<HashMap<Box<str>, Arc<Origin>>>,
}

/// One origin.
pub(super) struct Origin {
    gate: Mutex<Gate<oneshot::Sender<Pass>>>,
    /// The protocol is found out and not prescribed.
    learns: bool,
    /// Held by the one who opens connections ahead: two of them would wait for each other's.
    pub warming: tokio::sync::Mutex<()>,
}

/// What one origin is doing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OriginStats {
    /// Scheme, host and port.
    pub origin: String,
    /// Requests under way, bodies included.
    pub in_flight: usize,
    /// Requests that wait for a place.
    pub queued: usize,
    /// Connections that carry those under way: one for each over HTTP/1.1, few over HTTP/2.
    pub connections: usize,
}

impl Gates {
    pub fn new(options: PoolOptions, http2: Http2) -> Self {
        Self { options, http2, by_origin: Mutex::default() }
    }

    /// The origin of a URL. The URL must hold no user or password: its head is the key.
    pub fn of(&self, url: &Url) -> Arc<Origin> {
        let key = &url[..Position::BeforePath];
        let mut origins = lock(&self.by_origin);
        if let Some(origin) = origins.get(key) {
            return Arc::clone(origin);
        }
        if origins.len() >= REMEMBERED {
            origins.retain(|_, origin| Arc::strong_count(origin) > 1);
        }
        let protocol = match self.http2 {
            // A socket that is not kept is not shared either.
            _ if !self.options.keeps_sockets() => Protocol::Http1,
            Http2::Only => Protocol::Http2,
            Http2::Auto if url.scheme() == "https" => Protocol::Unknown,
            Http2::Auto | Http2::Off => Protocol::Http1,
        };
        let PoolOptions { max_sockets, max_streams, queue_limit, .. } = self.options;
        let limits = Limits { sockets: max_sockets, streams: max_streams, queue: queue_limit };
        let gate = Gate::new(protocol, limits);
        let learns = protocol == Protocol::Unknown;
        let origin =
            Arc::new(Origin { gate: Mutex::new(gate), learns, warming: tokio::sync::Mutex::default() });
        origins.insert(key.into(), Arc::clone(&origin));
        origin
    }

    /// What each origin is doing.
    pub fn stats(&self) -> Vec<OriginStats> {
        let origins = lock(&self.by_origin);
        let mut all = Vec::with_capacity(origins.len());
        for (name, origin) in origins.iter() {
            let gate = lock(&origin.gate);
            all.push(OriginStats {
                origin: name.to_string(),
                in_flight: gate.in_flight(),
                queued: gate.queued(),
                connections: gate.connections(),
            });
        }
        all.sort_by(|a, b| a.origin.cmp(&b.origin));
        all
    }

    /// Waits for a place; says how long that took.
    pub async fn place(&self, url: &Url, clock: &Clock) -> Result<(Place, Duration)> {
        let origin = self.of(url);
        let ticket = {
            let mut gate = lock(&origin.gate);
            match gate.enter() {
                Entry::In(pass) => {
                    drop(gate);
                    return Ok((Place { origin, pass }, Duration::ZERO));
                }
                Entry::Full => return Err(self.full(url)),
                Entry::Wait => {
                    let (waker, woken) = oneshot::channel();
                    let number = gate.queue(waker);
                    // One more than the connections that are being opened have room for opens another.
                    let_in(&mut gate);
                    drop(gate);
                    Ticket { origin, number, woken: Some(woken) }
                }
            }
        };
        let started = Instant::now();
        let limit = clock.first_of(Phase::Queue, clock.timeouts.queue);
        let place = match limit {
            None => ticket.place().await,
            Some(limit) => tokio::time::timeout_at(limit.at.into(), ticket.place())
                .await
                .map_err(|_| errors::timed_out(limit.phase, limit.after, &errors::peer(url)))?,
        };
        Ok((place?, started.elapsed()))
    }

    fn full(&self, url: &Url) -> Error {
        let (peer, limit) = (errors::peer(url), self.options.queue_limit);
        Error::new(
            ErrorKind::QueueFull,
            Phase::Queue,
            format!("{limit} requests to {peer} already wait for a socket (`pool.queueLimit`)"),
        )
    }
}

impl Origin {
    /// As many places as connections in use are missing to `count`, each on a connection of its own.
    pub fn fill(self: &Arc<Self>, count: usize) -> Vec<Place> {
        let passes = lock(&self.gate).fill(count);
        passes.into_iter().map(|pass| Place { origin: Arc::clone(self), pass }).collect()
    }

    /// What is known of its protocol.
    pub fn protocol(&self) -> Protocol {
        lock(&self.gate).protocol()
    }
}

/// A place at an origin, given back when dropped.
pub(super) struct Place {
    origin: Arc<Origin>,
    pass: Pass,
}

impl Place {
    /// Which of the clients carries the request.
    pub fn lane(&self) -> usize {
        self.pass.lane()
    }

    /// A connection is being opened, or was opened, for the request.
    pub fn watch(&mut self, progress: Progress) {
        if !self.origin.learns {
            return;
        }
        let mut gate = lock(&self.origin.gate);
        match progress {
            Progress::Begun => gate.opening(&mut self.pass),
            Progress::Opened(connection) => {
                gate.learn(&mut self.pass, connection.http2);
                let_in(&mut gate);
            }
        }
    }

    /// No connection could be opened for the request; who waits for it goes on when the place is given back.
    pub fn not_connected(&self) {
        lock(&self.origin.gate).fail(&self.pass);
    }

    /// An answer came. If others still wait for this request to open a connection, it has found one that was
    /// open, which nobody knew of: its origin had been forgotten, or it was opened for one that gave up.
    pub fn answered(&mut self, http2: bool) {
        if self.pass.leads() {
            let mut gate = lock(&self.origin.gate);
            gate.learn(&mut self.pass, http2);
            let_in(&mut gate);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        give_back(&self.origin, &self.pass);
    }
}

/// A place in the queue, left when dropped.
struct Ticket {
    origin: Arc<Origin>,
    number: u64,
    woken: Option<oneshot::Receiver<Pass>>,
}

impl Ticket {
    async fn place(mut self) -> Result<Place> {
        let lost = || Error::new(ErrorKind::Internal, Phase::Queue, "a place in the queue was lost");
        let pass = match &mut self.woken {
            Some(woken) => woken.await.map_err(|_| lost())?,
            None => return Err(lost()),
        };
        self.woken = None;
        Ok(Place { origin: Arc::clone(&self.origin), pass })
    }
}

/// A place may be given to a request in the very moment in which it stops waiting.
impl Drop for Ticket {
    fn drop(&mut self) {
        let Some(mut woken) = self.woken.take() else { return };
        if lock(&self.origin.gate).abandon(self.number) {
            return;
        }
        if let Ok(pass) = woken.try_recv() {
            give_back(&self.origin, &pass);
        }
    }
}

fn give_back(origin: &Origin, pass: &Pass) {
    let mut gate = lock(&origin.gate);
    gate.leave(pass);
    let_in(&mut gate);
}

fn let_in(gate: &mut Gate<oneshot::Sender<Pass>>) {
    while let Some((pass, waker)) = gate.next() {
        if let Err(pass) = waker.send(pass) {
            gate.leave(&pass);
        }
    }
}

/// The state is consistent after every line, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
