//! An answer as it is kept, and the answers that are made of it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version, header::CONTENT_TYPE};
use tokio::time::Instant;
use url::Url;

use super::{
    fresh::{Freshness, Grace},
    key::{Question, Wanted},
    options::Replay,
    packed::Packed,
    storable::Variant,
};
use crate::{
    body::{Body, EventStream},
    claude::{Folding, events_of},
    response::{Age, Cached, Conceal, Response, Timing},
};

/// Events of one read, and when after the first of all they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) after: Duration,
    pub(super) events: Arc<Packed>,
}

/// A complete content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Whole(Bytes),
    Events(Arc<[Arc<Batch>]>),
}

/// A complete, successful answer.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) status: StatusCode,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    pub(super) content: Content,
    pub(super) variant: Option<Variant>,
    pub(super) stored: Instant,
    pub(super) ttl: Duration,
    /// Never leaves the memory of this process.
    pub(super) conceal: Option<Conceal>,
}

/// How an answer is given again.
#[derive(Clone, Copy)]
pub(super) struct Giving<'a> {
    pub(super) url: &'a Url,
    pub(super) replay: Replay,
    pub(super) cached: Cached,
}

impl Entry {
    /// Whether it may be given to a call that takes none older than `most`.
    pub(super) fn judge(&self, now: Instant, grace: Grace, most: Option<Duration>) -> Freshness {
        let ttl = most.map_or(self.ttl, |most| most.min(self.ttl));
        grace.judge(now.saturating_duration_since(self.stored), ttl)
    }

    /// How long it is still fresh.
    pub(super) fn left(&self, now: Instant) -> Duration {
        (self.stored + self.ttl).saturating_duration_since(now)
    }

    pub(super) fn fits(&self, request: &HeaderMap) -> bool {
        self.variant.as_ref().is_none_or(|variant| variant.fits(request))
    }

    /// What it takes in memory, about.
    pub(super) fn size(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64).sum();
        let content = match &self.content {
            Content::Whole(bytes) => bytes.len(),
            Content::Events(batches) => batches.iter().map(|batch| batch.events.size() + 64).sum(),
        };
        256 + headers + content
    }

    /// An answer of it in the form that is wanted; nothing where it can't be had in that.
    pub(super) fn answer(&self, question: &Question, giving: Giving<'_>) -> Option<Response> {
        let mut headers = self.headers.clone();
        let body = match (&self.content, question.wanted) {
            (Content::Whole(bytes), Wanted::Whole | Wanted::Either) => Body::Full(bytes.clone()),
            (Content::Events(batches), Wanted::Events | Wanted::Either) => {
                Body::Events(replay(Arc::clone(batches), giving.replay))
            }
            _ if !question.message => return None,
            (Content::Whole(bytes), Wanted::Events) => {
                let events = events_of(std::str::from_utf8(bytes).ok()?)?;
                headers.insert(CONTENT_TYPE, EVENTS);
                Body::Events(Box::pin(stream::iter([Ok(events)])))
            }
            (Content::Events(batches), Wanted::Whole) => {
                headers.insert(CONTENT_TYPE, JSON);
                Body::Full(message_of(batches)?.into())
            }
        };
        let mut extensions = Extensions::new();
        extensions.insert(giving.cached);
        extensions.insert(Age(self.stored.elapsed()));
        if let Some(conceal) = &self.conceal {
            extensions.insert(conceal.clone());
        }
        Some(Response {
            status: self.status,
            version: self.version,
            headers,
            body,
            url: giving.url.clone(),
            timing: Timing::default(),
            attempts: 0,
            history: Vec::new(),
            extensions,
        })
    }
}

const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The message that events make; nothing where it would not be the one that the API would have answered whole.
fn message_of(batches: &[Arc<Batch>]) -> Option<String> {
    let mut folding = Folding::default();
    for event in batches.iter().flat_map(|batch| batch.events.events()) {
        folding.add(&event);
    }
    let message = folding.message().filter(|_| folding.is_complete() && folding.is_faithful())?;
    // A tool's input that was cut off is the text that it is; nobody knows how the API would have answered that.
    (!message.contains(r#""input":""#)).then_some(message)
}

/// So many events at once at most: their reader may be slow.
const TOGETHER: usize = 256;

fn replay(batches: Arc<[Arc<Batch>]>, replay: Replay) -> EventStream {
    let begun = Instant::now();
    match replay {
        Replay::Instant => Box::pin(stream::unfold((batches, 0), |(batches, from)| async move {
            let mut events = Vec::new();
            let mut at = from;
            while let Some(batch) = batches.get(at).filter(|_| events.len() < TOGETHER) {
                events.extend(batch.events.events());
                at += 1;
            }
            (at > from).then_some((Ok(events), (batches, at)))
        })),
        Replay::Paced => Box::pin(
            stream::unfold((batches, 0), |(batches, at)| async move {
                let batch = Arc::clone(batches.get(at)?);
                Some((batch, (batches, at + 1)))
            })
            .then(move |batch: Arc<Batch>| async move {
                tokio::time::sleep_until(begun + batch.after).await;
                Ok(batch.events.events().collect())
            }),
        ),
    }
}
