//! A call's way through the cache: what is kept, a flight that is under way, or one of its own.
//!
//! What became of a flight is everybody's who waited for it: after a failure of the server's a hundred calls that
//! asked the same fail with it, each with an error of its own, and do not ask a hundred times more. What says
//! nothing of the server (its leader left, his middlewares threw, a limit of his that others don't have) is his
//! alone: then one of those who wait asks next.

use std::{future::Future, sync::Arc, time::Duration};

use http::{HeaderMap, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::{
    Core,
    ask::Ask,
    entry::{Content, Entry, Giving},
    flight::{Flight, Landing, Seat, lead::Lead, log::told},
    fresh::Freshness,
    key::{Key, Question, Wanted},
    overrides::{CacheOverride, Mode, Own},
    storable::{Wish, wish},
};
use crate::{
    Error, ErrorKind, Result,
    body::Body,
    pipeline::{Next, at_once},
    request::Request,
    response::{Cached, Response},
    reuse::Reuse,
};

/// What a call wants of the cache.
pub(super) struct Course<'a> {
    core: &'a Arc<Core>,
    question: Question,
    key: Key,
    mode: Mode,
    ttl: Option<Duration>,
    /// Whether the request alone tells it from others, and not what a function or the call says.
    plain: bool,
}

/// How one way ended.
enum Outcome {
    Given(Box<Result<Response>>),
    /// Once more from the begin: whoever has asked is gone.
    Again,
    /// Without the cache.
    Alone,
}

/// What is in memory.
enum Look {
    Given(Box<Response>),
    /// Kept for the case that the server fails.
    Kept(Option<Arc<Entry>>),
}

/// A call passes.
pub(super) async fn run(core: &Arc<Core>, req: Request, next: Next<'_>) -> Result<Response> {
    let own = own(&req).cloned();
    let has_key = core.options.key.is_some() || own.as_ref().is_some_and(|own| own.key.is_some());
    let asked = has_key.then(|| own_key(core, &req, own.as_ref()));
    let key = match asked {
        Some(asked) => match asked.await? {
            Some(key) => Some(key),
            // The function has said that it is not to be kept.
            None => return passed_by(core, next.run(req).await),
        },
        None => None,
    };
    let Some(course) = Course::with(core, &req, own.as_ref(), key.as_deref()) else {
        return passed_by(core, next.run(req).await);
    };
    match Ask::of(req) {
        Ok(ask) => course.run(ask, next).await,
        Err(req) => passed_by(core, next.run(*req).await),
    }
}

fn own(req: &Request) -> Option<&Own> {
    match req.extensions.get()? {
        CacheOverride::Own(own) | CacheOverride::Forget(own) => Some(own),
        CacheOverride::Off => None,
    }
}

/// The call's own key, or what the caller's function says. The request is only looked at now.
pub(super) fn own_key(
    core: &Core,
    req: &Request,
    own: Option<&Own>,
) -> impl Future<Output = Result<Option<String>>> + Send + use<> {
    let given = own.and_then(|own| own.key.clone());
    let asked = match (&given, &core.options.key) {
        (None, Some(function)) => Some(function.key(req)),
        _ => None,
    };
    async {
        match asked {
            Some(asked) => asked.await,
            None => Ok(given),
        }
    }
}

fn passed_by(core: &Core, outcome: Result<Response>) -> Result<Response> {
    outcome.map(|mut res| {
        core.counts.gave(Cached::Bypass);
        res.extensions.insert(Cached::Bypass);
        res
    })
}

impl<'a> Course<'a> {
    fn with(core: &'a Arc<Core>, req: &Request, own: Option<&Own>, key: Option<&str>) -> Option<Self> {
        if matches!(req.extensions.get(), Some(CacheOverride::Off)) {
            return None;
        }
        let mode = own.map(|own| own.mode).unwrap_or_default();
        let mode = match wish(&req.headers) {
            Wish::NoStore => return None,
            Wish::Fresh if mode == Mode::Both => Mode::Refresh,
            Wish::Fresh if mode == Mode::ReadOnly => return None,
            Wish::Fresh | Wish::None => mode,
        };
        let question = core.rules.question(req, key)?;
        let key = core.rules.key(&question);
        let plain = own.is_none() && core.options.key.is_none();
        Some(Self { core, question, key, mode, ttl: own.and_then(|own| own.ttl), plain })
    }

