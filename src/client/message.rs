//! The message of a stream while its events come: added up once, for whoever asks, whenever that is.
//!
//! Invariants: what an event costs does not depend on what came before it; what is kept is bounded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    Error, ErrorKind, Phase, Result,
    claude::{Delta, Folding},
    event::Event,
};

/// The message so far. Its clones are the same.
#[derive(Debug, Clone)]
pub struct MessageSoFar(Arc<Mutex<Sum>>);

#[derive(Debug)]
pub(super) struct Sum {
    state: State,
    /// The largest message that is kept, in bytes.
    limit: u64,
}

#[derive(Debug)]
enum State {
    Adding {
        folding: Folding,
        /// How much more may come.
        room: u64,
    },
    /// Nothing is kept of one that is larger than allowed.
    TooLarge,
}

impl MessageSoFar {
    /// Nothing yet of a message of at most so many bytes.
    pub(super) fn new(limit: u64) -> Self {
        let state = State::Adding { folding: Folding::default(), room: limit };
        Self(Arc::new(Mutex::new(Sum { state, limit })))
    }

    /// To take in several events at once.
    pub(super) fn adding(&self) -> MutexGuard<'_, Sum> {
        // Whoever panicked did so between two events.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The message as JSON; `None` before its start, and of one that is too large.
    pub fn json(&self) -> Option<String> {
        match &self.adding().state {
            State::Adding { folding, .. } => folding.message(),
            State::TooLarge => None,
        }
    }

    /// The tokens counted so far, as JSON.
    pub fn usage(&self) -> Option<String> {
        match &self.adding().state {
            State::Adding { folding, .. } => folding.usage().map(str::to_owned),
            State::TooLarge => None,
        }
    }

    /// Why there is no message, where it became larger than allowed.
    pub fn too_large(&self) -> Option<Error> {
        let sum = self.adding();
        matches!(sum.state, State::TooLarge).then(|| {
            let message =
                format!("the message of the stream is larger than {} bytes (`maxResponseBytes`)", sum.limit);
            Error::new(ErrorKind::TooLarge, Phase::Body, message)
        })
    }

    /// The message at the end of its stream, as JSON, or why it is none; `None` where no message came.
    pub fn whole(&self) -> Option<Result<String>> {
        if let Some(error) = self.too_large() {
            return Some(Err(error));
        }
        let State::Adding { folding, .. } = &self.adding().state else { return None };
        let json = folding.message()?;
        Some(match folding.lack() {
            Some(error) => Err(error.with_partial(Some(json))),
            None => Ok(json),
        })
    }
}

impl Sum {
    /// Takes the next event in; `delta` is what it is, where that was read already.
    pub(super) fn add(&mut self, event: &Event, delta: Option<&Delta<'_>>) {
        let State::Adding { folding, room } = &mut self.state else { return };
        match room.checked_sub(event.data.len() as u64) {
            None => self.state = State::TooLarge,
            Some(rest) => {
                *room = rest;
                match delta {
                    Some(delta) => folding.delta(delta),
                    None => folding.add(event),
                }
            }
        }
    }
}
