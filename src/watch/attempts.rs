//! The attempts that a layer makes of one call, as answers and errors list them.
//!
//! Invariants: what was refused before anything was sent is no attempt; an attempt that was several further in is
//! listed as those; what is told further out is never less than what was told from further in.

use std::{mem::take, time::Duration};

use crate::{
    Error, ErrorKind,
    attempt::Attempt,
    request::Request,
    response::{Response, Served},
};

/// The attempts so far.
#[derive(Debug)]
pub struct Attempts {
    /// Made before this layer was reached: a layer further out may repeat the call too.
    before: u32,
    /// What the last outcome said of it: a layer further in that repeats a call need not list what it did.
    told: u32,
    list: Vec<Attempt>,
}

impl Attempts {
    /// Those of a call that comes to a layer now.
    pub fn of(req: &Request) -> Self {
        Self { before: req.attempt.saturating_sub(1), told: 0, list: Vec::new() }
    }

    /// One was answered; its own list moves here. Given back is what is new.
    pub fn answered(&mut self, res: &mut Response, waited: Duration, took: Duration) -> &mut [Attempt] {
        self.told = self.told.max(res.attempts);
        let attempt = Attempt::answered(res, waited, took);
        self.add(attempt, &take(&mut res.history))
    }

    /// One failed.
    pub fn failed(&mut self, error: &Error, waited: Duration, took: Duration) -> &mut [Attempt] {
        if error.attempts() == 0 {
            return &mut [];
        }
        self.told = self.told.max(error.attempts());
        self.add(Attempt::failed(error, waited, took), error.history())
    }

    /// One was given up before it ended, since another was as good.
    pub fn given_up(&mut self, waited: Duration, took: Duration) {
        let served = Served::default();
        let code = Some(ErrorKind::Aborted.code());
        self.list.push(Attempt { status: None, code, waited, took, served });
    }

    fn add(&mut self, attempt: Attempt, inner: &[Attempt]) -> &mut [Attempt] {
        let place = self.list.len();
        if inner.is_empty() {
            self.list.push(attempt);
        } else {
            self.list.extend_from_slice(inner);
            if let Some(first) = self.list.get_mut(place) {
                first.waited += attempt.waited;
            }
        }
        self.list.get_mut(place..).unwrap_or_default()
    }

    /// How many were made.
    pub fn count(&self) -> u32 {
        self.before.saturating_add(u32::try_from(self.list.len()).unwrap_or(u32::MAX)).max(self.told)
    }

    /// The answer that is handed out, with all of them.
    pub fn on_answer(self, mut res: Response) -> Response {
        res.attempts = self.count();
        res.history = self.list;
        res
    }

    /// The error that is handed out, with all of them.
    #[must_use]
    pub fn on_error(self, error: Error) -> Error {
        let count = self.count();
        error.with_history(self.list).with_attempts(count)
    }
}
