//! A request body that JavaScript produces piece by piece, never held whole.
//!
//! Invariant: JavaScript is told to wait as soon as [`FULL`] bytes are queued, and exactly one letter
//! tells it to go on once half of that has been sent.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::mailbox::{Letter, Mailbox};
use crate::{Error, Result, body::Body};

/// How many bytes may wait for the socket before JavaScript has to pause.
const FULL: usize = 256 << 10;

/// JavaScript's end of a body.
pub(super) struct Upload {
    pieces: UnboundedSender<Result<Bytes>>,
    level: Arc<Level>,
}

struct Level {
    queued: AtomicUsize,
    paused: AtomicBool,
}

/// A body and the end that fills it.
pub(super) fn channel(id: u32, mailbox: &Arc<Mailbox>) -> (Upload, Body) {
    let (pieces, source) = unbounded_channel();
    let level = Arc::new(Level { queued: AtomicUsize::new(0), paused: AtomicBool::new(false) });
    let body = drain(id, source, Arc::clone(&level), Arc::clone(mailbox));
    (Upload { pieces, level }, body)
}

fn drain(
    id: u32,
    source: UnboundedReceiver<Result<Bytes>>,
    level: Arc<Level>,
    mailbox: Arc<Mailbox>,
) -> Body {
    let state = (source, level, mailbox);
    Body::Stream(Box::pin(futures_util::stream::unfold(
        state,
        move |(mut source, level, mailbox)| async move {
            let piece = source.recv().await?;
            let size = piece.as_ref().map_or(0, Bytes::len);
            let left = level.queued.fetch_sub(size, Ordering::AcqRel) - size;
            if left <= FULL / 2 && level.paused.swap(false, Ordering::AcqRel) {
                mailbox.push(Letter::Room { id });
            }
            Some((piece, (source, level, mailbox)))
        },
    )))
}

impl Upload {
    /// Queues a piece; `false` asks JavaScript to wait for the letter.
    pub(super) fn push(&self, piece: Bytes) -> bool {
        let size = piece.len();
        let queued = self.level.queued.fetch_add(size, Ordering::AcqRel) + size;
        // A closed channel means that the call is over; its own letter says so.
        if self.pieces.send(Ok(piece)).is_err() || queued < FULL {
            return true;
        }
        self.level.paused.store(true, Ordering::Release);
        // The reader may have emptied the queue between the two lines above and seen no pause.
        if self.level.queued.load(Ordering::Acquire) <= FULL / 2
            && self.level.paused.swap(false, Ordering::AcqRel)
        {
            return true;
        }
        false
    }

    /// Ends the body with an error of its producer.
    pub(super) fn fail(&self, error: Error) {
        let _closed = self.pieces.send(Err(error));
    }
}
