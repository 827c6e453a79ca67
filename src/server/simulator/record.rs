//! What the simulator received, and its counters.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use bytes::{Bytes, BytesMut};
use http::request::Parts;

use super::head::{header_pairs, path_and_query, since_epoch, version};

/// More of one body is counted, but not kept.
const KEPT_BODY: usize = 1024 * 1024;

/// One request as it arrived, and what became of its answer.
#[derive(Debug, Clone)]
pub struct Received {
    /// The number of the connection it came on, counted from 1.
    pub connection: u64,
    /// The method, in capitals.
    pub method: String,
    /// The path with its query; a proxied request shows the whole target.
    pub path: String,
    /// `1.0`, `1.1` or `2`.
    pub http_version: &'static str,
    /// The headers in order; the names are in lower case, values are read as Latin-1.
    pub headers: Vec<(String, String)>,
    /// The first mebibyte of the body.
    pub body: Bytes,
    /// The length of the whole body.
    pub body_length: u64,
    /// The client went away before it had the whole answer.
    pub aborted: bool,
    /// The answer was written to its (possibly scripted, early) end.
    pub complete: bool,
    /// Bytes of the answer's body handed to the socket.
    pub bytes_written: u64,
    /// When it arrived, in ms since the Unix epoch.
    pub time_ms: u64,
    /// It used the proxy role: a CONNECT, or a request to be forwarded.
    pub proxied: bool,
}

impl Received {
    /// The first value of a header, whose name is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Numbers since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections open now.
    pub connections_open: u64,
    /// Connections accepted since the start.
    pub connections_total: u64,
    /// Requests whose head arrived.
    pub requests: u64,
    /// Answers that the client did not wait for.
    pub aborted: u64,
}

/// The ring of requests and the counters.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    keep: usize,
    ring: Mutex<VecDeque<Arc<Entry>>>,
    open: AtomicU64,
    total: AtomicU64,
    requests: AtomicU64,
    aborted: AtomicU64,
    closing: AtomicBool,
}

#[derive(Debug)]
struct Entry {
    head: Received,
    body: Mutex<BytesMut>,
    length: AtomicU64,
    written: AtomicU64,
    aborted: AtomicBool,
    complete: AtomicBool,
}

impl Entry {
    fn snapshot(&self) -> Received {
        Received {
            body: Bytes::copy_from_slice(&locked(&self.body)),
            body_length: self.length.load(Relaxed),
            bytes_written: self.written.load(Relaxed),
            aborted: self.aborted.load(Relaxed),
            complete: self.complete.load(Relaxed),
            ..self.head.clone()
        }
    }
}

/// A panic of another thread must not take the records away from the test that explains it.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    pub fn new(keep: usize) -> Self {
        Self { keep, ..Self::default() }
    }

    /// Counts a connection for as long as the returned guard lives.
    pub fn connected(self: &Arc<Self>) -> OpenConnection {
        self.open.fetch_add(1, Relaxed);
        OpenConnection { ledger: Arc::clone(self), number: self.total.fetch_add(1, Relaxed) + 1 }
    }

    /// Notes the head of a request; its place in the ring is its place in the order of arrival.
    pub fn arrive(self: &Arc<Self>, connection: u64, head: &Parts, proxied: bool) -> Exchange {
        self.requests.fetch_add(1, Relaxed);
        let entry = (self.keep > 0).then(|| {
            let entry = Arc::new(Entry {
                head: describe(connection, head, proxied),
                body: Mutex::default(),
                length: AtomicU64::new(0),
                written: AtomicU64::new(0),
                aborted: AtomicBool::new(false),
                complete: AtomicBool::new(false),
            });
            let mut ring = locked(&self.ring);
            while ring.len() >= self.keep {
                ring.pop_front();
            }
            ring.push_back(Arc::clone(&entry));
            entry
        });
        Exchange { ledger: Arc::clone(self), entry, done: false }
    }

    pub fn received(&self) -> Vec<Received> {
        locked(&self.ring).iter().map(|entry| entry.snapshot()).collect()
    }

    pub fn clear(&self) {
        locked(&self.ring).clear();
    }

    /// From here on, an answer that breaks off is our doing and not the client's.
    pub fn close(&self) {
        self.closing.store(true, Relaxed);
    }

    pub fn counters(&self) -> Counters {
        Counters {
            connections_open: self.open.load(Relaxed),
            connections_total: self.total.load(Relaxed),
            requests: self.requests.load(Relaxed),
            aborted: self.aborted.load(Relaxed),
        }
    }
}

fn describe(connection: u64, head: &Parts, proxied: bool) -> Received {
    let path = if proxied { head.uri.to_string() } else { path_and_query(head).to_owned() };
    Received {
        connection,
        method: head.method.to_string(),
        path,
        http_version: version(head),
        headers: header_pairs(head),
        body: Bytes::new(),
        body_length: 0,
        aborted: false,
        complete: false,
        bytes_written: 0,
        time_ms: u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX),
        proxied,
    }
}

/// Lives as long as its connection.
#[derive(Debug)]
pub(super) struct OpenConnection {
    ledger: Arc<Ledger>,
    pub number: u64,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.ledger.open.fetch_sub(1, Relaxed);
    }
}

/// One request and its answer. Dropped before [`complete`](Self::complete), it means that the client left.
#[derive(Debug)]
pub(super) struct Exchange {
    ledger: Arc<Ledger>,
    entry: Option<Arc<Entry>>,
    done: bool,
}

impl Exchange {
    pub fn read(&self, chunk: &[u8]) {
        let Some(entry) = &self.entry else { return };
        entry.length.fetch_add(chunk.len() as u64, Relaxed);
        let mut body = locked(&entry.body);
        let room = KEPT_BODY.saturating_sub(body.len()).min(chunk.len());
        body.extend_from_slice(&chunk[..room]);
    }

    pub fn wrote(&self, bytes: usize) {
        if let Some(entry) = &self.entry {
            entry.written.fetch_add(bytes as u64, Relaxed);
        }
    }

    /// The answer is as whole as it was meant to be.
    pub fn complete(&mut self) {
        self.done = true;
        if let Some(entry) = &self.entry {
            entry.complete.store(true, Relaxed);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.done || self.ledger.closing.load(Relaxed) {
            return;
        }
        self.ledger.aborted.fetch_add(1, Relaxed);
        if let Some(entry) = &self.entry {
            entry.aborted.store(true, Relaxed);
        }
    }
}
