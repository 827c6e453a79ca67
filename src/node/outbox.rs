//! What one stream has for JavaScript: collected until it is fetched, held back by credit.
//!
//! Invariants: bytes handed over and not yet granted back, plus bytes waiting here, stay below the
//! credit before another read begins, unless JavaScript takes all as it comes; a letter for this outbox is in the mailbox at most once; after
//! the end nothing is added.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::Notify;

use super::{
    mailbox::{Letter, Mailbox, lock},
    pack::{Block, Packed},
};
use crate::{Error, Result, client::MessageSoFar, event::Event};

/// How many bytes may be on their way to a consumer, and unread by it, before the socket rests.
const CREDIT: usize = 256 << 10;

/// The letters of one stream.
pub(super) struct Outbox {
    pub(super) id: u32,
    mailbox: Arc<Mailbox>,
    held: Mutex<Held>,
    room: Notify,
}

/// Which of a stream's events JavaScript wants: it may say so at any time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All.
    #[default]
    Events,
    /// Of the pieces of content only those of text, which may come joined.
    Text,
    /// All but the pieces of content.
    Steps,
    /// None: only the end.
    End,
}

#[derive(Default)]
struct Held {
    batch: Batch,
    block: Block,
    wanted: Wanted,
    /// All is taken as it comes, however much has not been read.
    unlimited: bool,
    /// What the events add up to, once they come.
    message: Option<MessageSoFar>,
    /// Whether the mailbox has a letter for us.
    announced: bool,
    /// Bytes that JavaScript has and has not granted back.
    out: usize,
}

/// What is handed over at once.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) content: Pieces,
    pub(super) end: Option<End>,
    /// From the headers to the first piece, where it has just come.
    pub(super) first: Option<Duration>,
}

/// Events or chunks of bytes.
pub(super) enum Pieces {
    Events(Packed),
    Bytes(Vec<Bytes>),
}

impl Default for Pieces {
    fn default() -> Self {
        Self::Bytes(Vec::new())
    }
}

impl Pieces {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Events(packed) => packed.len(),
            Self::Bytes(chunks) => chunks.iter().map(Bytes::len).sum(),
        }
    }
}

/// How a stream ended.
pub(super) enum End {
    /// With the message, or with why it can't be had; of what is no stream of messages with neither.
    Complete(Option<Result<String>>),
    Failed(Error),
}

impl Outbox {
    pub(super) fn new(id: u32, mailbox: Arc<Mailbox>) -> Self {
        Self { id, mailbox, held: Mutex::default(), room: Notify::new() }
    }

    /// Adds events: the data itself where it is JSON, otherwise an object that describes the event.
    pub(super) fn events(self: &Arc<Self>, events: &[Event], json: bool, first: Option<Duration>) {
        let mut held = lock(&self.held);
        let Held { batch, block, wanted, .. } = &mut *held;
        batch.first = batch.first.or(first);
        if *wanted == Wanted::End {
            return;
        }
        if !matches!(batch.content, Pieces::Events(_)) {
            batch.content = Pieces::Events(Packed::default());
        }
        if let Pieces::Events(packed) = &mut batch.content {
            for event in events {
                if json { packed.json(&event.data, block, *wanted) } else { packed.described(event) }
            }
            if packed.count > 0 {
                self.announce(&mut held);
            }
        }
    }

    /// Where the events are added up.
    pub(super) fn adds_up_to(&self, message: &MessageSoFar) {
        lock(&self.held).message = Some(message.clone());
    }

    /// What has come of the message.
    pub(super) fn message(&self) -> Option<MessageSoFar> {
        lock(&self.held).message.clone()
    }

    /// JavaScript wants no more than this from now on; without a limit it wants that as it comes.
    pub(super) fn want(&self, wanted: Wanted, unlimited: bool) {
        let mut held = lock(&self.held);
        held.wanted = wanted;
        held.unlimited |= unlimited || wanted == Wanted::End;
        if wanted == Wanted::End {
            held.batch.content = Pieces::default();
        }
        drop(held);
        self.room.notify_one();
    }

    /// Whether nothing but the end is wanted.
    pub(super) fn only_end(&self) -> bool {
        lock(&self.held).wanted == Wanted::End
    }

    /// Adds bytes.
    pub(super) fn bytes(self: &Arc<Self>, chunk: Bytes, first: Option<Duration>) {
        let mut held = lock(&self.held);
        if let Pieces::Bytes(chunks) = &mut held.batch.content {
            chunks.push(chunk);
        }
        held.batch.first = held.batch.first.or(first);
        self.announce(&mut held);
    }

    /// Says that nothing more will come.
    pub(super) fn end(self: &Arc<Self>, end: End) {
        let mut held = lock(&self.held);
        if held.batch.end.is_none() {
            held.batch.end = Some(end);
            self.announce(&mut held);
        }
    }

    fn announce(self: &Arc<Self>, held: &mut Held) {
        if !held.announced {
            held.announced = true;
            self.mailbox.push(Letter::Streamed(Arc::clone(self)));
        }
    }

    /// Fetches what has come since the last time.
    pub(super) fn take(&self) -> Batch {
        let mut held = lock(&self.held);
        held.announced = false;
        let mut batch = std::mem::take(&mut held.batch);
        // What was taken back has announced itself already; JavaScript reads the time beside a piece or an end.
        if batch.end.is_none() && batch.content.len() == 0 {
            held.batch.first = batch.first.take();
        }
        held.out += batch.content.len();
        batch
    }

    /// JavaScript has read this many bytes.
    pub(super) fn grant(&self, bytes: usize) {
        let mut held = lock(&self.held);
        held.out = held.out.saturating_sub(bytes);
        drop(held);
        self.room.notify_one();
    }

    /// Waits until there is credit for another read.
    pub(super) async fn credit(&self) {
        loop {
            let room = self.room.notified();
            {
                let held = lock(&self.held);
                if held.unlimited || held.out + held.batch.content.len() < CREDIT {
                    return;
                }
            }
            room.await;
        }
    }
}
