//! Conversations over a store: a call brings one turn, is sent with those before it, and adds to them when it is
//! answered completely.
//!
//! Invariants, each held by a test: turns of one session follow each other, whoever makes them. What is kept of a
//! turn is all of it or nothing. A turn whose lease has passed to another keeps nothing. What is sent begins with a
//! user's message that answers no tool, and has every tool's result with its use.
//!
//! - [`options`]: what can be set · [`turn`]: what one call says, and what is kept of it · [`window`]: which turns are
//!   sent · [`ledger`]: where they stand; `memory` and `shared` are two · `hold`: who speaks, for how long ·
//!   `course`: a stream of events that becomes a turn · `copy`: out of a session, and into another
//!
//! A session is found by its id alone, whoever asks: what the id may be is the caller's to decide.

mod copy;
mod course;
mod hold;
pub mod ledger;
mod memory;
pub mod options;
mod shared;
mod surrogates;
pub mod turn;
pub mod window;

use std::sync::Arc;

use bytes::Bytes;

pub use self::options::{KeepOptions, OnBusy, SessionOptions};
use self::{
    hold::{Hold, Queues},
    ledger::Ledger,
    memory::Memory,
    shared::Kept,
    turn::{Answer, Spoken, Turn},
};
use crate::{
    Error, Result,
    body::{Body, collect},
    claude::StreamRules,
    identity::Identity,
    notice::Notices,
    pipeline::{BoxFuture, Middleware, Next},
    request::{Expect, Request},
    response::Response,
    store::Shared,
};

/// Put into a request's extensions: the call is a turn of this session.
#[derive(Debug, Clone)]
pub struct Session {
    /// The name that the caller gave it.
    pub id: String,
    /// How it is kept.
    pub options: SessionOptions,
}

/// The middleware: calls without a [`Session`] pass it as they are.
pub struct Sessions {
    ledger: Arc<dyn Ledger>,
    queues: Queues,
}

impl Sessions {
    /// Sessions in this process's memory.
    pub fn in_memory(options: KeepOptions) -> Self {
        Self::over(Arc::new(Memory::new(options)))
    }

    /// Sessions that replicas share.
    pub fn shared(store: Arc<dyn Shared>) -> Self {
        Self::over(Arc::new(Kept::new(store)))
    }

    fn over(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger, queues: Queues::default() }
    }

    async fn converse(&self, session: Session, mut req: Request, next: Next<'_>) -> Result<Response> {
        let options = session.options;
        let spoken = Spoken::read(&req.body)?;
        if req.options.expect == Expect::Bytes {
            return Err(Error::config(
                "a turn of a session is no stream of bytes: `responseType: 'stream'` cannot be kept",
            ));
        }
        let (hold, turns) = self.hold(&session.id, options, &spoken).await?;
        req.body = Body::Full(spoken.with(&turns));
        let asked = Asked {
            rules: StreamRules::at(req.url.path()),
            limit: req.options.max_response_bytes,
            notices: req.extensions.get().cloned(),
        };
        let res = next.run(req).await?;
        if !res.status.is_success() {
            return Ok(res);
        }
        keep(Pending { hold, spoken, notices: asked.notices }, res, asked.rules, asked.limit).await
    }

    async fn hold(&self, id: &str, options: SessionOptions, spoken: &Spoken) -> Result<(Hold, Vec<Turn>)> {
        let budget = options.window.saturating_sub(spoken.tokens);
        let wish = ledger::Wish { budget, chain: !spoken.opens };
        let (hold, mut turns) = self.queues.take(&self.ledger, key(id), options, wish).await?;
        let sent = window::fit(turns.iter().rev().map(Turn::mark), budget, wish.chain);
        turns.drain(..turns.len() - sent);
        Ok((hold, turns))
    }
}

impl Middleware for Sessions {
    fn handle<'a>(&'a self, mut req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        match req.extensions.remove::<Session>() {
            Some(session) => Box::pin(self.converse(session, req, next)),
            None => next.run(req),
        }
    }
}

/// What of a request its answer is read by.
struct Asked {
    rules: StreamRules,
    limit: u64,
    notices: Option<Notices>,
}

/// A turn that is being answered. Dropped, it keeps nothing and gives the session back.
struct Pending {
    hold: Hold,
    spoken: Spoken,
    notices: Option<Notices>,
}

impl Pending {
    /// The answer is complete.
    async fn answered(self, answer: &Answer) -> Result<()> {
        match answer.unfit() {
            None => self.hold.append(&self.spoken.answered(answer)).await,
            Some(reason) => {
                if let Some(notices) = self.notices {
                    notices.note(format!("a turn of a session was not kept: {reason}"));
                }
                Ok(())
            }
        }
    }
}

/// Whoever has a whole answer, or the last event of a stream, has a turn that is kept.
async fn keep(pending: Pending, mut res: Response, rules: StreamRules, limit: u64) -> Result<Response> {
    let length = res.content_length();
    res.body = match std::mem::take(&mut res.body) {
        Body::Events(events) => Body::Events(course::follow(events, rules, pending)),
        body => {
            let bytes: Bytes = collect(body, limit, length).await?;
            pending.answered(&Answer::read(&bytes)?).await?;
            Body::Full(bytes)
        }
    };
    Ok(res)
}

/// Its key in a store. An id may be somebody's name: nothing of it is told.
fn key(id: &str) -> String {
    format!("session:{}", Identity::of([id.as_bytes()]).short())
}
