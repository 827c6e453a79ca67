//! The gate in front of each origin: bounds its sockets, since reqwest opens as many as it is asked for.
//!
//! Invariants: over HTTP/1.1 no more permits are out than `max_sockets`; those who wait are served in
//! the order in which they came; no more than `queue_limit` wait. Over HTTP/2 streams share a socket
//! and nobody waits.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Mutex as AsyncMutex, Notify, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use url::{Position, Url};

use super::{
    errors::{peer, timed_out},
    options::PoolOptions,
};
use crate::{Error, ErrorKind, Phase, Result};

/// What an HTTP/2 handshake takes on our side of an open connection, generously.
const HANDSHAKE: Duration = Duration::from_millis(100);

/// The gates of all origins.
pub(super) struct Pool {
    options: PoolOptions,
    gates: Mutex<HashMap<String, Arc<Gate>>>,
}

/// One origin's gate.
pub(super) struct Gate {
    sockets: Arc<Semaphore>,
    waiting: AtomicUsize,
    in_flight: AtomicUsize,
    /// The origin speaks HTTP/2: known from its first connection.
    multiplexed: AtomicBool,
    /// Whether any connection has shown what the origin speaks.
    known: AtomicBool,
    /// Told when it becomes known.
    answered: Notify,
    /// Held by the one that finds out.
    scout: Arc<AsyncMutex<()>>,
}

/// The right to be under way; given back when dropped.
pub(super) struct Permit {
    gate: Arc<Gate>,
    _socket: Option<OwnedSemaphorePermit>,
}

/// The duty to find out what an origin speaks; those behind wait until it is dropped or done.
pub(super) struct Scout {
    gate: Arc<Gate>,
    lead: OwnedMutexGuard<()>,
}

impl Scout {
    /// A connection was made. Over HTTP/2 those behind shall share it, but reqwest offers it to them only
    /// after a handshake that nobody can watch: they are held back until the first answer or a moment
    /// longer, lest each opens its own.
    pub fn found(self, http2: bool) {
        if !http2 {
            return self.gate.learn(false);
        }
        let Self { gate, lead } = self;
        tokio::spawn(async move {
            let _late = tokio::time::timeout(HANDSHAKE, gate.answered.notified()).await;
            gate.learn(true);
            // Named, or the future would not capture it and the crowd would be let go at once.
            drop(lead);
        });
    }
}

impl Pool {
    pub fn new(options: PoolOptions) -> Self {
        Self { options, gates: Mutex::default() }
    }

    /// The gate of this URL's origin.
    pub fn gate(&self, url: &Url) -> Arc<Gate> {
        let origin = &url[..Position::AfterPort];
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(origin) {
            return Arc::clone(gate);
        }
        let gate = Arc::new(Gate {
            sockets: Arc::new(Semaphore::new(self.options.max_sockets.min(Semaphore::MAX_PERMITS))),
            waiting: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            multiplexed: AtomicBool::new(false),
            known: AtomicBool::new(false),
            answered: Notify::new(),
            scout: Arc::default(),
        });
        gates.insert(origin.to_owned(), Arc::clone(&gate));
        gate
    }

    /// Waits for a place; tells how long it took.
    pub async fn enter(&self, gate: &Arc<Gate>, url: &Url, limit: Option<Duration>) -> Result<(Permit, Duration)> {
        if gate.multiplexed.load(Ordering::Acquire) {
            return Ok((gate.permit(None), Duration::ZERO));
        }
        if let Ok(socket) = Arc::clone(&gate.sockets).try_acquire_owned() {
            return Ok((gate.permit(Some(socket)), Duration::ZERO));
        }
        let started = Instant::now();
        let _waiting = Waiting::join(gate, self.options.queue_limit, url)?;
        let turn = Arc::clone(&gate.sockets).acquire_owned();
        let socket = match limit {
            None => turn.await,
            Some(limit) => tokio::time::timeout(limit, turn)
                .await
                .map_err(|_| timed_out(Phase::Queue, limit, &peer(url)))?,
        };
        // The semaphore is never closed; without a socket of its own the call would still be right.
        Ok((gate.permit(socket.ok()), started.elapsed()))
    }

    /// Places taken and places waited for, over all origins.
    pub fn load(&self) -> (usize, usize) {
        let gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.values().fold((0, 0), |(in_flight, waiting), gate| {
            (in_flight + gate.in_flight.load(Ordering::Relaxed), waiting + gate.waiting.load(Ordering::Relaxed))
        })
    }
}

impl Gate {
    fn permit(self: &Arc<Self>, socket: Option<OwnedSemaphorePermit>) -> Permit {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Permit { gate: Arc::clone(self), _socket: socket }
    }

    /// Remembers what a connection showed. Whoever waits for a socket of its own need not wait any more.
    pub fn learn(&self, http2: bool) {
        if !self.known.swap(true, Ordering::AcqRel) {
            self.answered.notify_one();
        }
        if http2 && !self.multiplexed.swap(true, Ordering::AcqRel) {
            self.sockets.add_permits(self.waiting.load(Ordering::Acquire));
        }
    }

    /// One request finds out what the origin speaks, so that a crowd does not open a socket each;
    /// `None` once it is known.
    pub async fn scout(self: &Arc<Self>) -> Option<Scout> {
        if self.known.load(Ordering::Acquire) {
            return None;
        }
        let lead = Arc::clone(&self.scout).lock_owned().await;
        (!self.known.load(Ordering::Acquire)).then(|| Scout { gate: Arc::clone(self), lead })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A place in the queue; left when dropped, also by a call that is cancelled.
struct Waiting<'a>(&'a Gate);

impl<'a> Waiting<'a> {
    fn join(gate: &'a Gate, limit: usize, url: &Url) -> Result<Self> {
        if gate.waiting.fetch_add(1, Ordering::AcqRel) >= limit {
            gate.waiting.fetch_sub(1, Ordering::AcqRel);
            let message = format!("{limit} calls wait already for a socket to {} (`pool.queueLimit`)", peer(url));
            return Err(Error::new(ErrorKind::QueueFull, Phase::Queue, message));
        }
        Ok(Self(gate))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}
