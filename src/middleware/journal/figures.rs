//! What has passed in a moment, and how long calls took of late.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{entry::ms, lock};
use crate::{claude::Usage, response::Cached};

/// How far back durations are looked at, and how many at most.
const LATELY: Duration = Duration::from_secs(10);
const MOST: usize = 4096;

/// Counts since somebody looked last, and what is there now.
#[derive(Default)]
pub(super) struct Figures {
    requests: AtomicU64,
    errors: AtomicU64,
    in_flight: AtomicU64,
    streams: AtomicU64,
    events: AtomicU64,
    input: AtomicU64,
    output: AtomicU64,
    hit: AtomicU64,
    miss: AtomicU64,
    shared: AtomicU64,
    stale: AtomicU64,
    bypass: AtomicU64,
    first_byte: Lately,
    first_event: Lately,
    total: Lately,
}

/// Durations of late; of more than can be looked at, the newest.
#[derive(Default)]
struct Lately(Mutex<VecDeque<(Instant, Duration)>>);

impl Lately {
    fn note(&self, took: Duration) {
        let mut all = lock(&self.0);
        if all.len() >= MOST {
            all.pop_front();
        }
        all.push_back((Instant::now(), took));
    }

    fn told(&self) -> Value {
        let mut took: Vec<Duration> = {
            let mut all = lock(&self.0);
            while all.front().is_some_and(|(at, _)| at.elapsed() > LATELY) {
                all.pop_front();
            }
            all.iter().map(|(_, took)| *took).collect()
        };
        if took.is_empty() {
            return Value::Null;
        }
        took.sort_unstable();
        let at = |share: usize| ms(took.get((took.len() - 1) * share / 100).copied());
        json!({ "p50": at(50), "p90": at(90), "p99": at(99) })
    }
}

impl Figures {
    pub fn began(&self) {
        self.requests.fetch_add(1, Relaxed);
        self.in_flight.fetch_add(1, Relaxed);
    }

    pub fn answered(&self, took: Duration, cached: Cached) {
        self.first_byte.note(took);
        let count = match cached {
            Cached::Hit => &self.hit,
            Cached::Miss => &self.miss,
            Cached::Shared => &self.shared,
            Cached::Stale => &self.stale,
            Cached::Bypass => &self.bypass,
        };
        count.fetch_add(1, Relaxed);
    }

    pub fn streams(&self) {
        self.streams.fetch_add(1, Relaxed);
    }

    pub fn read(&self, events: usize) {
        self.events.fetch_add(events as u64, Relaxed);
    }

    pub fn first_event(&self, took: Duration) {
        self.first_event.note(took);
    }

    pub fn ended(&self, took: Duration, failed: bool, streamed: bool, paid: Usage) {
        self.total.note(took);
        self.in_flight.fetch_sub(1, Relaxed);
        if streamed {
            self.streams.fetch_sub(1, Relaxed);
        }
        if failed {
            self.errors.fetch_add(1, Relaxed);
        }
        self.input.fetch_add(paid.input_tokens.unwrap_or_default(), Relaxed);
        self.output.fetch_add(paid.output_tokens.unwrap_or_default(), Relaxed);
    }

    /// What has passed since this was asked last.
    pub fn sample(&self) -> Value {
        let since = |count: &AtomicU64| count.swap(0, Relaxed);
        json!({
            "requests": since(&self.requests),
            "errors": since(&self.errors),
            "inFlight": self.in_flight.load(Relaxed),
            "streams": self.streams.load(Relaxed),
            "firstByteMs": self.first_byte.told(),
            "firstEventMs": self.first_event.told(),
            "totalMs": self.total.told(),
            "cache": {
                "hit": since(&self.hit),
                "miss": since(&self.miss),
                "shared": since(&self.shared),
                "stale": since(&self.stale),
                "bypass": since(&self.bypass),
            },
            "tokens": { "input": since(&self.input), "output": since(&self.output) },
            "events": since(&self.events),
        })
    }
}
