//! A call tried on JavaScript's thread: its answer crosses as what the function gives back, without a letter.
//!
//! Invariant: a call is either answered here, and Rust has forgotten it, or under way as any other.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use napi::{Env, JsString, bindgen_prelude::Float64Array};
use napi_derive::napi;

use super::{
    call::{self, Job, Outcome},
    client::NativeClient,
    drain,
    engine::{Engine, Running},
    inbox::Work,
    mailbox::{Letter, Whole},
    runtime,
    text::Head,
};
use crate::pipeline::at_once;

#[napi]
impl Engine {
    /// The slab that numbers of letters are written into from now on: JavaScript's own, used by nobody else.
    #[napi(catch_unwind)]
    pub fn use_slab(&mut self, slab: Float64Array) {
        self.slab = Some(slab);
    }

    /// Tries a call at once. Returns its answer, the head and then the content, with the numbers of a letter in the
    /// slab and behind them the length of the head and for how many ms it may be given again without asking; or
    /// nothing, and the call is under way, its name in the slab. Third behind it stands how often answers were recalled.
    #[napi(catch_unwind)]
    pub fn send_at_once<'env>(
        &mut self,
        env: &'env Env,
        client: &NativeClient,
        id: u32,
        method: String,
        url: String,
        json: Option<String>,
        options: Option<String>,
        attempts: u32,
        again: Option<i64>,
    ) -> napi::Result<Option<JsString<'env>>> {
        self.start()?;
        let (_, body, content_type) = self.content(id, json, None, None, false);
        let job = self.job(client, id, (method, url), (body, content_type), options, (attempts, again));
        let (name, outbox) = (job.name, Arc::clone(&job.outbox));
        let runtime = runtime::handle()?;
        let tried = {
            let _entered = runtime.enter();
            first_poll(job)
        };
        // What the call has changed was told by a letter, which its answer is here before.
        drain::recalls(drain::numbers(self.slab.as_mut()), self.mailbox.recalls());
        match tried {
            Trial::Answered(answer) => {
                Ok(Some(drain::answer(env, drain::numbers(self.slab.as_mut()), id, &answer)?))
            }
            Trial::Begun(call) => {
                let abort = self.inbox.push(Work::Begun(call));
                self.hold(*env, id, Running { abort, outbox, upload: None });
                drain::name(drain::numbers(self.slab.as_mut()), name);
                Ok(None)
            }
        }
    }
}

/// How the first poll of a call ended.
enum Trial {
    Answered(Answer),
    /// It goes on elsewhere.
    Begun(BoxFuture<'static, ()>),
}

/// An answer that was at hand.
pub(super) struct Answer {
    pub(super) head: Head,
    pub(super) content: Content,
    /// How long it may be given again without asking.
    pub(super) reuse: Duration,
}

/// A whole content that is text, or none.
pub(super) enum Content {
    Empty,
    Json(Bytes),
    Text(Bytes),
}

/// Polls a call once. The caller has entered the runtime.
fn first_poll(job: Job) -> Trial {
    let (outbox, mailbox) = (Arc::clone(&job.outbox), Arc::clone(&job.mailbox));
    let permits_reuse = job.client.permits_reuse();
    let mut call = Box::pin(call::begin(job));
    let Ok(polled) = catch_unwind(AssertUnwindSafe(|| at_once::attempt(call.as_mut()))) else {
        // It has told so itself, on its way out.
        return Trial::Begun(Box::pin(std::future::ready(())));
    };
    let Poll::Ready(mut outcome) = polled else {
        return Trial::Begun(Box::pin(async move { call::end(call.await, &outbox, &mailbox).await }));
    };
    let reuse = outcome.reuse.take().filter(|_| permits_reuse);
    match of(outcome) {
        Ok((head, content)) => {
            let tell = move || mailbox.recall();
            let reuse = reuse.and_then(|reuse| reuse.take(tell)).unwrap_or_default();
            Trial::Answered(Answer { head, content, reuse })
        }
        Err(outcome) => Trial::Begun(Box::pin(async move { call::end(*outcome, &outbox, &mailbox).await })),
    }
}

fn of(outcome: Outcome) -> Result<(Head, Content), Box<Outcome>> {
    let Letter::Settled { id, head, content } = outcome.letter else { return Err(Box::new(outcome)) };
    let content = match content {
        Whole::Empty => Content::Empty,
        Whole::Json(bytes) => Content::Json(bytes),
        Whole::Text(bytes) => Content::Text(bytes),
        other @ (Whole::Buffer(_) | Whole::Kept(_)) => {
            let letter = Letter::Settled { id, head, content: other };
            return Err(Box::new(Outcome { letter, ..outcome }));
        }
    };
    Ok((head, content))
}
