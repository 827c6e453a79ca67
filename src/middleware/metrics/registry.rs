//! All families of one `metrics()`: their names, labels and bounds.

use std::time::Duration;

use super::{
    family::{Counter, Family, Gauge, Histogram},
    labels::{Learnt, Value},
    options::{MetricsOptions, milliseconds},
    text::Reading,
};
use crate::{claude::Usage, request::Request};

/// Bounds, in milliseconds, of what lasts as long as a message is written.
const LONG: [u64; 12] = [100, 250, 500, 1000, 2500, 5000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000];
/// Of waits that should be short.
const SHORT: [u64; 13] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];
/// Of what takes no time unless something waits, in microseconds.
const TINY: [u64; 10] = [10, 25, 50, 100, 250, 1000, 10_000, 100_000, 1_000_000, 10_000_000];

/// What was counted so far.
pub(super) struct Registry {
    pub prefix: String,
    extra: Vec<Learnt>,
    pub request_duration: Family<Histogram>,
    pub request_errors: Family<Counter>,
    pub requests_in_flight: Family<Gauge>,
    pub attempts: Family<Counter>,
    pub queue: Family<Histogram>,
    pub overhead: Family<Histogram>,
    pub stream_duration: Family<Histogram>,
    pub time_to_first_event: Family<Histogram>,
    pub event_gap: Family<Histogram>,
    pub tokens: Family<Counter>,
    pub cache: Family<Counter>,
    pub limiter: Family<Counter>,
}

impl Registry {
    pub fn new(options: MetricsOptions) -> Self {
        let MetricsOptions { prefix, buckets, labels, max_values } = options;
        let extra: Vec<Learnt> = labels.into_iter().map(|what| Learnt::new(what, max_values)).collect();
        let name = |place: usize| extra.get(place).map_or("", Learnt::name);
        let by = |first, second| [first, second, name(0), name(1)];
        let (long, short) = (milliseconds(&LONG), milliseconds(&SHORT));
        let tiny: Vec<Duration> = TINY.into_iter().map(Duration::from_micros).collect();
        Self {
            prefix,
            request_duration: Family::of_durations(
                "request_duration_seconds",
                "Duration of Claude API requests",
                by("method", "status_code"),
                &buckets,
            ),
            request_errors: Family::new(
                "request_errors",
                "Requests and streams that failed, by the code of their error",
                by("method", "code"),
                Counter::default,
            ),
            requests_in_flight: Family::new(
                "requests_in_flight",
                "Requests under way, streams until their end",
                [""; 4],
                Gauge::default,
            ),
            attempts: Family::new(
                "attempts",
                "Attempts that the requests took",
                by("", ""),
                Counter::default,
            ),
            queue: Family::of_durations(
                "queue_seconds",
                "Wait for a place in the pool, of attempts that were answered",
                [""; 4],
                &short,
            ),
            overhead: Family::of_durations(
                "overhead_seconds",
                "From this layer to the transport, through all layers between, of requests answered at once",
                [""; 4],
                &tiny,
            ),
            stream_duration: Family::of_durations(
                "stream_duration_seconds",
                "Duration of streams from the request to their end, by how they ended",
                by("method", "end"),
                &long,
            ),
            time_to_first_event: Family::of_durations(
                "time_to_first_event_seconds",
                "From the request to the first event of its stream that is no ping",
                by("", ""),
                &long,
            ),
            event_gap: Family::of_durations(
                "event_gap_seconds",
                "Time between arrivals of events within a stream",
                by("", ""),
                &short,
            ),
            cache: Family::new(
                "cache_answers",
                "Answers by where they came from",
                ["outcome", "", "", ""],
                Counter::default,
            ),
            limiter: Family::new(
                "limiter_decisions",
                "What limits of the client did with requests",
                ["limiter", "outcome", "", ""],
                Counter::default,
            ),
            tokens: Family::new("tokens", "Tokens as the API counts them", by("type", ""), Counter::default),
            extra,
        }
    }

    /// The values of the labels that a request decides.
    pub fn extra(&self, req: &Request) -> [Value; 2] {
        let value = |place: usize| self.extra.get(place).map(|learnt| learnt.of(req)).unwrap_or_default();
        [value(0), value(1)]
    }

    pub fn count_tokens(&self, usage: Usage, [first, second]: &[Value; 2]) {
        for (kind, count) in [
            ("input", usage.input_tokens),
            ("output", usage.output_tokens),
            ("cache_read", usage.cache_read_input_tokens),
            ("cache_creation", usage.cache_creation_input_tokens),
        ] {
            if let Some(count) = count {
                let labels = [Value::Word(kind), Value::Absent, first.clone(), second.clone()];
                self.tokens.at(&labels).add(count);
            }
        }
    }

    /// All families under their full names.
    pub fn read(&self) -> Vec<Reading> {
        let readings = [
            self.request_duration.read(),
            self.request_errors.read(),
            self.requests_in_flight.read(),
            self.attempts.read(),
            self.queue.read(),
            self.overhead.read(),
            self.stream_duration.read(),
            self.time_to_first_event.read(),
            self.event_gap.read(),
            self.tokens.read(),
            self.cache.read(),
            self.limiter.read(),
        ];
        let named =
            |reading: Reading| Reading { name: format!("{}{}", self.prefix, reading.name), ..reading };
        readings.into_iter().map(named).collect()
    }
}