    async fn run(self, ask: Ask, next: Next<'_>) -> Result<Response> {
        loop {
            let kept = match self.look(&ask, next) {
                Look::Given(res) => return Ok(*res),
                Look::Kept(kept) => kept,
            };
            at_once::over().await;
            match self.fly(&ask, next).await {
                Outcome::Given(given) => {
                    return given.or_else(|error| self.instead(kept, &ask.url, error));
                }
                Outcome::Again => {}
                Outcome::Alone => return self.alone(kept, &ask, next).await,
            }
        }
    }

    fn fitting(&self, headers: &HeaderMap) -> Option<Arc<Entry>> {
        self.core.memory.get(&self.key).filter(|entry| entry.fits(headers))
    }

    fn look(&self, ask: &Ask, next: Next<'_>) -> Look {
        let reuse = self.plain.then(|| Reuse::begin(&self.core.memory.recalls));
        let Some(entry) = self.fitting(&ask.headers).filter(|_| self.mode.reads()) else {
            return Look::Kept(None);
        };
        match self.core.judge(&entry, self.ttl) {
            Freshness::Over => Look::Kept(None),
            Freshness::OnError => Look::Kept(Some(entry)),
            // Without a way to fetch another in the background it is as if its time were over.
            Freshness::Revalidate if !self.revalidate(ask, next) => Look::Kept(Some(entry)),
            freshness => {
                let cached = if freshness == Freshness::Fresh { Cached::Hit } else { Cached::Stale };
                let Some(mut res) = self.give(&entry, &ask.url, cached) else { return Look::Kept(None) };
                if let Some(reuse) = reuse.filter(|_| freshness == Freshness::Fresh) {
                    res.extensions.insert(reuse.lasting(entry.left(Instant::now())));
                }
                Look::Given(Box::new(res))
            }
        }
    }

    fn give(&self, entry: &Entry, url: &Url, cached: Cached) -> Option<Response> {
        let res = self.made(entry, url, cached)?;
        self.core.counts.gave(cached);
        Some(res)
    }

    fn made(&self, entry: &Entry, url: &Url, cached: Cached) -> Option<Response> {
        entry.answer(&self.question, Giving { url, replay: self.core.options.replay, cached })
    }

    /// What is kept in place of a failure of the server's.
    fn instead(&self, kept: Option<Arc<Entry>>, url: &Url, error: Error) -> Result<Response> {
        let fails = error.is_retryable() || error.kind() == ErrorKind::CircuitOpen;
        self.stale(kept, url).filter(|_| fails).ok_or(error)
    }

    /// What is kept, if its time has not passed meanwhile.
    fn stale(&self, kept: Option<Arc<Entry>>, url: &Url) -> Option<Response> {
        let kept = kept.filter(|entry| self.core.judge(entry, self.ttl) != Freshness::Over)?;
        self.give(&kept, url, Cached::Stale)
    }

    /// Without the others; what is kept is still better than a failure.
    async fn alone(&self, kept: Option<Arc<Entry>>, ask: &Ask, next: Next<'_>) -> Result<Response> {
        match next.run(ask.again()).await {
            Ok(mut res) => {
                let fails = res.status.is_server_error() || res.status == StatusCode::TOO_MANY_REQUESTS;
                if let Some(stale) = kept.filter(|_| fails).and_then(|kept| self.stale(Some(kept), &ask.url))
                {
                    return Ok(stale);
                }
                self.core.counts.gave(Cached::Miss);
                res.extensions.insert(Cached::Miss);
                Ok(res)
            }
            Err(error) => self.instead(kept, &ask.url, error),
        }
    }

    /// Begins to fetch another in the background, unless that is under way; says whether it can be.
    fn revalidate(&self, ask: &Ask, next: Next<'_>) -> bool {
        let Some(detached) = next.detached() else { return false };
        if let Some(flight) = self.core.flights.background(self.key, &self.question, &ask.options) {
            let lead = self.lead(&flight, ask);
            tokio::spawn(lead.fly(detached.run(ask.for_all())));
        }
        true
    }

