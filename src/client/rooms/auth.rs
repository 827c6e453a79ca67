//! Reads the options of `auth`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    super::{
        fields::{FUNCTION, Fields, Limit, wrong},
        settings::ms,
    },
    Functions, Native,
    credential::{renewal, scheme, word},
};
use crate::{
    Error, Result,
    credential::{Provider, Source},
    middleware::auth::{Auth, AuthOptions},
    secret::Secret,
};

pub(super) fn build(options: Value, functions: Functions) -> Result<Native> {
    let auth = Arc::new(auth(options, functions.provider)?);
    let kept = Arc::clone(&auth);
    let invalidate: Arc<dyn Fn() + Send + Sync> = Arc::new(move || kept.invalidate());
    Ok(Native { invalidate: Some(invalidate), ..Native::shared(auth) })
}

/// The middleware `auth`. Where the options say that `provider` is a function, somebody has to bring it.
pub fn auth(options: Value, provider: Option<Arc<dyn Provider>>) -> Result<Auth> {
    let default = AuthOptions::default();
    let mut fields = Fields::open("auth", options)?;
    let value = fields.string("value")?.map(Secret::new);
    let function = fields.take("provider");
    let options = AuthOptions {
        scheme: scheme(&mut fields)?.unwrap_or(default.scheme),
        timeout: fields.limit("timeout")?.map_or(default.timeout, Limit::duration),
        ttl: fields.limit("ttl")?.map_or(default.ttl, Limit::duration),
        renewal: renewal(&mut fields, default.renewal)?,
    };
    fields.finish()?;
    if let Some(other) = function.filter(|given| given.as_str() != Some(FUNCTION)) {
        return Err(wrong("auth.provider", "a function", &other));
    }
    match (value, provider) {
        (Some(value), None) => Auth::new(Source::Value(value), options)
            .map_err(|cause| Error::config(format!("`auth.value`: {}", cause.message()))),
        (None, Some(provider)) => Auth::new(Source::Provider(provider), options),
        (None, None) => {
            Err(Error::config("`auth` needs `auth.value`, a key or a token, or `auth.provider`, a function"))
        }
        (Some(_), Some(_)) => Err(Error::config("`auth.value` and `auth.provider` are both given: give one")),
    }
}

pub(super) fn defaults() -> Value {
    let AuthOptions { scheme, timeout, ttl, renewal } = AuthOptions::default();
    json!({
        "auth.scheme": word(&scheme),
        "auth.timeout": ms(timeout),
        "auth.ttl": ms(ttl),
        "auth.refreshAhead": ms(Some(renewal.refresh_ahead)),
        "auth.waitAhead": ms(Some(renewal.wait_ahead)),
        "auth.jitter": renewal.jitter,
    })
}
