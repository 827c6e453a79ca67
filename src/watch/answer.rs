//! Whether an answer is one: looks at what came until it is certain that something can be handed out.

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::{
    Error, ErrorKind, Phase, Result,
    body::{Body, EventStream, collect},
    claude::{StreamRules, Verdict, describe},
    request::{Expect, Options, Request},
    response::{Conceal, Response},
};

/// Batches of nothing but pings that are kept: whoever sends more is not about to begin.
const PINGS: usize = 1024;

/// What an attempt failed with, and the answer that said so where the caller wants to judge it himself.
pub struct Failure {
    /// The failure.
    pub error: Error,
    /// The answer that stands for it.
    pub answer: Option<Box<Response>>,
}

impl Failure {
    /// It took so many attempts to get what failed.
    #[must_use]
    pub fn after(self, made: u32) -> Self {
        let made = made.max(self.error.attempts());
        Self { error: self.error.with_attempts(made), ..self }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, answer: None }
    }
}

/// What of a request its answer is judged by.
pub struct Judge {
    options: Arc<Options>,
    rules: StreamRules,
}

impl Judge {
    /// What a request asks for.
    pub fn of(req: &Request) -> Self {
        Self { options: Arc::clone(&req.options), rules: StreamRules::at(req.url.path()) }
    }

    /// What an attempt comes to, waited for until that is certain.
    pub async fn outcome(self, attempt: impl Future<Output = Result<Response>>) -> Result<Response, Failure> {
        let res = attempt.await?;
        let made = res.attempts;
        self.judge(res).await.map_err(|failure| failure.after(made))
    }

    /// An answer that can be handed out: of a stream the first event is there, and what is wanted whole is whole.
    async fn judge(self, mut res: Response) -> Result<Response, Failure> {
        if res.status.is_client_error() || res.status.is_server_error() {
            let error = describe(res.status, &res.headers, Bytes::new());
            return Err(Failure { error, answer: Some(Box::new(res)) });
        }
        let length = res.content_length();
        res.body = match (res.body, self.options.expect) {
            (Body::Events(events), expect) if !expect.speaks() => Body::Events(events),
            (Body::Events(events), _) => {
                let rules = self.rules.concealing(res.extensions.get::<Conceal>().cloned());
                let (events, failure) = begun(events, rules, &self.options).await?;
                let judges = self.options.expect.streams_bytes();
                if let Some(error) = failure {
                    // Who asked for bytes reads in them what the server has to say.
                    res.body = Body::Events(events);
                    return Err(Failure { error, answer: judges.then(|| Box::new(res)) });
                }
                Body::Events(events)
            }
            (body @ Body::Stream(_), Expect::Auto | Expect::Whole) => {
                Body::Full(collect(body, self.options.max_response_bytes, length).await?)
            }
            (body, _) => body,
        };
        Ok(res)
    }
}

/// A stream that has begun, with what it says of its own failure; its limit in time is the one of the call, which else
/// would count only from now on.
async fn begun(
    events: EventStream,
    rules: StreamRules,
    options: &Options,
) -> Result<(EventStream, Option<Error>)> {
    let Some(limit) = options.timeouts.first_event else { return first(events, rules).await };
    tokio::time::timeout(limit, first(events, rules)).await.unwrap_or_else(|_| {
        Err(Error::timeout(Phase::FirstEvent, "no event came", limit, "timeout.firstEvent"))
    })
}

/// Reads until the first event that is no ping, and puts back what it has read.
async fn first(mut events: EventStream, mut rules: StreamRules) -> Result<(EventStream, Option<Error>)> {
    let mut read = Vec::new();
    let mut failure = None;
    while read.len() < PINGS {
        let Some(batch) = events.next().await.transpose()? else {
            return Ok((Box::pin(stream::iter(read)), rules.end_of_body()));
        };
        let is_event = |verdict: &Verdict| !matches!(verdict, Verdict::Ping | Verdict::Skip);
        let verdict = batch.iter().map(|event| rules.accept(event)).find(is_event);
        read.push(Ok(batch));
        match verdict {
            None => {}
            // What is not JSON may be just what the caller expects, and told so by whoever reads it.
            Some(Verdict::Fail(error)) if error.kind() != ErrorKind::Parse => {
                failure = Some(error);
                break;
            }
            Some(_) => break,
        }
    }
    Ok((Box::pin(stream::iter(read).chain(events)), failure))
}
