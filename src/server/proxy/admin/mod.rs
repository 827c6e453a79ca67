//! What is told of the proxy and of what passes it, to whoever may see that.
//!
//! - `figures`: a sample each second

mod figures;

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header::ACCEPT, request::Parts};
use serde_json::{Value, json};

pub(super) use self::figures::{Samples, sampled};
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
pub(super) async fn answer(
    shared: &Arc<Shared>,
    engine: &Engine,
    place: Place<'_>,
    caller: Option<&Caller>,
    head: &Parts,
) -> Result<Answer, Problem> {
    let nothing = || Problem::new(StatusCode::NOT_FOUND, "there is nothing here: `page` is off");
    match place {
        Place::Metrics => metrics(shared, engine, head),
        _ if !engine.options.page.is_served => Err(nothing()),
        Place::About => Ok(about(shared, engine, caller)),
        Place::Figures => Ok(figures::answer(shared)),
        Place::Requests => {
            let about = json!({ "most": most(head.uri.query()) });
            let last = engine.ask("journal", "last", about).await.ok_or_else(nothing)?;
            Ok(told(&json!({ "requests": last })))
        }
        Place::OneRequest(id) => {
            let one = engine.ask("journal", "one", json!({ "id": id })).await.filter(|one| !one.is_null());
            let one =
                one.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "this request is not kept any more"));
            one.map(|one| told(&one))
        }
        _ => Err(nothing()),
    }
}

/// `?limit=`, where it is a number.
fn most(query: Option<&str>) -> u64 {
    let mut pairs = query.unwrap_or_default().split('&');
    pairs.find_map(|pair| pair.strip_prefix("limit=")?.parse().ok()).unwrap_or(100)
}

fn metrics(shared: &Shared, engine: &Engine, head: &Parts) -> Result<Answer, Problem> {
    let accepts = head.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let (format, media) = if accepts.contains("application/openmetrics-text") {
        ("openmetrics", OPEN_METRICS)
    } else {
        ("prometheus", PROMETHEUS)
    };
    let text = engine.client.metrics(format).map_err(|error| Problem::from(&error))?;
    let text = shared.meter.with(text, format == "openmetrics");
    Ok(fleeting(StatusCode::OK, media, text.into()))
}

fn about(shared: &Shared, engine: &Engine, caller: Option<&Caller>) -> Answer {
    let options = &engine.options;
    let cache = options.layers.iter().find(|layer| layer.name == "cache");
    let ttl = cache.map(|cache| cache.options.get("ttl").cloned().unwrap_or(default("cache.ttl")));
    told(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "upstream": engine.upstream(),
        "anonymous": engine.callers.are_anonymous(),
        "caller": caller.map(|caller| &*caller.name),
        "sessions": options.sessions.is_some(),
        "cache": ttl.map(|ttl| json!({ "ttlMs": ttl })),
        "bodies": options.page.bodies,
        "models": [],
        "prices": engine.prices(),
        "uptimeMs": u64::try_from(shared.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    }))
}

fn default(option: &str) -> Value {
    crate::client::defaults().get(option).cloned().unwrap_or_default()
}
