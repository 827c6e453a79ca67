//! Functions of JavaScript's that Rust may ask: the mirror of `js/functions.ts`.
//!
//! A question crosses as JSON, its answer comes back as JSON or as what was thrown. Who drops a question tells
//! JavaScript so; an answer that comes later is for nobody.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::sync::oneshot;

use super::{
    held::{Held, Thrown},
    mailbox::{Letter, Mailbox, lock},
    script::AtWork,
};

/// What a function gave: JSON, or what it threw, and that in words.
pub(super) type Answer = Result<String, (Thrown, String)>;

/// The questions of one environment that are open, by number.
#[derive(Default)]
pub(super) struct Questions {
    open: Mutex<HashMap<u32, oneshot::Sender<Answer>>>,
    last: AtomicU32,
}

impl Questions {
    /// Answers a question; one that was dropped hears nothing.
    pub(super) fn answer(&self, question: u32, answer: Answer) {
        if let Some(asker) = lock(&self.open).remove(&question) {
            let _dropped = asker.send(answer);
        }
    }
}

/// A function, by its number in JavaScript.
#[derive(Clone)]
pub(super) struct Callback {
    pub(super) number: u32,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) questions: Arc<Questions>,
}

/// Told or asked without a number, nobody waits.
pub(super) const NOBODY: u32 = 0;

impl Callback {
    /// Calls it and waits for what it gives.
    pub(super) async fn ask(&self, text: String) -> Answer {
        let (asker, answer) = oneshot::channel();
        let question = Question::open(self, asker);
        let _owed = AtWork::begin();
        self.mailbox.push(Letter::Asked { function: self.number, question: question.number, text });
        match answer.await {
            Ok(answer) => answer,
            // Only an environment that is going drops its questions, and this task goes with it.
            Err(_) => std::future::pending().await,
        }
    }

    /// Calls it and does not wait.
    pub(super) fn tell(&self, text: String) {
        self.mailbox.push(Letter::Asked { function: self.number, question: NOBODY, text });
    }
}

/// A question while somebody waits for its answer.
struct Question<'a> {
    number: u32,
    function: &'a Callback,
}

impl<'a> Question<'a> {
    fn open(function: &'a Callback, asker: oneshot::Sender<Answer>) -> Self {
        let Questions { open, last } = &*function.questions;
        let mut open = lock(open);
        let mut number = NOBODY;
        while number == NOBODY || open.contains_key(&number) {
            number = last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        }
        open.insert(number, asker);
        Self { number, function }
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if lock(&self.function.questions.open).remove(&self.number).is_some() {
            self.function.mailbox.push(Letter::Unasked { question: self.number });
        }
    }
}

/// What JavaScript threw, under this number there, and in words.
pub(super) fn threw(number: u32, words: String, mailbox: &Arc<Mailbox>) -> Answer {
    Err((Thrown(Held::new(number, mailbox)), words))
}
