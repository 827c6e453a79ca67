//! What is told of the proxy and of what passes it, to whoever may see that.

use http::{HeaderValue, StatusCode, header::ACCEPT, request::Parts};
use serde_json::json;

use super::{
    answer::{Answer, Problem, fleeting, told},
    callers::Caller,
    engine::Engine,
    handle::Shared,
    route::Place,
};

const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Answers at one of these places.
pub(super) fn answer(
    shared: &Shared,
    engine: &Engine,
    place: Place<'_>,
    caller: Option<&Caller>,
    head: &Parts,
) -> Result<Answer, Problem> {
    match place {
        Place::Metrics => metrics(engine, head),
        Place::About => Ok(about(shared, engine, caller)),
        _ => Err(Problem::new(StatusCode::NOT_FOUND, "there is nothing here")),
    }
}

fn metrics(engine: &Engine, head: &Parts) -> Result<Answer, Problem> {
    let accepts = head.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let (format, media) = if accepts.contains("application/openmetrics-text") {
        ("openmetrics", OPEN_METRICS)
    } else {
        ("prometheus", PROMETHEUS)
    };
    let text = engine.client.metrics(format).map_err(|error| Problem::from(&error))?;
    Ok(fleeting(StatusCode::OK, media, text.into()))
}

fn about(shared: &Shared, engine: &Engine, caller: Option<&Caller>) -> Answer {
    told(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "caller": caller.map(|caller| &*caller.name),
        "anonymous": engine.callers.are_anonymous(),
        "sessions": engine.options.sessions.is_some(),
        "uptimeMs": u64::try_from(shared.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    }))
}
