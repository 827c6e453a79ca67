//! A group of neighbouring JavaScript middlewares as one layer of the pipeline.
//!
//! The layer posts its request to JavaScript and obeys what comes back: run the layers further in, give
//! that up, open a stream that waits, answer. What came from further in stays here until JavaScript has
//! answered; where that hands the same thing on, it is handed on as it is, and nothing of it crosses twice.

use std::{future::pending, sync::Arc};

use bytes::Bytes;
use futures_util::future::Abortable;
use http::{Extensions, HeaderMap, StatusCode, Version};
use url::Url;

use super::{
    call,
    groups::{Caller, Opening, Passage, Via, Wish},
    held::{Held, Kept},
    mailbox::{Letter, Mailbox, Whole},
    script::AtWork,
    text::Head,
};
use crate::{
    Error, ErrorKind, Phase, Result,
    attempt::Attempt,
    body::Body,
    client::{self, Asked, Changes, Look, View},
    pipeline::{BoxFuture, Middleware, Next},
    request::Request,
    response::{Response, Timing},
};

/// Which of a client's groups it is.
pub(super) struct JsMiddleware {
    pub(super) group: u32,
}

impl Middleware for JsMiddleware {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        let (caller, view) = (req.extensions.get::<Caller>().cloned(), req.extensions.get::<View>().cloned());
        match (caller, view) {
            (Some(caller), Some(view)) => Box::pin(
                Group { made: req.attempt.saturating_sub(1), req, next, view }.run(self.group, caller),
            ),
            // A call that JavaScript has not made has nobody to ask.
            _ => next.run(req),
        }
    }

    /// It runs in JavaScript, as part of the call.
    fn outlives(&self) -> bool {
        false
    }
}

/// A native middleware that JavaScript lets each call pass through, or pass by.
pub(super) struct Conditional {
    /// Under which number JavaScript knows the condition.
    pub(super) group: u32,
    pub(super) inner: Arc<dyn Middleware>,
}

impl Middleware for Conditional {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let passes = match req.extensions.get::<Caller>().cloned() {
                Some(caller) => Passage::enter(caller, self.group, &req).chosen().await?,
                None => true,
            };
            if passes { self.inner.handle(req, next).await } else { next.run(req).await }
        })
    }

    fn conditional(&self) -> Option<&Arc<dyn Middleware>> {
        Some(&self.inner)
    }

    /// Its condition is asked in JavaScript, as part of the call.
    fn outlives(&self) -> bool {
        false
    }
}

struct Group<'a> {
    req: Request,
    /// The attempts made so far, those before the group and those of layers further in included.
    made: u32,
    next: Next<'a>,
    view: View,
}

/// What is further in.
enum Inner<'a> {
    Nothing,
    UnderWay { id: u32, asked: Asked, outcome: BoxFuture<'a, Result<Response>> },
    Settled { id: u32, asked: Asked, outcome: Box<Result<Response>> },
}

impl<'a> Group<'a> {
    async fn run(mut self, group: u32, caller: Caller) -> Result<Response> {
        let mut passage = Passage::enter(caller, group, &self.req);
        let view = self.view.clone();
        let mut inner = Inner::Nothing;
        loop {
            // Whatever is not further in is in JavaScript's hands.
            let _owed = (!matches!(inner, Inner::UnderWay { .. })).then(AtWork::begin);
            tokio::select! {
                biased;
                wish = passage.wishes.recv() => match wish {
                    Some(Wish::Next { id, changes }) => inner = self.begin(id, changes, passage.number),
                    Some(Wish::GiveUp) => inner = Inner::Nothing,
                    Some(Wish::Open(opening)) => Self::hand_over(&view, &mut inner, opening, &passage.caller).await,
                    // Nobody else asks for that.
                    Some(Wish::Chosen(_)) => {}
                    Some(Wish::AsItCame) => {
                        passage.answered = true;
                        return as_it_came(inner);
                    }
                    Some(Wish::Made(outcome)) => {
                        passage.answered = true;
                        return match outcome {
                            Ok(made) => Ok(made.into_response(&self.req, listed(inner))),
                            Err(error) => Err(error.with_attempts(self.made)),
                        };
                    }
                    // The environment is going, and this task with it.
                    None => pending().await,
                },
                (id, asked, outcome) = settled(&mut inner) => {
                    self.made = self.made.max(attempts(&outcome));
                    inner = Inner::Settled { id, asked, outcome: Box::new(outcome) };
                    Self::show(&view, id, &mut inner, &passage.caller.mailbox).await;
                }
            }
        }
    }

