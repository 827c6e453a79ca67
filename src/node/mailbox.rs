//! Everything that Rust has to say to one JavaScript environment, and the one wake-up for all of it.
//!
//! Invariants: a wake-up is sent only when none is pending, so there are never more wake-ups than
//! drains; the pending flag falls before the letters are taken, so a letter pushed later always finds
//! either its drain still to come or a wake-up of its own.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use bytes::Bytes;
use napi::{
    Status,
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};

use super::{held::Held, ledger::Ledger, outbox::Outbox, text::Head};
use crate::{Error, client::Content};

/// The wake-up: weak, so that an idle client does not keep a script alive.
pub(super) type Waker = ThreadsafeFunction<(), (), (), Status, false, true>;

/// One thing that JavaScript has to know.
pub(super) enum Letter {
    /// A call is over: its whole answer.
    Settled { id: u32, head: Head, content: Whole },
    /// A call's headers are here; its content follows through the outbox.
    Opened { id: u32, head: Head, events: bool },
    /// A call is over: it failed before there was an answer.
    Failed { id: u32, error: Error },
    /// The same, described already.
    Told { id: u32, text: String },
    /// A call has come to a group of JavaScript's middlewares, from the one that `parent` is, in one of the lanes of
    /// attempts that are under way at once; 0 is none.
    Entered { id: u32, passage: u32, group: u32, attempt: u32, parent: u32, lane: u32, headers: String },
    /// Nobody waits for that group any more.
    Left { passage: u32 },
    /// A function is called; without a number of its own, nobody waits for what it gives.
    Asked { function: u32, question: u32, text: String },
    /// A logger has lines.
    Logged(Ledger),
    /// Nobody waits for the answer any more.
    Unasked { question: u32 },
    /// Nothing stands for a held value any more.
    Dropped { number: u32 },
    /// No answer may be given again without asking.
    Recalled,
    /// A stream has something in its outbox.
    Streamed(Arc<Outbox>),
    /// An upload has room again.
    Room { id: u32 },
}

impl Letter {
    /// The call that it is about, and whether it is a stream's.
    pub(super) fn about(&self) -> (u32, bool) {
        match self {
            Self::Settled { id, .. }
            | Self::Opened { id, .. }
            | Self::Failed { id, .. }
            | Self::Told { id, .. }
            | Self::Entered { id, .. }
            | Self::Room { id } => (*id, false),
            Self::Streamed(outbox) => (outbox.id, true),
            // It is only a number, which can always be written.
            Self::Left { .. }
            | Self::Logged(_)
            | Self::Asked { .. }
            | Self::Unasked { .. }
            | Self::Recalled
            | Self::Dropped { .. } => (0, false),
        }
    }
}

/// A whole content, as JavaScript will hold it.
pub(super) enum Whole {
    Empty,
    Json(Bytes),
    Text(Bytes),
    Buffer(Bytes),
    /// It never left JavaScript.
    Kept(Held),
}

/// The longest string of V8, in characters; no text has more of them than bytes.
pub(super) const LONGEST_TEXT: usize = (1 << 29) - 24;

impl Whole {
    /// A content that is whole; a stream is handed back.
    pub(super) fn of(content: Content) -> Result<Self, Content> {
        Ok(match content {
            Content::Empty => Self::Empty,
            Content::Json(bytes) => Self::Json(bytes),
            Content::Text(bytes) => Self::Text(bytes),
            Content::Buffer(bytes) => Self::Buffer(bytes),
            stream @ (Content::Bytes(_) | Content::Events(_)) => return Err(stream),
        })
    }

    /// The size of a text that is longer than any string of V8 may be.
    pub(super) fn too_long(&self) -> Option<usize> {
        match self {
            Self::Json(text) | Self::Text(text) if text.len() > LONGEST_TEXT => Some(text.len()),
            _ => None,
        }
    }

    pub(super) fn bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Json(bytes) | Self::Text(bytes) | Self::Buffer(bytes) => Some(bytes),
            Self::Empty | Self::Kept(_) => None,
        }
    }
}

/// The letters of one environment.
pub(super) struct Mailbox {
    letters: Mutex<Vec<Letter>>,
    pending: AtomicBool,
    waker: Waker,
    wakeups: AtomicU64,
    recalls: AtomicU64,
}

impl Mailbox {
    pub(super) fn new(waker: Waker) -> Self {
        Self {
            letters: Mutex::default(),
            pending: AtomicBool::new(false),
            waker,
            wakeups: AtomicU64::new(0),
            recalls: AtomicU64::new(0),
        }
    }

    /// Leaves a letter and wakes JavaScript unless it is about to come anyway.
    pub(super) fn push(&self, letter: Letter) {
        lock(&self.letters).push(letter);
        self.wake();
    }

    /// Sends a wake-up unless one is pending.
    pub(super) fn wake(&self) {
        if !self.pending.swap(true, Ordering::AcqRel) {
            self.wakeups.fetch_add(1, Ordering::Relaxed);
            // An environment that is going away takes no more calls, and nobody is left to tell.
            let _closing = self.waker.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// Takes at most this many letters, oldest first; the rest keeps its place.
    pub(super) fn take(&self, most: usize) -> Vec<Letter> {
        self.pending.store(false, Ordering::Release);
        let mut letters = lock(&self.letters);
        if letters.len() <= most {
            return std::mem::take(&mut *letters);
        }
        let rest = letters.split_off(most);
        std::mem::replace(&mut *letters, rest)
    }

    /// No answer may be given again without asking.
    pub(super) fn recall(&self) {
        self.recalls.fetch_add(1, Ordering::SeqCst);
        self.push(Letter::Recalled);
    }

    /// How often that was so.
    pub(super) fn recalls(&self) -> u64 {
        self.recalls.load(Ordering::SeqCst)
    }

    /// How often JavaScript was woken.
    pub(super) fn wakeups(&self) -> u64 {
        self.wakeups.load(Ordering::Relaxed)
    }

    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }
}

/// A lock whose holder panicked still guards sound data here: every critical section is one push or take.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
