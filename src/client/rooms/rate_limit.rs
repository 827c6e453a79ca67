//! Options of `rateLimit()`.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value, json};

use super::{
    super::{
        fields::{Fields, wrong},
        settings::ms,
    },
    Functions, Native,
    partition::{partition, word},
    queue, store,
};
use crate::{
    Error, Result,
    middleware::rate_limit::{Amounts, LEASE, OnStoreFailure, RateLimit, RateLimitOptions, SharedOptions},
    partition::Partition,
    store::SharedBuckets,
};

const POLICIES: [(&str, OnStoreFailure); 3] =
    [("open", OnStoreFailure::Open), ("closed", OnStoreFailure::Closed), ("local", OnStoreFailure::Local)];

pub(super) fn build(options: Value, functions: Functions) -> Result<Native> {
    let mut fields = Fields::open("rateLimit", options)?;
    let default = RateLimitOptions::default();
    let limits = limits(&mut fields)?;
    let adapt = fields.boolean("adapt")?.unwrap_or(default.adapt);
    if limits.is_empty() && !adapt {
        return Err(Error::config(
            "rateLimit() limits nothing: give it `rateLimit.requests`, `rateLimit.inputTokens` or `rateLimit.outputTokens`",
        ));
    }
    let options = RateLimitOptions {
        limits,
        adapt,
        per: partition(&mut fields, functions.key)?.unwrap_or(Partition::Model),
        queue: queue::queue(&mut fields)?,
        shared: shared(&mut fields)?,
    };
    fields.finish()?;
    let limit = Arc::new(RateLimit::new(options));
    let asked = Arc::clone(&limit);
    let stats = queue::stats(move || {
        let mut told = queue::told(asked.decided());
        told.insert("storeFailures".to_owned(), asked.store_failures().into());
        Value::Object(told)
    });
    Ok(Native { ask: Some(stats), ..Native::shared(limit) })
}

/// Those of the options themselves, and those of the list `limits`.
fn limits(fields: &mut Fields) -> Result<Vec<Amounts>> {
    let mut all: Vec<Amounts> = amounts(fields)?.into_iter().collect();
    let given = match fields.take("limits") {
        None => return Ok(all),
        Some(Value::Array(given)) => given,
        Some(other) => return Err(wrong("rateLimit.limits", "a list of limits", &other)),
    };
    for (place, limit) in given.into_iter().enumerate() {
        let name = format!("rateLimit.limits[{place}]");
        let mut fields = Fields::open(&name, limit)?;
        let Some(amounts) = amounts(&mut fields)? else {
            return Err(Error::config(format!(
                "`{name}` limits nothing: give it `requests`, `inputTokens` or `outputTokens`"
            )));
        };
        fields.finish()?;
        all.push(amounts);
    }
    Ok(all)
}

/// `None` where nothing is limited.
fn amounts(fields: &mut Fields) -> Result<Option<Amounts>> {
    let default = Amounts::default();
    let amounts = Amounts {
        requests: fields.count("requests", 1)?,
        input_tokens: fields.count("inputTokens", 1)?,
        output_tokens: fields.count("outputTokens", 1)?,
        interval: positive(fields, "interval")?.unwrap_or(default.interval),
        burst: fields.number("burst", 0.0..=1.0, "from 0 to 1")?.unwrap_or(default.burst),
    };
    let Amounts { requests, input_tokens, output_tokens, .. } = amounts;
    Ok(requests.or(input_tokens).or(output_tokens).map(|_| amounts))
}

fn shared(fields: &mut Fields) -> Result<Option<SharedOptions>> {
    let store = store::store(fields)?;
    let on_failure = fields.choice("onStoreFailure", &POLICIES)?;
    let lease = positive(fields, "lease")?;
    let Some(store) = store else {
        let without = [("onStoreFailure", on_failure.is_some()), ("lease", lease.is_some())];
        return match without.into_iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(Error::config(format!("`rateLimit.{name}` needs `rateLimit.store`"))),
            None => Ok(None),
        };
    };
    Ok(Some(SharedOptions {
        buckets: Arc::new(SharedBuckets::new(store)),
        on_failure: on_failure.unwrap_or_default(),
        lease: lease.unwrap_or(LEASE),
    }))
}

fn positive(fields: &mut Fields, name: &'static str) -> Result<Option<Duration>> {
    let given = fields.wait(name)?;
    if given.is_some_and(|given| given.is_zero()) {
        return Err(Error::config(format!("`{}` must be more than 0 ms", fields.name(name))));
    }
    Ok(given)
}

pub(super) fn defaults() -> Value {
    let RateLimitOptions { per, adapt, .. } = RateLimitOptions::default();
    let Amounts { interval, burst, .. } = Amounts::default();
    let policy =
        POLICIES.iter().find(|(_, policy)| *policy == OnStoreFailure::default()).map(|(word, _)| *word);
    let mut defaults: Map<String, Value> = queue::defaults("rateLimit").into_iter().collect();
    let own = json!({
        "rateLimit.interval": ms(Some(interval)),
        "rateLimit.burst": burst,
        "rateLimit.per": word(&per),
        "rateLimit.adapt": adapt,
        "rateLimit.onStoreFailure": policy,
        "rateLimit.lease": ms(Some(LEASE)),
    });
    defaults.extend(own.as_object().cloned().unwrap_or_default());
    Value::Object(defaults)
}