    fn begin(&mut self, id: u32, changes: Result<Changes>, passage: u32) -> Inner<'a> {
        let Some(mut req) = self.req.replay().or_else(|| self.once()) else {
            let error = Error::new(
                ErrorKind::RequestBody,
                Phase::Prepare,
                "the request's body is streamed and was sent once: it can't be sent again",
            );
            return Inner::UnderWay {
                id,
                asked: Asked::of(&self.req),
                outcome: Box::pin(async { Err(error) }),
            };
        };
        // The first is the attempt that came here; each that the group makes besides is one more.
        req.attempt = req.attempt.max(self.made.saturating_add(1));
        self.made = req.attempt;
        req.extensions.insert(Via(passage));
        let applied = changes.and_then(|changes| self.view.change(&mut req, changes));
        let asked = Asked::of(&req);
        let outcome = match applied {
            Ok(()) => {
                let (attempt, next) = (req.attempt, self.next.run(req));
                Box::pin(async move {
                    next.await.map_err(|error| {
                        let made = error.attempts().max(attempt);
                        error.with_attempts(made)
                    })
                })
            }
            Err(error) => Box::pin(async { Err(error) }) as BoxFuture<'a, _>,
        };
        Inner::UnderWay { id, asked, outcome }
    }

    /// A body that passes only once goes with the first attempt.
    fn once(&mut self) -> Option<Request> {
        let body = std::mem::take(&mut self.req.body);
        let mut req = self.req.replay()?;
        req.body = body;
        // Marks it as gone.
        self.req.body = Body::Stream(Box::pin(futures_util::stream::pending()));
        self.req.extensions.get::<Gone>().is_none().then(|| {
            self.req.extensions.insert(Gone);
            req
        })
    }

    /// Shows JavaScript what came from further in.
    async fn show(view: &View, id: u32, inner: &mut Inner<'a>, mailbox: &Mailbox) {
        let Inner::Settled { asked, outcome, .. } = inner else { return };
        let seen = match outcome.as_mut() {
            Ok(res) => view.look(asked, res).await.map(|look| (Head::new(&client::Head::of(res)), look)),
            Err(error) => {
                let text = super::text::describe_error(error);
                return mailbox.push(Letter::Told { id, text });
            }
        };
        match seen {
            Ok((head, Look::Whole(content))) => {
                if let (Ok(content), Ok(res)) = (Whole::of(content), outcome.as_ref()) {
                    mailbox.push(call::settled(id, head, res.extensions.get().cloned(), content));
                }
            }
            Ok((head, Look::Bytes)) => mailbox.push(Letter::Opened { id, head, events: false }),
            Ok((head, Look::Events)) => mailbox.push(Letter::Opened { id, head, events: true }),
            Err(error) => {
                mailbox.push(Letter::Told { id, text: super::text::describe_error(&error) });
                **outcome = Err(error);
            }
        }
    }

    /// Hands a waiting stream over to JavaScript; from here on it is JavaScript's.
    async fn hand_over(view: &View, inner: &mut Inner<'a>, opening: Opening, caller: &Caller) {
        // What is wanted may have made room for another attempt meanwhile, which is not to be disturbed.
        if !matches!(inner, Inner::Settled { id, .. } if *id == opening.id) {
            return;
        }
        let Inner::Settled { asked, outcome, .. } = std::mem::replace(inner, Inner::Nothing) else { return };
        let Ok(res) = *outcome else { return };
        let Some((outbox, registration)) = opening.begin() else { return };
        let content = view.open(&asked, res).await;
        let mailbox = Arc::clone(&caller.mailbox);
        let stream = async move { call::forward(content, &outbox, &mailbox).await };
        tokio::spawn(caller.tasks.track_future(Abortable::new(stream, registration)));
    }
}

/// Stands in a request whose body has passed.
#[derive(Clone)]
struct Gone;

async fn settled(inner: &mut Inner<'_>) -> (u32, Asked, Result<Response>) {
    let Inner::UnderWay { id, asked, outcome } = inner else { return pending().await };
    let result = outcome.as_mut().await;
    (*id, asked.clone(), result)
}

fn attempts(outcome: &Result<Response>) -> u32 {
    match outcome {
        Ok(res) => res.attempts,
        Err(error) => error.attempts(),
    }
}

fn as_it_came(inner: Inner<'_>) -> Result<Response> {
    match inner {
        Inner::Settled { outcome, .. } => *outcome,
        Inner::Nothing | Inner::UnderWay { .. } => Err(Error::new(
            ErrorKind::Internal,
            Phase::Total,
            "a middleware handed on an answer that is not there",
        )),
    }
}

/// What is known of an answer that another one is made of.
#[derive(Default)]
struct Before {
    history: Vec<Attempt>,
    timing: Timing,
    origin: Extensions,
}

/// The attempts behind what came from further in, how long that took, and where it came from.
fn listed(inner: Inner<'_>) -> Before {
    match inner {
        Inner::Settled { outcome, .. } => outcome
            .map(|Response { history, timing, extensions, .. }| {
                let origin = client::origin(&extensions);
                Before { history, timing, origin }
            })
            .unwrap_or_default(),
        Inner::Nothing | Inner::UnderWay { .. } => Before::default(),
    }
}

/// An answer that JavaScript made; the value of its content is held there.
pub(super) struct Made {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Where it came from; without one it is the request's.
    pub(super) url: Option<Url>,
    pub(super) attempts: u32,
    pub(super) held: Held,
}

impl Made {
    fn into_response(self, req: &Request, before: Before) -> Response {
        let Before { history, timing, origin } = before;
        let mut extensions = Kept::mark(self.held, &self.body);
        extensions.extend(origin);
        Response {
            status: self.status,
            version: Version::HTTP_11,
            headers: self.headers,
            extensions,
            body: Body::Full(self.body),
            url: self.url.unwrap_or_else(|| req.url.clone()),
            timing,
            attempts: self.attempts,
            history,
        }
    }
}
