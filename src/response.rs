//! An answer on its way back.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Extensions, HeaderMap, StatusCode, Version, header::CONTENT_LENGTH};
use url::Url;

use crate::{attempt::Attempt, body::Body};

/// An answer as the pipeline sees it: headers are here, the body may still be coming.
#[derive(Debug)]
pub struct Response {
    /// The status line's code.
    pub status: StatusCode,
    /// The protocol that carried it.
    pub version: Version,
    /// Headers, as received, minus those that describe an encoding already undone.
    pub headers: HeaderMap,
    /// The content, decompressed.
    pub body: Body,
    /// The URL that answered, after redirects.
    pub url: Url,
    /// How long it took to get here.
    pub timing: Timing,
    /// How many attempts were made, this one included.
    pub attempts: u32,
    /// What each attempt came to, this one included; empty where nobody would have made another.
    pub history: Vec<Attempt>,
    /// What layers further in have to say to layers further out.
    pub extensions: Extensions,
}

impl Response {
    /// How many bytes the content is announced to have.
    pub fn content_length(&self) -> Option<u64> {
        self.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }
}

/// Takes the credentials of its request out of what an answer tells. It stands in the extensions of a stream
/// of events, for whoever makes an error of one, and of any answer to a request with the mark
/// [`Repeated`](crate::request::Repeated): a server may repeat the key that it was sent.
#[derive(Clone)]
pub struct Conceal(Arc<dyn Fn(Bytes) -> Bytes + Send + Sync>);

impl Conceal {
    /// By this rule.
    pub fn new(rule: impl Fn(Bytes) -> Bytes + Send + Sync + 'static) -> Self {
        Self(Arc::new(rule))
    }

    /// The body as it may be told.
    pub fn apply(&self, body: Bytes) -> Bytes {
        (self.0)(body)
    }
}

impl fmt::Debug for Conceal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Conceal")
    }
}

/// Stands in the extensions of an answer that redirects have led to.
#[derive(Debug, Clone, Copy)]
pub struct Redirected;

/// Where an answer came from, with a cache on its way. It stands in the extensions of an answer that a cache has
/// had a say in; without it the answer has passed none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cached {
    /// Out of the cache.
    Hit,
    /// From the server, since the cache had none.
    Miss,
    /// Out of the cache, though its time was over.
    Stale,
    /// Together with another call that asked the same.
    Shared,
    /// From the server, since the cache was not to be asked.
    Bypass,
}

impl Cached {
    /// Its name in `res.cache` and in labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stale => "stale",
            Self::Shared => "shared",
            Self::Bypass => "bypass",
        }
    }
}

/// How old an answer out of a cache is. It stands in the extensions beside [`Cached`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(pub Duration);

/// Stands in the extensions of an answer whose content is a value that is kept elsewhere: its bytes do not tell all
/// of it, so that nobody may make the same answer of them again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replaced;

/// Stands in the extensions of an answer that a target has given because another one failed, which would have been asked
/// first: it is good for this call, and no longer than that one fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandIn;

/// Who has answered, where that could have been another. It stands in the extensions of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    /// The name of the target.
    pub target: Option<Arc<str>>,
    /// The name of the key that the call was sent with; the key itself is nowhere told.
    pub key: Option<Arc<str>>,
}

/// What is known about the time a call took when its headers arrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// When the request came to the transport; `None` where none has seen it.
    pub sent: Option<Instant>,
    /// Spent waiting for a place in the pool, and for limits of the client.
    pub queued: Duration,
    /// What of that was spent waiting for limits of the client.
    pub held: Duration,
    /// Spent on a new connection; `None` when an open one was used.
    pub connect: Option<Duration>,
    /// From the start of the call to the response headers.
    pub first_byte: Option<Duration>,
}

impl Timing {
    /// A limit of the client has made the call wait.
    pub fn hold(&mut self, time: Duration) {
        self.queued += time;
        self.held += time;
    }
}
