//! Counters, gauges and histograms by labels: bounded in number, and touched by atomics only.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use super::{
    labels::{OTHER, Values},
    text::{Kind, Reading, Sample},
};

/// Series of one family. Beyond them all is counted as one, with every label `other`.
const MOST: usize = 256;

/// What can be counted and told.
pub(super) trait Metric {
    const KIND: Kind;

    /// The parts that are told of it: a suffix of the name, the label `le` where there is one, and the value.
    fn tell(&self, part: &mut dyn FnMut(&'static str, Option<f64>, f64));
}

/// What only grows.
#[derive(Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }
}

impl Metric for Counter {
    const KIND: Kind = Kind::Counter;

    fn tell(&self, part: &mut dyn FnMut(&'static str, Option<f64>, f64)) {
        part("", None, number(self.0.load(Relaxed)));
    }
}

/// What comes and goes.
#[derive(Default)]
pub(super) struct Gauge(AtomicU64);

impl Gauge {
    pub fn enter(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    pub fn leave(&self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Metric for Gauge {
    const KIND: Kind = Kind::Gauge;

    fn tell(&self, part: &mut dyn FnMut(&'static str, Option<f64>, f64)) {
        part("", None, number(self.0.load(Relaxed)));
    }
}

/// How many durations were no longer than each of some bounds.
pub(super) struct Histogram {
    bounds: Arc<[Duration]>,
    /// One more than there are bounds: those beyond the last.
    counts: Box<[AtomicU64]>,
    nanoseconds: AtomicU64,
}

impl Histogram {
    fn new(bounds: &Arc<[Duration]>) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds: Arc::clone(bounds), counts, nanoseconds: AtomicU64::new(0) }
    }

    pub fn observe(&self, took: Duration) {
        let place = self.bounds.partition_point(|bound| *bound < took);
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Relaxed);
        }
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Relaxed);
    }
}

impl Metric for Histogram {
    const KIND: Kind = Kind::Histogram;

    fn tell(&self, part: &mut dyn FnMut(&'static str, Option<f64>, f64)) {
        let mut count = 0;
        let bounds = self.bounds.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
        for (bound, more) in bounds.zip(&self.counts) {
            count += more.load(Relaxed);
            part("_bucket", Some(bound), number(count));
        }
        // A multiple of nanoseconds, so that no error of rounding adds up.
        part("_sum", None, Duration::from_nanos(self.nanoseconds.load(Relaxed)).as_secs_f64());
        part("_count", None, number(count));
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53, and Prometheus knows only floats")]
pub(super) fn number(count: u64) -> f64 {
    count as f64
}

/// All series of one name. A series is there from its first use on, and stays.
pub(super) struct Family<M> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; 4],
    make: Box<dyn Fn() -> M + Send + Sync>,
    series: Box<[Slot<M>]>,
    rest: Slot<M>,
}

/// Room for a series.
type Slot<M> = OnceLock<Box<(Values, M)>>;

impl<M: Metric> Family<M> {
    /// `labels` are the names of the values by their place; one that is empty has none.
    pub fn new(
        name: &'static str,
        help: &'static str,
        labels: [&'static str; 4],
        make: impl Fn() -> M + Send + Sync + 'static,
    ) -> Self {
        let series = (0..MOST).map(|_| OnceLock::new()).collect();
        let family = Self { name, help, labels, make: Box::new(make), series, rest: OnceLock::new() };
        if family.labels.iter().all(|label| label.is_empty()) {
            // Without labels there is one series, and it is told before anything has happened.
            let _first = family.at(&Values::default());
        }
        family
    }

    /// The series with these values.
    pub fn at(&self, values: &Values) -> &M {
        // Filled from the front, so that a search ends at the first that is empty, which then is ours.
        for one in &self.series {
            let (have, metric) = &**one.get_or_init(|| Box::new((values.clone(), (self.make)())));
            if have == values {
                return metric;
            }
        }
        &self.rest.get_or_init(|| Box::new(([OTHER; 4], (self.make)()))).1
    }

    pub fn read(&self) -> Reading {
        let mut samples = Vec::new();
        for (values, metric) in
            self.series.iter().chain([&self.rest]).filter_map(OnceLock::get).map(|one| &**one)
        {
            let named = self.labels.iter().zip(values).filter(|(name, _)| !name.is_empty());
            let labels: Vec<_> =
                named.filter_map(|(name, value)| Some((*name, value.text()?.into_owned()))).collect();
            metric.tell(&mut |suffix, le, value| {
                samples.push(Sample { suffix, labels: labels.clone(), le, value });
            });
        }
        Reading { name: self.name.to_owned(), help: self.help, kind: M::KIND, samples }
    }
}

impl Family<Histogram> {
    /// A family of histograms with these bounds.
    pub fn of_durations(
        name: &'static str,
        help: &'static str,
        labels: [&'static str; 4],
        bounds: &[Duration],
    ) -> Self {
        let bounds: Arc<[Duration]> = bounds.into();
        Self::new(name, help, labels, move || Histogram::new(&bounds))
    }
}
