//! How Redis is reached, out of the option `store`.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::super::{
    fields::{Fields, wrong},
    settings::ms,
};
use crate::{
    Error, Result,
    store::{Redis, RedisOptions, RedisTls, SentinelOptions, Shared},
};

pub(super) fn shared(given: Value) -> Result<Arc<dyn Shared>> {
    let default = RedisOptions::default();
    let options = match given {
        Value::String(url) => RedisOptions { urls: vec![url], ..default },
        object @ Value::Object(_) => read(Fields::open("store", object)?)?,
        other => {
            return Err(wrong(
                "store",
                "an URL or { url, sentinel, cluster, prefix, timeout, connectTimeout, tls }",
                &other,
            ));
        }
    };
    Ok(Redis::shared(options)?)
}

fn read(mut fields: Fields) -> Result<RedisOptions> {
    let default = RedisOptions::default();
    let options = RedisOptions {
        urls: fields.strings("url")?.unwrap_or_default(),
        sentinel: sentinel(&mut fields)?,
        cluster: fields.boolean("cluster")?.unwrap_or(default.cluster),
        prefix: fields.string("prefix")?.unwrap_or(default.prefix),
        timeout: positive(&mut fields, "timeout")?.unwrap_or(default.timeout),
        connect_timeout: positive(&mut fields, "connectTimeout")?.unwrap_or(default.connect_timeout),
        tls: tls(&mut fields)?,
    };
    fields.finish()?;
    Ok(options)
}

fn sentinel(fields: &mut Fields) -> Result<Option<SentinelOptions>> {
    match fields.take("sentinel") {
        None => Ok(None),
        Some(Value::String(name)) => Ok(Some(SentinelOptions { name, username: None, password: None })),
        Some(object @ Value::Object(_)) => {
            let mut fields = Fields::open("store.sentinel", object)?;
            let name = fields.string("name")?;
            let name = name.ok_or_else(|| Error::config("`store.sentinel.name` is missing"))?;
            let (username, password) = (fields.string("username")?, fields.string("password")?);
            fields.finish()?;
            Ok(Some(SentinelOptions { name, username, password }))
        }
        Some(other) => {
            Err(wrong("store.sentinel", "the name of a master or { name, username, password }", &other))
        }
    }
}

fn tls(fields: &mut Fields) -> Result<RedisTls> {
    let Some(given) = fields.take("tls") else { return Ok(RedisTls::default()) };
    let mut tls = Fields::open("store.tls", given)?;
    let options = RedisTls {
        ca: tls.strings("ca")?.map(|ca| ca.join("\n").into_bytes()),
        cert: tls.string("cert")?.map(String::into_bytes),
        key: tls.string("key")?.map(String::into_bytes),
    };
    tls.finish()?;
    Ok(options)
}

fn positive(fields: &mut Fields, name: &'static str) -> Result<Option<Duration>> {
    let given = fields.wait(name)?;
    if given.is_some_and(|given| given.is_zero()) {
        return Err(Error::config(format!("`store.{name}` must be more than 0 ms")));
    }
    Ok(given)
}

/// The defaults of a store.
pub(super) fn defaults() -> Value {
    let RedisOptions { cluster, prefix, timeout, connect_timeout, .. } = RedisOptions::default();
    json!({
        "store.cluster": cluster,
        "store.prefix": prefix,
        "store.timeout": ms(Some(timeout)),
        "store.connectTimeout": ms(Some(connect_timeout)),
    })
}
