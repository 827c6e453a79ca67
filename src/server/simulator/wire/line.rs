//! What an answer may know of, and do to, the connection under it.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use tokio::{net::TcpStream, sync::Notify};

use super::super::record::locked;

/// What becomes of a connection once HTTP is over on it.
#[derive(Debug)]
pub(in super::super) enum Takeover {
    Close,
    /// TCP RST.
    Reset,
    /// These bytes, then the end.
    Raw(Bytes),
    /// Bytes in both directions.
    Tunnel(TcpStream),
}

/// One connection, shared by its driver and its answers.
#[derive(Debug, Default)]
pub(in super::super) struct Line {
    pub number: u64,
    flushes: AtomicU64,
    waiters: Mutex<Vec<Waker>>,
    takeover: Mutex<Option<Takeover>>,
    taken: Notify,
    reset: AtomicBool,
}

impl Line {
    pub fn new(number: u64) -> Self {
        Self { number, ..Self::default() }
    }

    /// How often everything written so far had reached the kernel.
    pub fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Acquire)
    }

    /// The HTTP layer flushes the socket only after its own buffer is empty, so that this call tells
    /// an answer that its last piece is out.
    pub(super) fn flushed(&self) {
        self.flushes.fetch_add(1, Ordering::AcqRel);
        for waiter in std::mem::take(&mut *locked(&self.waiters)) {
            waiter.wake();
        }
    }

    /// Ready after the first flush since `flushes()` said `seen`.
    pub fn poll_flushed(&self, seen: u64, context: &mut Context<'_>) -> Poll<()> {
        let mut waiters = locked(&self.waiters);
        if self.flushes() > seen {
            return Poll::Ready(());
        }
        waiters.push(context.waker().clone());
        Poll::Pending
    }

    /// Ends HTTP on this connection.
    pub fn take_over(&self, how: Takeover) {
        if matches!(how, Takeover::Reset) {
            self.reset.store(true, Ordering::Release);
        }
        *locked(&self.takeover) = Some(how);
        self.taken.notify_one();
    }

    /// Waits for [`take_over`](Self::take_over).
    pub(super) async fn taken_over(&self) -> Takeover {
        self.taken.notified().await;
        locked(&self.takeover).take().unwrap_or(Takeover::Close)
    }

    pub(super) fn is_reset(&self) -> bool {
        self.reset.load(Ordering::Acquire)
    }
}
