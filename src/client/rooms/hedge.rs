//! Options of `hedge()`.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{
    super::{fields::Fields, settings::ms},
    Functions, Native,
    budget::budget,
    partition::{partition, word},
};
use crate::{
    Error, Result,
    middleware::hedge::{BudgetOptions, Hedge, HedgeOptions},
};

pub(super) fn build(options: Value, functions: Functions) -> Result<Native> {
    let default = HedgeOptions::default();
    let mut fields = Fields::open("hedge", options)?;
    let options = HedgeOptions {
        delay: positive(&mut fields, "delay")?,
        percentile: fields
            .number("percentile", 0.5..=0.999, "from 0.5 to 0.999")?
            .unwrap_or(default.percentile),
        min_delay: fields.wait("minDelay")?.unwrap_or(default.min_delay),
        max_delay: positive(&mut fields, "maxDelay")?,
        min_calls: fields.small("minCalls", 1)?.unwrap_or(default.min_calls),
        budget: budget(&mut fields, default.budget.unwrap_or_default())?.unwrap_or(default.budget),
        methods: methods(&mut fields)?.unwrap_or(default.methods),
        per: partition(&mut fields, functions.key)?.unwrap_or(default.per),
    };
    fields.finish()?;
    if options.max_delay.is_some_and(|longest| longest < options.min_delay) {
        return Err(Error::config("`hedge.maxDelay` must not be less than `hedge.minDelay`"));
    }
    Ok(Native::plain(Hedge::new(options)))
}

fn positive(fields: &mut Fields, name: &'static str) -> Result<Option<Duration>> {
    let given = fields.wait(name)?;
    if given.is_some_and(|given| given.is_zero()) {
        return Err(Error::config(format!("`hedge.{name}` must be more than 0 ms")));
    }
    Ok(given)
}

fn methods(fields: &mut Fields) -> Result<Option<Vec<Method>>> {
    let Some(given) = fields.strings("methods")? else { return Ok(None) };
    let method = |name: String| Method::from_bytes(name.to_ascii_uppercase().as_bytes());
    let methods: Result<Vec<Method>, _> = given.into_iter().map(method).collect();
    methods.map(Some).map_err(|_| Error::config("`hedge.methods` holds a text that is not a method of HTTP"))
}

pub(super) fn defaults() -> Value {
    let HedgeOptions { delay, percentile, min_delay, max_delay, min_calls, budget, methods, per } =
        HedgeOptions::default();
    let BudgetOptions { share, min_per_second } = budget.unwrap_or_default();
    let methods: Vec<&str> = methods.iter().map(Method::as_str).collect();
    let mut defaults = json!({
        "hedge.percentile": percentile,
        "hedge.minDelay": ms(Some(min_delay)),
        "hedge.minCalls": min_calls,
        "hedge.budget.share": share,
        "hedge.budget.minPerSecond": min_per_second,
        "hedge.methods": methods.join(","),
        "hedge.per": word(&per),
    });
    for (name, time) in [("hedge.delay", delay), ("hedge.maxDelay", max_delay)] {
        if time.is_some() {
            defaults[name] = ms(time);
        }
    }
    defaults
}
