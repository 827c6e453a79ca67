//! Options of `cache()`, of a call's own `cache`, and what can be asked of it besides.

use std::{sync::Arc, time::Duration};

use http::{HeaderName, Method};
use serde_json::{Value, json};

use super::{
    super::{
        fields::{Fields, wrong},
        settings::ms,
    },
    Functions, Native, Questions,
};
use crate::{
    Error, Result,
    middleware::cache::{Cache, CacheOptions, CacheOverride, Mode, Own, Replay, Store},
    pipeline::BoxFuture,
    store::{Entries, Leases},
};

const REPLAYS: [(&str, Replay); 2] = [("instant", Replay::Instant), ("paced", Replay::Paced)];
const MODES: [(&str, Mode); 3] =
    [("read-only", Mode::ReadOnly), ("write-only", Mode::WriteOnly), ("refresh", Mode::Refresh)];

/// A middleware for all calls.
pub(super) fn build(options: Value, functions: Functions) -> Result<Native> {
    let default = CacheOptions::default();
    let mut fields = Fields::open("cache", options)?;
    fields.left_to_javascript("key", true)?;
    let options = CacheOptions {
        ttl: positive(&mut fields, "ttl")?.unwrap_or(default.ttl),
        stale_while_revalidate: fields
            .wait("staleWhileRevalidate")?
            .unwrap_or(default.stale_while_revalidate),
        stale_if_error: fields.wait("staleIfError")?.unwrap_or(default.stale_if_error),
        max_bytes: fields.count("maxBytes", 0)?.unwrap_or(default.max_bytes),
        max_entries: fields.count("maxEntries", 1)?.unwrap_or(default.max_entries),
        max_entry_bytes: fields
            .count("maxEntryBytes", 1)?
            .map_or(default.max_entry_bytes, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
        methods: names(&mut fields, "methods", |name| name.to_ascii_uppercase().parse::<Method>().ok())?
            .unwrap_or(default.methods),
        vary: names(&mut fields, "vary", |name| name.parse::<HeaderName>().ok())?.unwrap_or(default.vary),
        ignore: fields.strings("ignore")?.unwrap_or(default.ignore),
        tenant: tenant(&mut fields)?,
        replay: fields.choice("replay", &REPLAYS)?.unwrap_or(default.replay),
        key: functions.key,
        store: store(&mut fields, functions.entries)?,
    };
    fields.finish()?;
    let cache = Arc::new(Cache::new(options));
    let mut native = Native::shared(Arc::clone(&cache) as _);
    native.ask = Some(Arc::new(Asked(cache)));
    Ok(native)
}

fn store(fields: &mut Fields, entries: Option<Arc<dyn Entries>>) -> Result<Option<Store>> {
    let prefix = fields.string("prefix")?;
    if prefix.as_deref() == Some("") {
        // `clear()` would forget whatever else is in the store.
        return Err(Error::config("`cache.prefix` must be a name, got an empty string"));
    }
    let store = match entries {
        // An object of the caller's has no leases.
        Some(entries) => {
            fields.left_to_javascript("store", true)?;
            Some(Store::new(entries, None))
        }
        None => super::store::store(fields)?.map(|shared| {
            let leases: Arc<dyn Leases> = Arc::clone(&shared) as _;
            Store::new(shared, Some(leases))
        }),
    };
    Ok(store.map(|store| Store { prefix: prefix.unwrap_or(Store::PREFIX.to_owned()), ..store }))
}

/// What a single call says: options over those of the middleware, or `false`.
pub(in crate::client) fn for_call(cache: Value) -> Result<CacheOverride> {
    let options = match cache {
        Value::Bool(false) => return Ok(CacheOverride::Off),
        Value::Bool(true) => Value::Null,
        options @ Value::Object(_) => options,
        other => return Err(wrong("cache", "{ ttl, key, mode } or false", &other)),
    };
    let mut fields = Fields::open("cache", options)?;
    let forgets = fields.internal("$forget") == Some(true);
    let own = Own {
        ttl: positive(&mut fields, "ttl")?,
        key: fields.string("key")?,
        mode: fields.choice("mode", &MODES)?.unwrap_or_default(),
    };
    fields.finish()?;
    Ok(if forgets { CacheOverride::Forget(own) } else { CacheOverride::Own(own) })
}

/// Names that are each one of its kind.
fn names<T>(
    fields: &mut Fields,
    name: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<Vec<T>>> {
    let Some(given) = fields.strings(name)? else { return Ok(None) };
    let read = given.iter().map(|text| {
        read(text).ok_or_else(|| Error::config(format!("`{}` has a name that is none", fields.name(name))))
    });
    read.collect::<Result<_>>().map(Some)
}

fn positive(fields: &mut Fields, name: &'static str) -> Result<Option<Duration>> {
    let given = fields.wait(name)?;
    if given.is_some_and(|given| given.is_zero()) {
        return Err(Error::config(format!("`cache.{name}` must be more than 0 ms")));
    }
    Ok(given)
}

/// An empty one is a name that somebody forgot to fill in, and all would share their answers.
fn tenant(fields: &mut Fields) -> Result<Option<String>> {
    let given = fields.string("tenant")?;
    if given.as_deref() == Some("") {
        return Err(Error::config("`cache.tenant` must be a name, got an empty string"));
    }
    Ok(given)
}

struct Asked(Arc<Cache>);

impl Questions for Asked {
    fn ask(&self, question: String, _about: Value) -> BoxFuture<'static, Result<Value>> {
        let cache = Arc::clone(&self.0);
        Box::pin(async move {
            match question.as_str() {
                "stats" => Ok(json!(cache.stats())),
                "clear" => cache.clear().await.map(|()| Value::Null),
                _ => Err(Error::config("a cache is asked for `stats` or `clear`")),
            }
        })
    }
}

pub(super) fn defaults() -> Value {
    let default = CacheOptions::default();
    let replay = REPLAYS.iter().find(|(_, known)| *known == default.replay).map(|(word, _)| *word);
    json!({
        "cache.ttl": ms(Some(default.ttl)),
        "cache.staleWhileRevalidate": ms(Some(default.stale_while_revalidate)),
        "cache.staleIfError": ms(Some(default.stale_if_error)),
        "cache.maxBytes": default.max_bytes,
        "cache.maxEntries": default.max_entries,
        "cache.maxEntryBytes": default.max_entry_bytes,
        "cache.replay": replay,
        "cache.prefix": Store::PREFIX,
    })
}