    fn lead(&self, flight: &Arc<Flight>, ask: &Ask) -> Lead {
        let mut lead = Lead::new(self.core, flight, (self.key, &self.question), ask);
        lead.ttl = self.ttl.unwrap_or(lead.ttl);
        // What was given to another is not what a call wants that asks for its own.
        lead.asks_store = self.mode == Mode::Both;
        lead
    }

    async fn fly(&self, ask: &Ask, next: Next<'_>) -> Outcome {
        let flights = &self.core.flights;
        let fresh = || {
            let entry = self.fitting(&ask.headers).filter(|_| self.mode.reads())?;
            let is_fresh = self.core.judge(&entry, self.ttl) == Freshness::Fresh;
            // One that can't be had in this form is as good as none, and would be found for ever.
            (is_fresh && self.made(&entry, &ask.url, Cached::Hit).is_some()).then_some(())
        };
        let seat = match self.mode {
            Mode::Both | Mode::Refresh => match flights.join(self.key, &self.question, &ask.options, fresh) {
                Ok(seat) => seat,
                // It has landed in between.
                Err(()) => return Outcome::Again,
            },
            Mode::WriteOnly => flights.private(&ask.options),
            Mode::ReadOnly => match flights.join_only(self.key, &self.question) {
                Some(seat) => seat,
                None => return Outcome::Alone,
            },
        };
        if seat.leads {
            let (lead, asked) = (self.lead(&seat.flight, ask), ask.for_all());
            match next.detached() {
                Some(detached) => {
                    let task = tokio::spawn(lead.fly(detached.run(asked)));
                    seat.flight.hangs_on(task.abort_handle());
                }
                // Some layer is the caller's own: it is he who asks, and the others go on without him if he leaves.
                None => {
                    if let Some(recording) = lead.ask(next.run(asked)).await {
                        let task = tokio::spawn(recording.record());
                        seat.flight.hangs_on(task.abort_handle());
                    }
                }
            }
        }
        self.landed(seat, ask, next).await
    }

    async fn landed(&self, seat: Seat, ask: &Ask, next: Next<'_>) -> Outcome {
        let leads = seat.leads;
        let given =
            |res: Option<Response>| res.map_or(Outcome::Alone, |res| Outcome::Given(Box::new(Ok(res))));
        let shared = |entry: Arc<Entry>| {
            let fits = entry.fits(&ask.headers);
            if fits { self.give(&entry, &ask.url, Cached::Shared) } else { None }
        };
        match seat.landed().await {
            Landing::Whole(head, Content::Whole(content)) if leads => self.own(head.own(Body::Full(content))),
            Landing::Whole(head, content) => {
                given(shared(Arc::new(head.entry(content, self.core.options.ttl))))
            }
            Landing::Streaming(head) if leads => self.own(seat.read(&head)),
            Landing::Streaming(_) if self.question.wanted == Wanted::Whole => {
                given(seat.recorded().await.and_then(shared))
            }
            Landing::Streaming(head) if head.fits(&ask.headers) => {
                self.core.counts.gave(Cached::Shared);
                Outcome::Given(Box::new(Ok(seat.read(&head))))
            }
            Landing::Streaming(_) => Outcome::Alone,
            Landing::Found(entry) => {
                let is_fresh = self.core.judge(&entry, self.ttl) == Freshness::Fresh;
                if !is_fresh {
                    drop(seat);
                    self.revalidate(ask, next);
                }
                given(self.give(&entry, &ask.url, if is_fresh { Cached::Hit } else { Cached::Stale }))
            }
            Landing::Failed(error) if leads || seat.is_everybodys(&error, &ask.options) => {
                Outcome::Given(Box::new(Err(told(&error, leads))))
            }
            Landing::Failed(_) | Landing::Gone => Outcome::Again,
            Landing::Alone => match seat.own_answer() {
                Some(res) if ask.is_anothers() => Outcome::Given(Box::new(passed_by(self.core, Ok(res)))),
                Some(res) => self.own(res),
                None => Outcome::Alone,
            },
        }
    }

    /// The answer of whoever has asked.
    fn own(&self, mut res: Response) -> Outcome {
        self.core.counts.gave(Cached::Miss);
        res.extensions.insert(Cached::Miss);
        Outcome::Given(Box::new(Ok(res)))
    }
}
