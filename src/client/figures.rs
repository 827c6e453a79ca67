//! What a client tells about itself: the figures of its `metrics()`, and those of its pool.

use crate::{
    Error, Result,
    middleware::{
        concurrency::Concurrency,
        metrics::{Format, Kind, Metrics, Reading, Sample, write},
        rate_limit::RateLimit,
    },
    pipeline::Pipeline,
    queue::Decided,
    transport::Stats,
};

const FORMATS: [(&str, Format); 3] =
    [("prometheus", Format::Prometheus), ("openmetrics", Format::OpenMetrics), ("json", Format::Json)];

/// The format of this name.
pub(super) fn format(name: &str) -> Result<Format> {
    match FORMATS.iter().find(|(known, _)| *known == name) {
        Some((_, format)) => Ok(*format),
        None => Err(Error::config("the format of metrics() must be 'prometheus', 'openmetrics' or 'json'")),
    }
}

/// The figures of the layers called `metrics` under their own prefixes, those of limits and of the pool under the
/// first.
pub(super) fn tell(pipeline: &Pipeline, stats: &Stats, format: Format) -> Result<String> {
    let layers: Vec<&Metrics> = pipeline.layers().collect();
    let Some(outermost) = layers.first() else {
        return Err(Error::config(
            "the client counts nothing: give it `use(metrics())`, before its first call",
        ));
    };
    for (place, layer) in layers.iter().enumerate() {
        if layers[..place].iter().any(|other| other.prefix() == layer.prefix()) {
            let prefix = layer.prefix();
            return Err(Error::config(format!(
                "two metrics() of the client have the same `metrics.prefix`, `{prefix}`: give one of them another"
            )));
        }
    }
    let mut readings: Vec<Reading> = layers.iter().flat_map(|layer| layer.read()).collect();
    limits(outermost.prefix(), pipeline, &mut readings);
    readings.extend(pool(outermost.prefix(), stats));
    Ok(write(&readings, format))
}

/// What the layers that limit have decided, of each kind together: also for other clients that they serve.
fn limits(prefix: &str, pipeline: &Pipeline, readings: &mut Vec<Reading>) {
    let rates: Vec<&RateLimit> = pipeline.layers().collect();
    let ceilings: Vec<&Concurrency> = pipeline.layers().collect();
    let mut waiting = Vec::new();
    let mut decided = |limiter: &'static str, all: Vec<Decided>| {
        if all.is_empty() {
            return;
        }
        let sum = |count: fn(&Decided) -> u64| all.iter().map(count).sum();
        let labels = |outcome: Option<&'static str>| {
            let named = outcome.map(|outcome| ("outcome", outcome.to_owned()));
            [("limiter", limiter.to_owned())].into_iter().chain(named).collect()
        };
        let counts: [(_, u64); 3] = [
            ("passed", sum(|all| all.passed)),
            ("waited", sum(|all| all.waited)),
            ("refused", sum(|all| all.refused)),
        ];
        let name = format!("{prefix}limiter_decisions");
        if let Some(family) = readings.iter_mut().find(|reading| reading.name == name) {
            family.samples.extend(counts.map(|(outcome, count)| sample(labels(Some(outcome)), count)));
        }
        waiting.push(sample(labels(None), sum(|all| all.waiting)));
    };
    decided("rate_limit", rates.iter().map(|layer| layer.decided()).collect());
    decided("concurrency", ceilings.iter().map(|layer| layer.decided()).collect());
    let mut tell = |name: &str, help: &'static str, kind: Kind, samples: Vec<Sample>| {
        if !samples.is_empty() {
            readings.push(Reading { name: format!("{prefix}{name}"), help, kind, samples });
        }
    };
    tell("limiter_waiting", "Calls that wait for limits of the client", Kind::Gauge, waiting);
    if !rates.is_empty() {
        let failures = rates.iter().map(|layer| layer.store_failures()).sum();
        let labels = vec![("limiter", "rate_limit".to_owned())];
        let help = "How often the store of a limit has failed";
        tell("limiter_store_failures", help, Kind::Counter, vec![sample(labels, failures)]);
    }
    if !ceilings.is_empty() {
        let (limit, under_way) =
            ceilings.iter().map(|layer| layer.read()).fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        let one = |count| vec![sample(Vec::new(), count)];
        tell("concurrency_limit", "How many calls may be under way", Kind::Gauge, one(limit));
        tell("concurrency_in_flight", "How many of them are", Kind::Gauge, one(under_way));
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53, and Prometheus knows only floats")]
fn sample(labels: Vec<(&'static str, String)>, count: u64) -> Sample {
    Sample { suffix: "", labels, le: None, value: count as f64 }
}

/// Without the origins: a label must not have as many values as there are servers.
fn pool(prefix: &str, stats: &Stats) -> [Reading; 6] {
    let connections: usize = stats.origins.iter().map(|origin| origin.connections).sum();
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts stay below 2^53, and Prometheus knows only floats"
    )]
    let figures = [
        ("pool_in_flight", "Calls that the pool carries", Kind::Gauge, stats.in_flight as f64),
        ("pool_queued", "Calls that wait for a connection", Kind::Gauge, stats.queued as f64),
        ("pool_connections", "Connections that carry calls", Kind::Gauge, connections as f64),
        ("pool_connections_opened", "Connections opened", Kind::Counter, stats.connections_opened as f64),
        ("pool_requests", "Calls that came to the pool", Kind::Counter, stats.requests as f64),
        (
            "pool_replaced_sockets",
            "Dead sockets that were replaced",
            Kind::Counter,
            stats.replaced_sockets as f64,
        ),
    ];
    figures.map(|(name, help, kind, value)| Reading::of(&format!("{prefix}{name}"), help, kind, value))
}
