//! Lines of a log on their way to a function of JavaScript's: collected until it comes, one letter for all of them.
//!
//! Invariants: a letter for this ledger is in the mailbox at most once; what waits is bounded.

use std::sync::{Arc, Mutex};

use super::{
    callback::Callback,
    mailbox::{Letter, lock},
};
use crate::client::{self, Sink};

/// How much may wait. A process that does not come to read its log has it cut, and is told so.
const MOST: usize = 8 << 20;

/// The lines of one logger.
#[derive(Clone)]
pub(super) struct Ledger(Arc<Lines>);

struct Lines {
    callback: Callback,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// The lines as items of a JSON array, without its brackets.
    text: String,
    lost: u64,
}

impl Ledger {
    pub(super) fn new(callback: Callback) -> Self {
        Self(Arc::new(Lines { callback, held: Mutex::default() }))
    }

    /// The function, by its number in JavaScript.
    pub(super) fn callback(&self) -> u32 {
        self.0.callback.number
    }

    /// What has come since the last time, as a JSON array.
    pub(super) fn take(&self) -> String {
        let Held { text, lost } = std::mem::take(&mut *lock(&self.0.held));
        if lost == 0 {
            return format!("[{text}]");
        }
        format!("[{text},{}]", client::lines_lost(lost, "the process is too busy to read them"))
    }
}

impl Sink for Ledger {
    fn write(&self, line: String) {
        let mut held = lock(&self.0.held);
        // One that is longer by itself is taken when nothing else waits.
        if !held.text.is_empty() && held.text.len() + line.len() > MOST {
            held.lost += 1;
            return;
        }
        let first = held.text.is_empty();
        if !first {
            held.text.push(',');
        }
        held.text.push_str(&line);
        drop(held);
        if first {
            self.0.callback.mailbox.push(Letter::Logged(self.clone()));
        }
    }
}
