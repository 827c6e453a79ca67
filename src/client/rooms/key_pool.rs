//! Options of `keyPool()`. Only here rooms meet: what stands around the calls of a key is made of other middlewares.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    super::{
        fields::{Fields, wrong},
        settings::ms,
    },
    Functions, Native, Questions, ROOMS,
    credential::{scheme, word},
};
use crate::{
    Error, Result,
    middleware::key_pool::{Key, KeyPool, KeyPoolOptions},
    pipeline::{BoxFuture, Middleware},
    secret::Secret,
};

/// What a key may have of its own, the outermost first: what its circuit refuses uses up no limit.
const LAYERS: [&str; 3] = ["circuitBreaker", "rateLimit", "concurrency"];

/// What is asked of it by `stats()`.
const STATS: &str = "stats";

pub(super) fn build(options: Value, _: Functions) -> Result<Native> {
    let default = KeyPoolOptions::default();
    let mut fields = Fields::open("keyPool", options)?;
    let keys = match fields.take("keys") {
        Some(Value::Array(given)) => given,
        None => Vec::new(),
        Some(other) => return Err(wrong("keyPool.keys", "a list of keys", &other)),
    };
    let options = KeyPoolOptions {
        keys: keys.into_iter().enumerate().map(|(at, given)| key(at, given)).collect::<Result<_>>()?,
        scheme: scheme(&mut fields)?.unwrap_or(default.scheme),
        rest: fields.wait("rest")?.unwrap_or(default.rest),
    };
    fields.finish()?;
    if options.keys.is_empty() {
        return Err(Error::config("`keyPool` needs `keyPool.keys`, a list of keys"));
    }
    super::distinct("keyPool.keys", options.keys.iter().map(|key| &*key.name))?;
    let pool = Arc::new(KeyPool::new(options)?);
    Ok(Native { ask: Some(Arc::new(Stats(Arc::clone(&pool)))), ..Native::shared(pool) })
}

fn key(at: usize, given: Value) -> Result<Key> {
    let path = format!("keyPool.keys[{at}]");
    // A mere text is `apiKey`.
    let given = if given.is_string() { json!({ "apiKey": given }) } else { given };
    let mut fields = Fields::open(&path, given)?;
    let name = super::name(&mut fields, "name")?.unwrap_or_else(|| format!("key {}", at + 1).into());
    let option = fields.name("apiKey");
    let secret = fields.string("apiKey")?.map(Secret::new);
    let secret = secret.ok_or_else(|| Error::config(format!("`{option}` is missing: a key, as a string")))?;
    secret.header("").map_err(|cause| Error::config(format!("`{option}`: {}", cause.message())))?;
    let weight = fields.number("weight", 1e-3..=1e9, "from 0.001 to 1000000000")?.unwrap_or(1.0);
    let mut layers = Vec::new();
    for name in LAYERS.into_iter().filter(|name| ROOMS.iter().any(|(known, _)| known == name)) {
        layers.extend(layer(&mut fields, name)?);
    }
    fields.finish()?;
    Ok(Key { name, secret, weight, layers })
}

/// A middleware that is this key's alone; `true` is one with all defaults.
fn layer(fields: &mut Fields, name: &'static str) -> Result<Option<Arc<dyn Middleware>>> {
    let options = match fields.take(name) {
        None | Some(Value::Bool(false)) => return Ok(None),
        Some(Value::Bool(true)) => Value::Null,
        Some(options) => options,
    };
    let made = super::middleware(name, options);
    made.map(Some).map_err(|cause| Error::config(format!("{} (`{}`)", cause.message(), fields.name(name))))
}

struct Stats(Arc<KeyPool>);

impl Questions for Stats {
    fn ask(&self, question: String, _about: Value) -> BoxFuture<'static, Result<Value>> {
        let answer = if question == STATS {
            let keys = self.0.figures();
            let told = keys.iter().map(|key| {
                json!({
                    "name": &*key.name,
                    "inFlight": key.in_flight,
                    "calls": key.calls,
                    "restsMs": ms(Some(key.rests)),
                })
            });
            Ok(told.collect())
        } else {
            Err(Error::config("`keyPool()` answers `stats` only"))
        };
        Box::pin(std::future::ready(answer))
    }
}

pub(super) fn defaults() -> Value {
    let KeyPoolOptions { scheme, rest, .. } = KeyPoolOptions::default();
    json!({
        "keyPool.scheme": word(&scheme),
        "keyPool.rest": ms(Some(rest)),
        "keyPool.keys.weight": 1,
    })
}
