//! Groups that a call has come to: what JavaScript is told of each, and what it wants.

use std::{
    collections::HashMap,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use futures_util::future::AbortRegistration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::task::TaskTracker;

use super::{
    js_middleware::Made,
    mailbox::{Letter, Mailbox, lock},
    outbox::{End, Outbox},
    script::AtWork,
};
use crate::{
    Error, ErrorKind, Phase, Result,
    client::Changes,
    request::{Lane, Request},
};

/// Stands in the extensions of each request that JavaScript has made.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) id: u32,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) passages: Arc<Passages>,
    pub(super) tasks: TaskTracker,
}

/// What JavaScript wants of a group that is under way.
pub(super) enum Wish {
    /// Runs the layers further in; their outcome gets this number.
    Next { id: u32, changes: Result<Changes> },
    /// Gives up what is under way further in.
    GiveUp,
    /// Begins to hand over a stream that waits.
    Open(Opening),
    /// Whether a native middleware that asked is passed through.
    Chosen(bool),
    /// The group's outcome is what came from further in.
    AsItCame,
    /// The group's outcome is another one.
    Made(Result<Made>),
}

/// A stream that JavaScript waits for. Dropped before it has begun, it says that it won't come.
pub(super) struct Opening {
    pub(super) id: u32,
    begins: Option<(Arc<Outbox>, AbortRegistration)>,
}

impl Opening {
    pub(super) fn new(outbox: Arc<Outbox>, registration: AbortRegistration) -> Self {
        Self { id: outbox.id, begins: Some((outbox, registration)) }
    }

    pub(super) fn begin(mut self) -> Option<(Arc<Outbox>, AbortRegistration)> {
        self.begins.take()
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if let Some((outbox, _)) = self.begins.take() {
            let gone = "the stream was given up with its call, or with its attempt, before it was read";
            outbox.end(End::Failed(Error::new(ErrorKind::Aborted, Phase::Body, gone)));
        }
    }
}

/// The groups of one environment that are under way, by number.
#[derive(Default)]
pub(super) struct Passages {
    open: Mutex<HashMap<u32, UnboundedSender<Wish>>>,
    last: AtomicU32,
}

impl Passages {
    /// Tells a group; one that is over hears nothing.
    pub(super) fn tell(&self, passage: u32, wish: Wish) {
        if let Some(group) = lock(&self.open).get(&passage) {
            let _over = group.send(wish);
        }
    }
}

/// A group under way; JavaScript is told when it is dropped before it has answered.
pub(super) struct Passage {
    pub(super) number: u32,
    pub(super) caller: Caller,
    pub(super) wishes: UnboundedReceiver<Wish>,
    pub(super) answered: bool,
}

impl Passage {
    /// Tells JavaScript that the call has come to this group.
    pub(super) fn enter(caller: Caller, group: u32, req: &Request) -> Self {
        let number = caller.passages.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let (tell, wishes) = unbounded_channel();
        lock(&caller.passages.open).insert(number, tell);
        caller.mailbox.push(Letter::Entered {
            id: caller.id,
            passage: number,
            group,
            attempt: req.attempt,
            parent: req.extensions.get().map_or(0, |Via(parent)| *parent),
            lane: req.extensions.get::<Lane>().map_or(0, |lane| lane.number()),
            headers: super::text::header_lines(&req.headers),
        });
        Self { number, caller, wishes, answered: false }
    }

    pub(super) async fn chosen(mut self) -> Result<bool> {
        let _owed = AtWork::begin();
        let wish = self.wishes.recv().await;
        self.answered = true;
        match wish {
            Some(Wish::Made(Err(thrown))) => Err(thrown),
            Some(wish) => Ok(matches!(wish, Wish::Chosen(true))),
            // The environment is going, and this task with it.
            None => pending().await,
        }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        lock(&self.caller.passages.open).remove(&self.number);
        if !self.answered {
            self.caller.mailbox.push(Letter::Left { passage: self.number });
        }
    }
}

/// Stands in a request that a group has handed on: which one, as JavaScript knows it.
#[derive(Clone, Copy)]
pub(super) struct Via(pub(super) u32);
