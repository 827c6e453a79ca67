//! Options of `circuitBreaker()`.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    super::{fields::Fields, settings::ms},
    Functions, Native,
    partition::{partition, word},
    queue,
};
use crate::{
    Error, Result,
    middleware::circuit_breaker::{CircuitBreaker, CircuitBreakerOptions},
};

pub(super) fn build(options: Value, functions: Functions) -> Result<Native> {
    let default = CircuitBreakerOptions::default();
    let mut fields = Fields::open("circuitBreaker", options)?;
    let options = CircuitBreakerOptions {
        failure_share: fields
            .number("failureShare", 0.01..=1.0, "from 0.01 to 1")?
            .unwrap_or(default.failure_share),
        min_calls: fields.small("minCalls", 1)?.unwrap_or(default.min_calls),
        window: positive(&mut fields, "window")?.unwrap_or(default.window),
        open: positive(&mut fields, "open")?.unwrap_or(default.open),
        max_open: positive(&mut fields, "maxOpen")?.unwrap_or(default.max_open),
        trials: fields.small("trials", 1)?.unwrap_or(default.trials),
        per: partition(&mut fields, functions.key)?.unwrap_or(default.per),
    };
    fields.finish()?;
    let breaker = Arc::new(CircuitBreaker::new(options));
    let asked = Arc::clone(&breaker);
    let stats = queue::stats(move || {
        let states = asked.states();
        states.into_iter().map(|(state, count)| (state.to_owned(), Value::from(count))).collect()
    });
    Ok(Native { ask: Some(stats), ..Native::shared(breaker) })
}

fn positive(fields: &mut Fields, name: &'static str) -> Result<Option<Duration>> {
    let given = fields.wait(name)?;
    if given.is_some_and(|given| given.is_zero()) {
        return Err(Error::config(format!("`circuitBreaker.{name}` must be more than 0 ms")));
    }
    Ok(given)
}

pub(super) fn defaults() -> Value {
    let CircuitBreakerOptions { failure_share, min_calls, window, open, max_open, trials, per } =
        CircuitBreakerOptions::default();
    json!({
        "circuitBreaker.failureShare": failure_share,
        "circuitBreaker.minCalls": min_calls,
        "circuitBreaker.window": ms(Some(window)),
        "circuitBreaker.open": ms(Some(open)),
        "circuitBreaker.maxOpen": ms(Some(max_open)),
        "circuitBreaker.trials": trials,
        "circuitBreaker.per": word(&per),
    })
}
