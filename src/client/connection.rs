//! Options of the connection: sockets, proxy, TLS. Two clients that agree on them share a pool.

use std::{path::PathBuf, sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    fields::{Fields, wrong},
    settings::CallSettings,
};
use crate::{
    Error, Result,
    transport::{PoolOptions, ProxyOptions, TlsOptions, TlsVersion},
};

/// No limit, as far as a clock can count.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Sockets per origin; the time a call may wait for one belongs to the call.
pub(super) fn pool(fields: &mut Fields, call: &mut CallSettings) -> Result<PoolOptions> {
    let default = PoolOptions::default();
    let mut pool = Fields::open("pool", fields.take("pool").unwrap_or_default())?;
    let size = |count: Option<u64>, default: usize| {
        count.map_or(default, |count| usize::try_from(count).unwrap_or(usize::MAX))
    };
    let options = PoolOptions {
        keep_alive: pool.boolean("keepAlive")?.unwrap_or(default.keep_alive),
        max_sockets: size(pool.count("maxSockets", 1)?, default.max_sockets),
        max_streams: size(pool.count("maxStreams", 1)?, default.max_streams),
        max_free_sockets: size(pool.count("maxFreeSockets", 0)?, default.max_free_sockets),
        idle_timeout: pool
            .limit("idleTimeout")?
            .map_or(default.idle_timeout, |limit| limit.duration().unwrap_or(FOR_EVER)),
        queue_limit: size(pool.count("queueLimit", 0)?, default.queue_limit),
    };
    if let Some(limit) = pool.limit("queueTimeout")? {
        Arc::make_mut(&mut call.options).timeouts.queue = limit.duration();
    }
    pool.finish()?;
    Ok(options)
}

/// Through whom.
pub(super) fn proxy(fields: &mut Fields) -> Result<ProxyOptions> {
    match fields.take("proxy") {
        None | Some(Value::Bool(true)) => Ok(ProxyOptions::Env),
        Some(Value::Bool(false)) => Ok(ProxyOptions::Off),
        Some(Value::String(url)) => Ok(ProxyOptions::Url { url, no_proxy: Vec::new() }),
        Some(object @ Value::Object(_)) => {
            let mut proxy = Fields::open("proxy", object)?;
            let url = proxy.string("url")?.ok_or_else(|| Error::config("`proxy.url` is missing"))?;
            let no_proxy = proxy.strings("noProxy")?.unwrap_or_default();
            proxy.finish()?;
            Ok(ProxyOptions::Url { url, no_proxy })
        }
        Some(other) => Err(wrong("proxy", "an URL, { url, noProxy }, true (environment) or false", &other)),
    }
}

/// Whom to trust and what to show.
pub(super) fn tls(fields: &mut Fields) -> Result<TlsOptions> {
    let mut tls = Fields::open("tls", fields.take("tls").unwrap_or_default())?;
    let options = TlsOptions {
        ca: tls.strings("ca")?.unwrap_or_default().into_iter().map(String::into_bytes).collect(),
        cert: tls.string("cert")?.map(String::into_bytes),
        key: tls.string("key")?.map(String::into_bytes),
        min_version: tls
            .choice("minVersion", &[("TLSv1.2", TlsVersion::Tls12), ("TLSv1.3", TlsVersion::Tls13)])?,
        extra_ca_file: std::env::var_os("NODE_EXTRA_CA_CERTS")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from),
    };
    tls.finish()?;
    Ok(options)
}
