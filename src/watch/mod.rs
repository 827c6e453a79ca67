//! An answer watched on its way to whoever asked: when it came, what it took, how it ended. What passes is not
//! changed, and not kept.
//!
//! - `body`: bodies that tell what passes · `limits`: why nobody waits any more
//! - `answer`: from when on an answer is one · `attempts`: what a layer that makes several lists of them
//!
//! The middlewares that log, count or make calls again may use this room; it uses the nouns and `claude`.

mod answer;
mod attempts;
mod body;
mod limits;

use bytes::Bytes;
use tokio::time::Instant;

pub use self::{
    answer::{Failure, Judge},
    attempts::Attempts,
    body::watch,
    limits::Limits,
};
use crate::{
    Error,
    claude::{StreamRules, Usage},
    request::{Expect, Request},
};

/// Who watches one call. Dropped before [`over`](Watcher::over), it has seen a call that nobody waits for any more.
pub trait Watcher: Send + Unpin + 'static {
    /// A stream is there and begins.
    fn begun(&mut self, _of_events: bool) {}

    /// Events of a stream came, this many in one read, at this moment; pings do not count.
    fn read(&mut self, _events: usize, _at: Instant) {}

    /// Nothing more comes. Told once, also where a stream is dropped by its reader.
    fn over(&mut self, usage: Usage, end: End<'_>);
}

/// How an answer ended.
#[derive(Debug, Clone, Copy)]
pub enum End<'a> {
    /// All of it is there.
    Whole(&'a Bytes),
    /// A stream came to its end.
    Complete,
    /// It broke, or told of an error.
    Failed(&'a Error),
    /// The reader of a stream left before its end.
    Dropped,
}

/// What of a request its answer is read by.
pub struct Asked {
    expect: Expect,
    max_response_bytes: u64,
    rules: StreamRules,
}

impl Asked {
    /// What a request asks for.
    pub fn of(req: &Request) -> Self {
        let (expect, max_response_bytes) = (req.options.expect, req.options.max_response_bytes);
        Self { expect, max_response_bytes, rules: StreamRules::at(req.url.path()) }
    }
}
