//! Options of `metrics()`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    super::fields::{Fields, wrong},
    Functions, Native,
};
use crate::{
    Error, Result,
    middleware::metrics::{Extra, Metrics, MetricsOptions},
};

const LABELS: [Extra; 2] = [Extra::Model, Extra::Host];

/// More than these would be a burden for whoever stores them.
const MOST_BUCKETS: usize = 100;
const MOST_VALUES: u64 = 100;

pub(super) fn build(options: Value, _: Functions) -> Result<Native> {
    let default = MetricsOptions::default();
    let mut fields = Fields::open("metrics", options)?;
    let options = MetricsOptions {
        prefix: prefix(&mut fields)?.unwrap_or(default.prefix),
        buckets: buckets(&mut fields)?.unwrap_or(default.buckets),
        labels: labels(&mut fields)?.unwrap_or(default.labels),
        max_values: max_values(&mut fields)?.unwrap_or(default.max_values),
    };
    fields.finish()?;
    Ok(Native::plain(Metrics::new(options)))
}

fn prefix(fields: &mut Fields) -> Result<Option<String>> {
    let Some(prefix) = fields.string("prefix")? else { return Ok(None) };
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':');
    if prefix.starts_with(|first: char| first.is_ascii_digit()) || !prefix.chars().all(allowed) {
        return Err(Error::config(
            "`metrics.prefix` must be letters, digits, `_` and `:` alone, and begin with no digit",
        ));
    }
    Ok(Some(prefix))
}

fn buckets(fields: &mut Fields) -> Result<Option<Vec<Duration>>> {
    let Some(given) = fields.take("buckets") else { return Ok(None) };
    let bound = |bound: &Value| {
        let seconds = bound.as_f64().filter(|seconds| *seconds > 0.0)?;
        Duration::try_from_secs_f64(seconds).ok()
    };
    let list = given.as_array().filter(|list| (1..=MOST_BUCKETS).contains(&list.len()));
    let bounds: Option<Vec<Duration>> = list.and_then(|list| list.iter().map(bound).collect());
    let rising = bounds.filter(|bounds| bounds.is_sorted_by(|a, b| a < b));
    let expected = format!("a list of up to {MOST_BUCKETS} rising numbers of seconds above 0");
    rising.map(Some).ok_or_else(|| wrong("metrics.buckets", &expected, &given))
}

fn labels(fields: &mut Fields) -> Result<Option<Vec<Extra>>> {
    let Some(given) = fields.strings("labels")? else { return Ok(None) };
    let mut labels = Vec::new();
    for name in given {
        match LABELS.into_iter().find(|known| known.name() == name) {
            Some(label) if !labels.contains(&label) => labels.push(label),
            _ => return Err(Error::config("`metrics.labels` may have 'model' and 'host', each once")),
        }
    }
    Ok(Some(labels))
}

fn max_values(fields: &mut Fields) -> Result<Option<usize>> {
    match fields.count("maxValues", 1)? {
        Some(count) if count > MOST_VALUES => {
            Err(Error::config(format!("`metrics.maxValues` must be at most {MOST_VALUES}, got {count}")))
        }
        count => Ok(count.and_then(|count| usize::try_from(count).ok())),
    }
}

pub(super) fn defaults() -> Value {
    let MetricsOptions { prefix, buckets, labels: _, max_values } = MetricsOptions::default();
    let buckets: Vec<f64> = buckets.iter().map(Duration::as_secs_f64).collect();
    json!({ "metrics.prefix": prefix, "metrics.buckets": buckets, "metrics.maxValues": max_values })
}
