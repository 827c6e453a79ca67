//! Asks, for all who have a seat: other replicas first, then the server; records what comes and keeps it.

use std::{
    future::Future,
    sync::{Arc, atomic::Ordering},
};

use futures_util::{StreamExt, TryFutureExt};
use http::{Extensions, HeaderMap};
use tokio::{
    sync::watch,
    time::{Duration, Instant, timeout},
};

use super::{
    super::{
        Core,
        ask::Ask,
        entry::{Batch, Content, Entry},
        fresh::Freshness,
        key::{Key, Question},
        packed::Packed,
        shared::Lease,
        stats::count,
        storable::{Variant, is_complete, is_storable},
    },
    Flight, Head, Landing, Recorded, lock,
};
use crate::{
    Error, ErrorKind, Phase, Result,
    body::{Body, EventStream, collect},
    claude::{StreamRules, Verdict},
    event::Event,
    identity::Asker,
    response::Response,
};

/// How long the rest of a body may take once its stream is over, so that its connection can be used again.
const DRAIN: Duration = Duration::from_secs(1);

/// A flight, for whoever makes it.
pub(in super::super) struct Lead {
    core: Arc<Core>,
    duty: Duty,
    pub(in super::super) key: Key,
    pub(in super::super) question: Question,
    pub(in super::super) ttl: Duration,
    /// Whether other replicas are asked.
    pub(in super::super) asks_store: bool,
    asker: Asker,
    /// How often everything had been forgotten when it began.
    cleared: u64,
    headers: HeaderMap,
    extensions: Extensions,
    max_response_bytes: u64,
    /// A body that is still to come is somebody's download.
    streams_bytes: bool,
    rules: StreamRules,
}

/// Whatever happens, those who wait are told something.
struct Duty {
    core: Arc<Core>,
    flight: Arc<Flight>,
}

impl Drop for Duty {
    fn drop(&mut self) {
        self.core.flights.close(&self.flight);
        let broke = || Error::new(ErrorKind::Internal, Phase::Body, "the call that was shared has ended");
        lock(&self.flight.log).end(Some(Arc::new(broke())));
        first(&self.flight.landing, Landing::Gone);
        first(&self.flight.recorded, Recorded::Not);
        self.flight.news.send_replace(());
    }
}

/// Tells it, unless something was told before.
fn first<T>(told: &watch::Sender<Option<T>>, value: T) {
    told.send_if_modified(|present| present.is_none().then(|| *present = Some(value)).is_some());
}

/// A stream that has begun.
pub(in super::super) struct Recording {
    lead: Lead,
    head: Arc<Head>,
    events: EventStream,
    lease: Option<Lease>,
}

impl Lead {
    pub(in super::super) fn new(
        core: &Arc<Core>,
        flight: &Arc<Flight>,
        (key, question): (Key, &Question),
        ask: &Ask,
    ) -> Self {
        let duty = Duty { core: Arc::clone(core), flight: Arc::clone(flight) };
        Self {
            core: Arc::clone(core),
            duty,
            key,
            question: question.clone(),
            ttl: core.options.ttl,
            asks_store: true,
            asker: ask.asker(),
            cleared: core.cleared.load(Ordering::Acquire),
            headers: ask.headers.clone(),
            extensions: ask.extensions.clone(),
            max_response_bytes: ask.options.max_response_bytes,
            streams_bytes: ask.options.expect.streams_bytes(),
            rules: StreamRules::at(ask.url.path()),
        }
    }

    fn flight(&self) -> &Flight {
        &self.duty.flight
    }

    /// Keeps an answer, unless it was asked before what is kept was to be forgotten.
    fn keep(&self, entry: &Arc<Entry>) -> bool {
        let forgotten = || {
            self.flight().forgotten.load(Ordering::Acquire)
                || self.core.cleared.load(Ordering::Acquire) != self.cleared
        };
        if forgotten() {
            return false;
        }
        self.core.keep(self.key, entry);
        // In between, it would have come too late to be forgotten.
        if forgotten() {
            self.core.memory.delete(&self.key);
            return false;
        }
        true
    }

    /// Makes the whole flight.
    pub(in super::super) async fn fly(self, ask: impl Future<Output = Result<Response>>) {
        // Boxed, so that while a stream is recorded nothing is kept of what it took to begin it.
        if let Some(recording) = Box::pin(self.ask(ask)).await {
            recording.record().await;
        }
    }

