//! JavaScript's functions in the forms that native middlewares ask for.

use std::{collections::HashMap, sync::Arc, time::Duration};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use serde_json::{Value, json, value::RawValue};

use super::{
    callback::{Answer, Callback},
    engine::Engine,
    ledger::Ledger,
    text::describe_error,
};
use crate::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    client::{Ask, Entries, Functions, Judge, KeyOf, Provider, Token},
    pipeline::BoxFuture,
    request::Request,
    secret::Secret,
};

/// Those that the options of a middleware name, by the numbers that JavaScript gave them.
pub(super) fn functions(given: HashMap<String, u32>, engine: &Engine) -> Functions {
    let mut functions = Functions::default();
    for (name, number) in given {
        let function = engine.callback(number);
        match name.as_str() {
            "provider" => functions.provider = Some(Arc::new(Asked(function))),
            "shouldRetry" => functions.should_retry = Some(Arc::new(Asked(function))),
            "key" => functions.key = Some(Arc::new(Asked(function))),
            "store" => functions.entries = Some(Arc::new(Asked(function))),
            "sink" => functions.sink = Some(Arc::new(Ledger::new(function))),
            "onRetry" => {
                functions.on_retry = Some(Arc::new(move |error: &Error, attempt, wait| {
                    function.tell(told(error, attempt, Some(wait)));
                }));
            }
            // The options say that there is one, and whoever reads them says that there can be none.
            _ => {}
        }
    }
    functions
}

struct Asked(Callback);

impl Provider for Asked {
    fn token(&self, ask: Ask) -> BoxFuture<'_, Result<Token>> {
        Box::pin(async move {
            let answer = self.0.ask(json!({ "reason": ask.reason.name() }).to_string()).await;
            let answer = read(answer, ErrorKind::Credential, "its provider")?;
            let token = answer["token"].as_str().unwrap_or_default();
            let lifetime = answer["lifetimeMs"].as_f64().map(|ms| ms.max(0.0) / 1000.0);
            Ok(Token {
                secret: Secret::new(token),
                lifetime: lifetime
                    .map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)),
            })
        })
    }
}

impl Judge for Asked {
    fn is_worth<'a>(&'a self, failure: &'a Error, attempt: u32) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let answer = self.0.ask(told(failure, attempt, None)).await;
            read(answer, ErrorKind::Middleware, "`retry.shouldRetry`")
                .map(|answer| answer == Value::Bool(true))
        })
    }
}

impl KeyOf for Asked {
    fn key(&self, req: &Request) -> BoxFuture<'static, Result<Option<String>>> {
        let (function, asked) = (self.0.clone(), request(req));
        Box::pin(async move {
            match read(function.ask(asked).await, ErrorKind::Middleware, "`key`")? {
                Value::String(key) => Ok(Some(key)),
                _ => Ok(None),
            }
        })
    }
}

/// What is asked: `op` and what belongs to it. Values cross as base64.
impl Asked {
    async fn store(&self, question: Value) -> Result<Value> {
        read(self.0.ask(question.to_string()).await, ErrorKind::Store, "`store`")
    }
}

impl Entries for Asked {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(async move {
            let found = self.store(json!({ "op": "get", "key": key })).await?;
            // What is none of ours is as good as nothing.
            Ok(found.as_str().and_then(|text| BASE64_STANDARD.decode(text).ok()).map(Bytes::from))
        })
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, ttl: Duration) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let (value, ttl) =
                (BASE64_STANDARD.encode(value), u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
            self.store(json!({ "op": "set", "key": key, "value": value, "ttl": ttl })).await.map(drop)
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let deleted = self.store(json!({ "op": "delete", "key": key })).await?;
            Ok(deleted == Value::Bool(true))
        })
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.store(json!({ "op": "clear", "prefix": prefix })).await.map(drop) })
    }
}

/// A request as a function of the caller's sees it; a content that is no JSON is not shown.
fn request(req: &Request) -> String {
    let headers: serde_json::Map<String, Value> = req
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    let data: Option<&RawValue> = match &req.body {
        Body::Full(bytes) => serde_json::from_slice(bytes).ok(),
        Body::Empty | Body::Stream(_) | Body::Events(_) => None,
    };
    let head =
        json!({ "method": req.method.as_str(), "url": req.url.as_str(), "headers": headers }).to_string();
    match data {
        None => head,
        Some(data) => format!("{},\"data\":{}}}", &head[..head.len() - 1], data.get()),
    }
}

fn told(error: &Error, attempt: u32, wait: Option<Duration>) -> String {
    let wait_ms = wait.map(|wait| wait.as_secs_f64() * 1000.0);
    json!({ "error": describe_error(error), "attempt": attempt, "waitMs": wait_ms }).to_string()
}

fn read(answer: Answer, kind: ErrorKind, who: &str) -> Result<Value> {
    match answer {
        Ok(json) => Ok(serde_json::from_str(&json).unwrap_or_default()),
        Err((thrown, words)) => {
            let error = Error::new(kind, Phase::Prepare, format!("{who} failed: {words}"));
            Err(error.with_source(thrown).with_attempts(0))
        }
    }
}
