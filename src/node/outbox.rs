//! What one stream has for JavaScript: collected until it is fetched, held back by credit.
//!
//! Invariants: bytes handed over and not yet granted back, plus bytes waiting here, stay below the
//! credit before another read begins; a letter for this outbox is in the mailbox at most once; after
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
use crate::{Error, event::Event};

/// How many bytes may be on their way to a consumer, and unread by it, before the socket rests.
const CREDIT: usize = 256 << 10;

/// The letters of one stream.
pub(super) struct Outbox {
    pub(super) id: u32,
    mailbox: Arc<Mailbox>,
    held: Mutex<Held>,
    room: Notify,
}

#[derive(Default)]
struct Held {
    batch: Batch,
    block: Block,
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
    Complete,
    Failed(Error),
}

impl Outbox {
    pub(super) fn new(id: u32, mailbox: Arc<Mailbox>) -> Self {
        Self { id, mailbox, held: Mutex::default(), room: Notify::new() }
    }

    /// Adds events: the data itself where it is JSON, otherwise an object that describes the event.
    pub(super) fn events(self: &Arc<Self>, events: &[Event], json: bool, first: Option<Duration>) {
        self.add(first, |pieces, block| {
            if !matches!(pieces, Pieces::Events(_)) {
                *pieces = Pieces::Events(Packed::default());
            }
            if let Pieces::Events(packed) = pieces {
                for event in events {
                    if json { packed.json(&event.data, block) } else { packed.described(event) }
                }
            }
        });
    }

    /// Adds bytes.
    pub(super) fn bytes(self: &Arc<Self>, chunk: Bytes, first: Option<Duration>) {
        self.add(first, |pieces, _| {
            if let Pieces::Bytes(chunks) = pieces {
                chunks.push(chunk);
            }
        });
    }

    fn add(self: &Arc<Self>, first: Option<Duration>, add: impl FnOnce(&mut Pieces, &mut Block)) {
        let mut held = lock(&self.held);
        let Held { batch, block, .. } = &mut *held;
        add(&mut batch.content, block);
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
        let batch = std::mem::take(&mut held.batch);
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
                if held.out + held.batch.content.len() < CREDIT {
                    return;
                }
            }
            room.await;
        }
    }
}