    /// Asks until there is an answer; of a stream, until it begins.
    pub(in super::super) async fn ask(
        self,
        ask: impl Future<Output = Result<Response>>,
    ) -> Option<Recording> {
        let lease = match self.found().await {
            Ok(entry) => {
                self.land(Landing::Found(entry));
                return None;
            }
            Err(lease) => lease,
        };
        let outcome = ask.and_then(|res| self.whole(res)).await;
        let (res, variant) = match outcome {
            Ok((res, Some(variant))) => (res, variant),
            Ok((res, None)) => {
                *lock(&self.flight().own) = Some(res);
                self.land(Landing::Alone);
                return release(lease).await;
            }
            Err(error) => {
                self.land(Landing::Failed(Arc::new(error)));
                return release(lease).await;
            }
        };
        let (head, body) = Head::of(res, variant);
        let head = Arc::new(head);
        match body {
            Body::Events(events) => {
                first(&self.flight().landing, Landing::Streaming(Arc::clone(&head)));
                Some(Recording { lead: self, head, events, lease })
            }
            Body::Full(content) => {
                self.keep_whole(head, content, lease).await;
                None
            }
            Body::Empty | Body::Stream(_) => {
                self.keep_whole(head, bytes::Bytes::new(), lease).await;
                None
            }
        }
    }

    /// Another replica's answer, or the lease to ask for it.
    async fn found(&self) -> Result<Arc<Entry>, Option<Lease>> {
        let Some(level) = self.core.level.as_ref().filter(|_| self.asks_store) else { return Err(None) };
        let name = self.question.name();
        let usable = |entry: Option<Entry>| {
            entry.filter(|entry| entry.fits(&self.headers)).map(|entry| self.core.keep_found(self.key, entry))
        };
        let is_given = |entry: &Arc<Entry>| {
            matches!(self.core.judge(entry, Some(self.ttl)), Freshness::Fresh | Freshness::Revalidate)
        };
        if let Some(entry) = usable(level.get(&name, &self.extensions).await).filter(is_given) {
            return Ok(entry);
        }
        match level.lease(&name, &self.extensions).await {
            Err(entry) => usable(Some(entry)).filter(is_given).ok_or(None),
            Ok(lease) => Err(lease),
        }
    }

    /// Reads an answer that is no stream. Comes back without a variant where it is for nobody else.
    async fn whole(&self, mut res: Response) -> Result<(Response, Option<Option<Variant>>)> {
        // A name in place of who asks stands for whoever that is.
        let anothers = self.asker.has_changed() && !self.core.rules.is_shared();
        if anothers || !is_storable(&res, self.core.rules.is_shared()) {
            return Ok((res, None));
        }
        let length = res.content_length();
        let is_short = length.is_some_and(|length| length <= self.core.options.max_entry_bytes as u64);
        if self.streams_bytes && matches!(res.body, Body::Stream(_)) && !is_short {
            return Ok((res, None));
        }
        res.body = match res.body {
            body @ (Body::Stream(_) | Body::Full(_)) => {
                let attempts = res.attempts;
                let read = collect(body, self.max_response_bytes, length).await;
                Body::Full(read.map_err(|error| error.with_attempts(attempts))?)
            }
            body @ (Body::Empty | Body::Events(_)) => body,
        };
        let variant = Variant::of(&res.headers, &self.headers, |name| self.core.rules.knows(name));
        Ok((res, Some(variant)))
    }

    async fn keep_whole(self, head: Arc<Head>, content: bytes::Bytes, lease: Option<Lease>) {
        let is_complete = is_complete(&head.headers, &content, self.question.message);
        // As it came it may hold all of what was read from the network together with it.
        let content = Content::Whole(bytes::Bytes::copy_from_slice(&content));
        let entry = is_complete.then(|| Arc::new(head.entry(content.clone(), self.ttl)));
        let entry = entry.filter(|entry| self.keep(entry));
        self.land(Landing::Whole(head, content));
        if let Some(entry) = &entry {
            self.publish(entry).await;
        }
        release::<()>(lease).await;
    }

    /// Only once all is in memory that is to be: then nobody asks again.
    fn land(&self, landing: Landing) {
        self.core.flights.close(&self.duty.flight);
        lock(&self.flight().log).end(None);
        first(&self.flight().landing, landing);
    }

    async fn publish(&self, entry: &Entry) {
        if let Some(level) = &self.core.level
            && entry.size() <= self.core.options.max_entry_bytes
        {
            level.set(&self.question.name(), entry, self.core.grace().longest(), &self.extensions).await;
        }
    }
}

