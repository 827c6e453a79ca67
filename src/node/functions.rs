//! JavaScript's functions in the forms that native middlewares ask for.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    callback::{Answer, Callback},
    engine::Engine,
    ledger::Ledger,
    text::describe_error,
};
use crate::{
    Error, ErrorKind, Phase, Result,
    client::{Ask, Functions, Judge, Provider, Token},
    pipeline::BoxFuture,
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
