//! Options of `retry()`, and of a call's own `retry`.

use serde_json::{Value, json};

use super::{
    super::{
        fields::{Fields, Limit, wrong},
        settings::ms,
    },
    Functions, Native,
    budget::budget,
};
use crate::{
    Error, Result,
    middleware::retry::{BudgetOptions, Change, Jitter, Retry, RetryOptions, RetryOverride},
};

const JITTERS: [(&str, Jitter); 5] = [
    ("full", Jitter::Full),
    ("equal", Jitter::Equal),
    ("decorrelated", Jitter::Decorrelated),
    ("none", Jitter::None),
    ("fixed", Jitter::Fixed),
];

/// A middleware for all calls.
pub(super) fn build(options: Value, functions: Functions) -> Result<Native> {
    let mut fields = open(options)?;
    let mut changes = changes(&mut fields)?;
    changes.extend(budget(&mut fields, BudgetOptions::default())?.map(Change::Budget));
    fields.left_to_javascript("shouldRetry", true)?;
    fields.left_to_javascript("onRetry", true)?;
    fields.finish()?;
    let options = RetryOverride::new(changes).over(&RetryOptions::default());
    let Functions { should_retry, on_retry, .. } = functions;
    Ok(Native::plain(Retry::new(RetryOptions { should_retry, on_retry, ..options })))
}

/// What a single call says: options over those of the middleware, or `false`.
pub(in crate::client) fn for_call(retry: Value) -> Result<RetryOverride> {
    match retry {
        Value::Bool(false) => Ok(RetryOverride::off()),
        Value::Bool(true) => Ok(RetryOverride::new(Vec::new())),
        options => {
            let mut fields = open(options)?;
            let changes = changes(&mut fields)?;
            for name in ["shouldRetry", "onRetry", "budget"] {
                if fields.take(name).is_some() {
                    return Err(Error::config(format!(
                        "`retry.{name}` is of the middleware, for all its calls: a call can't set it"
                    )));
                }
            }
            fields.finish()?;
            Ok(RetryOverride::new(changes))
        }
    }
}

/// A mere number is `maxRetries`.
fn open(options: Value) -> Result<Fields> {
    match options {
        count @ Value::Number(_) => Fields::open("retry", json!({ "maxRetries": count })),
        options @ (Value::Object(_) | Value::Null) => Fields::open("retry", options),
        other => Err(wrong("retry", "an object or a number of retries", &other)),
    }
}

fn changes(fields: &mut Fields) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    changes.extend(fields.small("maxRetries", 0)?.map(Change::MaxRetries));
    changes.extend(fields.wait("base")?.map(Change::Base));
    changes.extend(fields.number("factor", 1.0..=f64::MAX, "of at least 1")?.map(Change::Factor));
    changes.extend(fields.limit("cap")?.map(Limit::duration).map(Change::Cap));
    changes.extend(fields.choice("jitter", &JITTERS)?.map(Change::Jitter));
    changes.extend(fields.limit("deadline")?.map(Limit::duration).map(Change::Deadline));
    changes.extend(fields.limit("maxRetryAfter")?.map(Limit::duration).map(Change::MaxRetryAfter));
    Ok(changes)
}

pub(super) fn defaults() -> Value {
    let options = RetryOptions::default();
    let budget = options.budget.unwrap_or_default();
    let jitter = JITTERS.iter().find(|(_, jitter)| *jitter == options.jitter).map(|(name, _)| *name);
    json!({
        "retry.maxRetries": options.max_retries,
        "retry.base": ms(Some(options.base)),
        "retry.factor": options.factor,
        "retry.cap": ms(options.cap),
        "retry.jitter": jitter,
        "retry.deadline": ms(options.deadline),
        "retry.maxRetryAfter": ms(options.max_retry_after),
        "retry.budget.share": budget.share,
        "retry.budget.minPerSecond": budget.min_per_second,
    })
}