async fn release<T>(lease: Option<Lease>) -> Option<T> {
    if let Some(lease) = lease {
        lease.release().await;
    }
    None
}

impl Recording {
    /// Tells the stream as it comes, and keeps it if it comes to its end.
    pub(in super::super) async fn record(self) {
        let Self { lead, head, mut events, lease } = self;
        let begun = Instant::now();
        let mut tape = Tape { rules: lead.rules.clone(), batches: Some(Vec::new()), size: 0 };
        let (is_complete, error) = loop {
            let mut read = match events.next().await {
                Some(Ok(read)) => read,
                Some(Err(error)) => break (false, Some(Arc::new(error))),
                None => break (false, None),
            };
            let (end, packed) = tape.see(&mut read, begun.elapsed(), lead.core.options.max_entry_bytes);
            lead.tell(packed, read, tape.batches.is_none()).await;
            if let Some(is_complete) = end {
                break (is_complete, None);
            }
        };
        let batches = tape.batches.filter(|_| is_complete);
        let entry = batches.map(|batches| Arc::new(head.entry(Content::Events(batches.into()), lead.ttl)));
        if entry.is_none() && is_complete {
            count(&lead.core.counts.too_large);
        }
        let kept = entry.as_ref().is_some_and(|entry| lead.keep(entry));
        lead.core.flights.close(&lead.duty.flight);
        lock(&lead.flight().log).end(error);
        first(&lead.flight().recorded, entry.clone().map_or(Recorded::Not, Recorded::Kept));
        lead.flight().news.send_replace(());
        if let Some(entry) = entry.as_ref().filter(|_| kept) {
            lead.publish(entry).await;
        }
        release::<()>(lease).await;
        if is_complete {
            let read_all = async { while let Some(Ok(_)) = events.next().await {} };
            // A server that keeps talking after the end loses its connection: that is all.
            let _ = timeout(DRAIN, read_all).await;
        }
    }
}

impl Lead {
    /// Tells those who read. Where it is more than can be kept nobody comes any more, and the slowest hold it up.
    async fn tell(&self, packed: Arc<Packed>, events: Vec<Event>, too_much: bool) {
        let limit = self.core.options.max_entry_bytes;
        let size = packed.size();
        if too_much {
            self.core.flights.close(&self.duty.flight);
        }
        let flight = self.flight();
        loop {
            let room = flight.room.notified();
            if lock(&flight.log).has_room(too_much, size, limit) {
                break;
            }
            room.await;
        }
        lock(&flight.log).push(packed, events);
        flight.news.send_replace(());
    }
}

/// What is kept of a stream while it passes.
struct Tape {
    rules: StreamRules,
    /// None once it is more than may be kept.
    batches: Option<Vec<Arc<Batch>>>,
    size: usize,
}

impl Tape {
    /// Sees what has come, cut off where the stream ends: whether it is then complete, and all of it packed.
    fn see(&mut self, read: &mut Vec<Event>, after: Duration, most: usize) -> (Option<bool>, Arc<Packed>) {
        let mut left_out = Vec::new();
        let mut end = None;
        for (place, event) in read.iter().enumerate() {
            match self.rules.accept(event) {
                Verdict::Deliver => {}
                Verdict::Ping | Verdict::Skip => left_out.push(place),
                Verdict::DeliverAndEnd | Verdict::End => end = Some((place, true)),
                Verdict::Fail(_) => end = Some((place, false)),
            }
            if end.is_some() {
                break;
            }
        }
        if let Some((place, _)) = end {
            read.truncate(place + 1);
        }
        let packed = Arc::new(Packed::of(read.iter()));
        // Signs of life are not kept, but they wait for those who come later.
        self.size += packed.size();
        if self.size > most {
            self.batches = None;
        } else if let Some(batches) = self.batches.as_mut().filter(|_| left_out.len() < read.len()) {
            let events = if left_out.is_empty() { Arc::clone(&packed) } else { without(read, &left_out) };
            batches.push(Arc::new(Batch { after, events }));
        }
        (end.map(|(_, is_complete)| is_complete), packed)
    }
}

/// Those at other places than these, which are in order.
fn without(events: &[Event], left_out: &[usize]) -> Arc<Packed> {
    let kept = events.iter().enumerate().filter(|(place, _)| left_out.binary_search(place).is_err());
    Arc::new(Packed::of(kept.map(|(_, event)| event)))
}
