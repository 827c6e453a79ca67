//! Transports without sockets: for tests of everything above them.
//!
//! - answers that are there from the start: [`Scripted`]
//! - answers that somebody is asked for, one by one, and that take their time: `staged`; how they fail: `fault`
//! - a clock that moves when it is told to: `time`

mod fault;
mod staged;
mod time;

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

pub use self::{
    fault::Fault,
    staged::{Arrived, Ending, Outcome, Peer, Pieces, Scene, Staged},
    time::VirtualTime,
};
use crate::{
    Error, ErrorKind, Phase, Result,
    pipeline::{BoxFuture, Endpoint},
    request::Request,
    response::Response,
};

/// Gives prepared answers in turn and remembers what it was asked.
#[derive(Default)]
pub struct Scripted {
    answers: Mutex<VecDeque<Result<Response>>>,
    requests: Mutex<Vec<Request>>,
}

impl Scripted {
    /// These answers, in this order; what comes after the last is an error.
    pub fn new(answers: Vec<Result<Response>>) -> Self {
        Self { answers: Mutex::new(answers.into()), requests: Mutex::default() }
    }

    /// What it was asked since the last time.
    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Endpoint for Scripted {
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move {
            self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(req);
            let answer = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            answer.unwrap_or_else(|| {
                Err(Error::new(ErrorKind::Internal, Phase::Prepare, "the script has no more answers"))
            })
        })
    }
}
