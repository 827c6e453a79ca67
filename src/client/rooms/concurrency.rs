//! Options of `concurrency()`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    super::fields::{Fields, Limit, wrong},
    Functions, Native,
    partition::{partition, word},
    queue,
};
use crate::{
    Error, Result,
    middleware::concurrency::{Adaptive, Ceiling, Concurrency, ConcurrencyOptions},
    partition::Partition,
};

pub(super) fn build(options: Value, functions: Functions) -> Result<Native> {
    // A mere number is `limit`.
    let options = match options {
        number @ Value::Number(_) => json!({ "limit": number }),
        options @ (Value::Object(_) | Value::Null) => options,
        other => return Err(wrong("concurrency", "a whole number of calls, or an object", &other)),
    };
    let mut fields = Fields::open("concurrency", options)?;
    let limit = ceiling(&mut fields)?;
    let per = partition(&mut fields, functions.key)?.unwrap_or(Partition::Origin);
    let queue = queue::queue(&mut fields)?;
    fields.finish()?;
    let concurrency = Arc::new(Concurrency::new(ConcurrencyOptions { limit, per, queue }));
    let asked = Arc::clone(&concurrency);
    let stats = queue::stats(move || {
        let mut told = queue::told(asked.decided());
        let (limit, under_way) = asked.read();
        told.extend([("limit".to_owned(), limit.into()), ("underWay".to_owned(), under_way.into())]);
        Value::Object(told)
    });
    Ok(Native { ask: Some(stats), ..Native::shared(concurrency) })
}

/// Fixed where a number says so, else adaptive.
fn ceiling(fields: &mut Fields) -> Result<Ceiling> {
    let default = Adaptive::default();
    let fixed = fields.count("limit", 1)?;
    let (min, max) = (fields.count("min", 1)?, fields.count("max", 1)?);
    let given = fields.take("adaptive");
    let adaptive = match (&given, fixed) {
        (Some(Value::Bool(false)), None) => {
            return Err(Error::config("`concurrency.limit` is missing, and `concurrency.adaptive` is false"));
        }
        (Some(Value::Bool(false)) | None, Some(limit)) => {
            if min.is_some() || max.is_some() {
                return Err(Error::config(
                    "`concurrency.min` and `concurrency.max` are of a limit that adapts: leave `concurrency.limit` out",
                ));
            }
            return Ok(Ceiling::Fixed(limit));
        }
        (Some(_), Some(_)) => {
            return Err(Error::config("`concurrency.limit` and `concurrency.adaptive` exclude each other"));
        }
        (Some(Value::Bool(true)) | None, None) => Adaptive { initial: default.initial, ..default },
        (Some(object @ Value::Object(_)), None) => {
            read(Fields::open("concurrency.adaptive", object.clone())?)?
        }
        (Some(other), None) => {
            return Err(wrong("concurrency.adaptive", "true, false or { initial, backoff, slow }", other));
        }
    };
    let adaptive = Adaptive { min: min.unwrap_or(default.min), max: max.unwrap_or(default.max), ..adaptive };
    if adaptive.min > adaptive.max {
        return Err(Error::config("`concurrency.min` must not be more than `concurrency.max`"));
    }
    Ok(Ceiling::Adaptive(adaptive))
}

fn read(mut fields: Fields) -> Result<Adaptive> {
    let default = Adaptive::default();
    let adaptive = Adaptive {
        initial: fields.count("initial", 1)?.unwrap_or(default.initial),
        backoff: fields.number("backoff", 0.1..=0.95, "from 0.1 to 0.95")?.unwrap_or(default.backoff),
        slow: fields.limit("slow")?.map_or(default.slow, Limit::duration),
        ..default
    };
    fields.finish()?;
    Ok(adaptive)
}

pub(super) fn defaults() -> Value {
    let ConcurrencyOptions { per, .. } = ConcurrencyOptions::default();
    let Adaptive { min, max, initial, backoff, slow } = Adaptive::default();
    let mut defaults: Map<String, Value> = queue::defaults("concurrency").into_iter().collect();
    let own = json!({
        "concurrency.min": min,
        "concurrency.max": max,
        "concurrency.adaptive.initial": initial,
        "concurrency.adaptive.backoff": backoff,
        "concurrency.adaptive.slow": super::super::settings::ms(slow),
        "concurrency.per": word(&per),
    });
    defaults.extend(own.as_object().cloned().unwrap_or_default());
    Value::Object(defaults)
}
