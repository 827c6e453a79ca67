//! The native middlewares by their public names: each room's options read out of JSON, a file per room.

mod auth;
mod budget;
pub(super) mod cache;
mod circuit_breaker;
mod concurrency;
mod credential;
mod fallback;
mod hedge;
mod idempotency_key;
mod journal;
mod jwt;
mod key_pool;
mod logger;
mod metrics;
mod partition;
mod prices;
mod queue;
mod quota;
mod rate_limit;
mod redact;
#[cfg(feature = "redis")]
mod redis;
pub(super) mod retry;
pub(super) mod session;
pub(super) mod store;
mod timeout;

use std::{collections::HashSet, sync::Arc};

use serde_json::{Map, Value};

pub(super) use self::queue::priority;
pub use self::{auth::auth, jwt::jwt};
use super::{
    fields::{Fields, nearest},
    secrets::without_keys,
};
use crate::{
    Error, Result,
    credential::Provider,
    middleware::{
        logger::Sink,
        retry::{Judge, OnRetry},
    },
    partition::KeyOf,
    pipeline::{BoxFuture, Middleware},
    redact::Rules,
    store::Entries,
};

/// A native middleware, and what can be asked of it besides.
pub struct Native {
    /// The middleware.
    pub middleware: Arc<dyn Middleware>,
    /// Throws away the credential that it keeps.
    pub invalidate: Option<Arc<dyn Fn() + Send + Sync>>,
    /// What it says is never shown.
    pub rules: Option<Rules>,
    /// Answers what is asked of it besides calls, by the name of the question.
    pub ask: Option<Arc<dyn Questions>>,
}

/// What can be asked of a middleware besides calls: what it counts, what it keeps.
pub trait Questions: Send + Sync {
    /// Answers a question that has a name and, in JSON, whatever belongs to it.
    fn ask(&self, question: String, about: Value) -> BoxFuture<'static, Result<Value>>;

    /// Whether the options that come with each question can be used: for whoever asks many.
    fn check(&self, _options: Value) -> Result<()> {
        Ok(())
    }
}

impl Native {
    fn plain(middleware: impl Middleware + 'static) -> Self {
        Self::shared(Arc::new(middleware))
    }

    fn shared(middleware: Arc<dyn Middleware>) -> Self {
        Self { middleware, invalidate: None, rules: None, ask: None }
    }
}

/// What stands for the functions that options name: JSON only says that they are there.
#[derive(Default)]
pub struct Functions {
    /// `auth.provider`.
    pub provider: Option<Arc<dyn Provider>>,
    /// `retry.shouldRetry`.
    pub should_retry: Option<Arc<dyn Judge>>,
    /// `retry.onRetry`.
    pub on_retry: Option<OnRetry>,
    /// `logger.sink`.
    pub sink: Option<Arc<dyn Sink>>,
    /// `cache.store`, where that is an object of the caller's.
    pub entries: Option<Arc<dyn Entries>>,
    /// `key` of whatever keeps calls apart.
    pub key: Option<Arc<dyn KeyOf>>,
}

/// A middleware with these options.
type Build = fn(Value, Functions) -> Result<Native>;

const ROOMS: &[(&str, Build)] = &[
    ("auth", auth::build),
    ("cache", cache::build),
    ("circuitBreaker", circuit_breaker::build),
    ("fallback", fallback::build),
    ("hedge", hedge::build),
    ("concurrency", concurrency::build),
    ("idempotencyKey", idempotency_key::build),
    ("journal", journal::build),
    ("jwt", jwt::build),
    ("keyPool", key_pool::build),
    ("logger", logger::build),
    ("metrics", metrics::build),
    ("quota", quota::build),
    ("rateLimit", rate_limit::build),
    ("redact", redact::build),
    ("retry", retry::build),
    ("session", session::build),
    ("timeout", timeout::build),
];

/// The native middleware of this name. Its options are those of the function of the same name in JavaScript, as
/// JSON; `null` leaves every default.
pub fn native(name: &str, options: Value, functions: Functions) -> Result<Native> {
    match ROOMS.iter().find(|(known, _)| *known == name) {
        Some((_, build)) => build(options, functions),
        None => Err(unknown(name)),
    }
}

/// The same where the options name no function.
pub fn middleware(name: &str, options: Value) -> Result<Arc<dyn Middleware>> {
    native(name, options, Functions::default()).map(|native| native.middleware)
}

/// What a target or a key is called: it stands in results, errors and labels.
fn name(fields: &mut Fields, option: &'static str) -> Result<Option<Arc<str>>> {
    let Some(name) = fields.string(option)? else { return Ok(None) };
    let shown = without_keys(&name);
    if name.is_empty() || name.len() > 64 || name.chars().any(char::is_control) || shown != name {
        let option = fields.name(option);
        return Err(Error::config(format!(
            "`{option}` must be a name of at most 64 characters that can be shown: no key, no line break"
        )));
    }
    Ok(Some(name.into()))
}

/// Two of one name could not be told apart.
fn distinct<'a>(option: &str, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Error::config(format!("two of `{option}` are called '{name}'")));
        }
    }
    Ok(())
}

fn unknown(name: &str) -> Error {
    let known: Vec<&str> = ROOMS.iter().map(|(name, _)| *name).collect();
    let hint = match nearest(name, &known) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("known names are `{}`", known.join("`, `")),
    };
    Error::config(format!("unknown middleware `{}`: {hint}", without_keys(name)))
}

/// The defaults of all rooms, each after the name of its room.
pub(super) fn defaults() -> Map<String, Value> {
    let rooms = [
        auth::defaults(),
        cache::defaults(),
        circuit_breaker::defaults(),
        fallback::defaults(),
        hedge::defaults(),
        concurrency::defaults(),
        idempotency_key::defaults(),
        jwt::defaults(),
        key_pool::defaults(),
        logger::defaults(),
        metrics::defaults(),
        rate_limit::defaults(),
        retry::defaults(),
        session::defaults(),
        store::defaults(),
        timeout::defaults(),
    ];
    rooms
        .into_iter()
        .filter_map(|room| match room {
            Value::Object(defaults) => Some(defaults),
            _ => None,
        })
        .flatten()
        .collect()
}
