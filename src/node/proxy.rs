//! The proxy as JavaScript holds it: options cross as JSON, what they lack is thrown.

use std::time::Duration;

use napi::{
    Env, Task,
    bindgen_prelude::{AsyncTask, Error, Result},
};
use napi_derive::napi;
use serde_json::Value;

use super::runtime;
use crate::{
    client::fields::{Fields, wrong},
    pipeline::BoxFuture,
    server::proxy::{self, Proxy, Sources},
};

/// A running proxy; `js/proxy.ts` makes it pleasant.
#[napi]
pub struct NativeProxy(Proxy);

#[napi]
impl NativeProxy {
    /// Starts listening; throws where an option is wrong or a place is taken.
    #[napi(constructor, catch_unwind)]
    pub fn new(sources: String) -> Result<Self> {
        let proxy = Proxy::start(&runtime::handle()?, &read(&sources)?).map_err(told)?;
        Ok(Self(proxy))
    }

    /// The defaults by option name, as JSON.
    #[napi(catch_unwind)]
    pub fn defaults() -> String {
        proxy::defaults().to_string()
    }

    /// Where it is reached, a URL for each place.
    #[napi(catch_unwind)]
    pub fn urls(&self) -> Vec<String> {
        self.0.urls().to_vec()
    }

    /// Goes on with other options.
    #[napi(catch_unwind)]
    pub fn reload(&self, sources: String) -> Result<()> {
        self.0.reload(&read(&sources)?).map_err(told)
    }

    /// Stops when what is under way has ended, or after so many milliseconds. Tells how many connections were cut off.
    #[napi(catch_unwind)]
    pub fn stop(&self, limit_ms: Option<f64>) -> AsyncTask<Stop> {
        let limit = limit_ms.and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok());
        // Here, and not on the thread that waits: whoever comes after this call is not let in.
        AsyncTask::new(Stop(Box::pin(self.0.stop(limit))))
    }
}

/// Waits on a thread of Node's own, where nothing else has to be done.
pub struct Stop(BoxFuture<'static, usize>);

impl Task for Stop {
    type Output = usize;
    type JsValue = u32;

    fn compute(&mut self) -> Result<usize> {
        Ok(runtime::handle()?.block_on(&mut self.0))
    }

    fn resolve(&mut self, _: Env, left: usize) -> Result<u32> {
        Ok(u32::try_from(left).unwrap_or(u32::MAX))
    }
}

/// What the facade was given; it is a user who reads what is wrong with it.
fn read(sources: &str) -> Result<Sources> {
    let given: Value =
        serde_json::from_str(sources).map_err(|_| Error::from_reason("options that are no JSON"))?;
    sources_of(given).map_err(told)
}

fn sources_of(given: Value) -> crate::Result<Sources> {
    let mut fields = Fields::open("sources", given)?;
    let sources = Sources {
        file: fields.string("file")?.map(Into::into),
        environment: texts(&mut fields, "environment")?,
        flags: texts(&mut fields, "flags")?,
        given: fields.internal_value("given").unwrap_or_default(),
        service: fields.boolean("service")?.unwrap_or(false),
        threads: match fields.count("threads", 0)? {
            Some(threads @ 65..) => return Err(wrong("sources.threads", "at most 64", &threads.into())),
            threads => threads.and_then(|threads| usize::try_from(threads).ok()).unwrap_or(0),
        },
    };
    fields.finish()?;
    Ok(sources)
}

/// Texts by their names.
fn texts(fields: &mut Fields, name: &'static str) -> crate::Result<Vec<(String, String)>> {
    let given = match fields.take(name) {
        None => return Ok(Vec::new()),
        Some(Value::Object(given)) => given,
        Some(other) => return Err(wrong(&fields.name(name), "texts by their names", &other)),
    };
    let text = |(key, value): (String, Value)| match value {
        Value::String(text) => Ok((key, text)),
        other => Err(wrong(&format!("{}['{key}']", fields.name(name)), "a text", &other)),
    };
    given.into_iter().filter(|(_, value)| !value.is_null()).map(text).collect()
}

fn told(error: crate::Error) -> Error {
    Error::from_reason(error.message())
}
