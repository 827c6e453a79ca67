//! What a client tells about itself: the figures of its `metrics()`, and those of its pool.

use crate::{
    Error, Result,
    middleware::metrics::{Format, Kind, Metrics, Reading, write},
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

/// The figures of these layers under their own prefixes, those of the pool under the first.
pub(super) fn tell<'a>(
    layers: impl Iterator<Item = &'a Metrics>,
    stats: &Stats,
    format: Format,
) -> Result<String> {
    let layers: Vec<&Metrics> = layers.collect();
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
    readings.extend(pool(outermost.prefix(), stats));
    Ok(write(&readings, format))
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
