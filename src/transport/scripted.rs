//! A transport without sockets: for tests of everything above it.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
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
