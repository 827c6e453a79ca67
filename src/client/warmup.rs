//! Connections ready before the first call: the options of `warmup()`, and who keeps the number up.

use std::{
    future::Future,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use http::{
    HeaderMap, Method,
    header::{ACCEPT, USER_AGENT},
};
use serde_json::{Map, Value, json};

use super::{
    Client, Way, call,
    fields::{Fields, Limit},
    settings::{Settings, ms},
};
use crate::{
    Error, Result,
    transport::{PoolOptions, Transport, Warmth, Warmup},
};

const CONNECTIONS: usize = 1;
const TIMEOUT: Option<Duration> = Some(Duration::from_secs(10));
/// These have no effect and no content.
const METHODS: [(&str, &Method); 3] =
    [("HEAD", &Method::HEAD), ("GET", &Method::GET), ("OPTIONS", &Method::OPTIONS)];

/// What came of a warm-up.
#[derive(Debug)]
pub struct Warmed {
    /// Each connection.
    pub connections: Vec<Warmth>,
    /// How long it took.
    pub took: Duration,
}

impl Client {
    /// Has connections ready. The options are those of `warmup()`, as JSON.
    pub async fn warmup(&self, options: Value) -> Result<Warmed> {
        let started = Instant::now();
        let (warmup, _) = read(&self.settings, options)?;
        // A script has no connections.
        let connections = match self.way {
            Way::Script(_) => Vec::new(),
            Way::Network | Way::Tape(_) => self.transport.warmup(&warmup).await?,
        };
        Ok(Warmed { connections, took: started.elapsed() })
    }

    /// Has them ready again and again, as long as some client uses the pool; nothing where the options do not ask.
    pub fn keep_warm(&self, options: Value) -> Result<Option<impl Future<Output = ()> + Send + 'static>> {
        let (warmup, every) = read(&self.settings, options)?;
        let pool = Arc::downgrade(&self.transport);
        let every = every.filter(|_| !matches!(self.way, Way::Script(_)));
        Ok(every.map(|every| keep(pool, warmup, every)))
    }
}

/// One that fails is followed by another; until then calls open connections themselves, and say what is wrong.
async fn keep(pool: Weak<Transport>, warmup: Warmup, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(pool) = pool.upgrade() else { return };
        let _ = pool.warmup(&warmup).await;
    }
}

/// The defaults by the names of the public options.
pub(super) fn defaults() -> Map<String, Value> {
    let defaults = [
        ("warmup.connections", json!(CONNECTIONS)),
        ("warmup.method", json!(METHODS[0].0)),
        ("warmup.timeout", ms(TIMEOUT)),
        ("warmup.every", ms(None)),
    ];
    defaults.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn read(settings: &Settings, options: Value) -> Result<(Warmup, Option<Duration>)> {
    let mut fields = Fields::open("warmup", options)?;
    let connections = fields.count("connections", 1)?;
    let connections = connections.map_or(CONNECTIONS, |count| usize::try_from(count).unwrap_or(usize::MAX));
    let path = fields.string("path")?.unwrap_or_default();
    let method = fields.choice("method", &METHODS)?.unwrap_or(METHODS[0].1);
    let limit = fields.limit("timeout")?.map_or(TIMEOUT, Limit::duration);
    let every = fields.limit("every")?.and_then(Limit::duration);
    for name in ["prompt", "signal"] {
        fields.left_to_javascript(name, false)?;
    }
    fields.finish()?;
    fits(connections, &settings.transport.pool)?;
    let warmup = Warmup {
        method: method.clone(),
        url: target(settings, &path)?,
        headers: headers(settings),
        connections,
        timeouts: settings.call.options.timeouts,
        limit,
    };
    Ok((warmup, every))
}

/// What the pool would not keep would be opened for nothing.
fn fits(connections: usize, pool: &PoolOptions) -> Result<()> {
    let PoolOptions { max_sockets, max_free_sockets, .. } = *pool;
    let beyond = if !pool.keep_alive {
        "`pool.keepAlive` is false".to_owned()
    } else if connections > max_sockets {
        format!("`pool.maxSockets` is {max_sockets}")
    } else if connections > max_free_sockets {
        format!("`pool.maxFreeSockets` is {max_free_sockets}")
    } else {
        return Ok(());
    };
    Err(Error::config(format!(
        "the pool can't keep {connections} connections (`warmup.connections`): {beyond}"
    )))
}

/// The base's query is for calls: it may hold a key.
fn target(settings: &Settings, path: &str) -> Result<url::Url> {
    let mut bare = settings.clone();
    if let Some(base) = &mut bare.base {
        base.set_query(None);
    }
    call::target(&bare, path).map(|(url, _)| url)
}

/// No header of the client goes along but its name: a connection needs no credential.
fn headers(settings: &Settings) -> HeaderMap {
    let agent = settings.headers.get(USER_AGENT).cloned().unwrap_or(call::AGENT);
    HeaderMap::from_iter([(USER_AGENT, agent), (ACCEPT, call::ANYTHING)])
}
