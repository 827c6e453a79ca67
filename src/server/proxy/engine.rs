//! The pipeline behind a proxy: a client with the middlewares that the options name, and those of each caller.
//!
//! Options that are read again leave alone what they do not change: a cache, a limit or a conversation goes on.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Value, json};

use super::{
    callers::{Caller, Callers},
    options::{CallerOptions, Layer, Options, outward},
    per_caller::PerCaller,
};
use crate::{
    Result,
    client::{Client, Functions, KeyOf, Native, Prices, native},
    pipeline::{BoxFuture, Middleware},
    request::Request,
};

/// What answers, by one set of options.
pub(super) struct Engine {
    pub options: Options,
    pub client: Client,
    pub callers: Callers,
    parts: Parts,
}

/// What was made, by whose it is and what it was made of.
#[derive(Default)]
struct Parts(HashMap<(Option<Arc<str>>, &'static str), Part>);

#[derive(Clone)]
struct Part {
    options: Value,
    native: Arc<Native>,
}

impl Parts {
    /// The same as before where its options are the same.
    fn make(
        &mut self,
        owner: Option<&Arc<str>>,
        Layer { name, options }: &Layer,
        before: Option<&Self>,
    ) -> Result<Arc<dyn Middleware>> {
        let key = (owner.cloned(), *name);
        let same = before.and_then(|before| before.0.get(&key)).filter(|part| part.options == *options);
        let part = if let Some(part) = same {
            part.clone()
        } else {
            let native = Arc::new(native(name, options.clone(), functions(owner, name))?);
            Part { options: options.clone(), native }
        };
        let middleware = Arc::clone(&part.native.middleware);
        self.0.insert(key, part);
        Ok(middleware)
    }
}

/// What is one caller's is counted by its name: where replicas share it, all callers' limits stand in one store.
struct Named(Arc<str>);

impl KeyOf for Named {
    fn key(&self, _: &Request) -> BoxFuture<'static, Result<Option<String>>> {
        let name = self.0.to_string();
        Box::pin(std::future::ready(Ok(Some(name))))
    }
}

fn functions(owner: Option<&Arc<str>>, layer: &str) -> Functions {
    let counts = matches!(layer, "rateLimit" | "concurrency");
    let named = owner.filter(|_| counts).map(|name| Arc::new(Named(Arc::clone(name))) as Arc<dyn KeyOf>);
    Functions { key: named, ..Functions::default() }
}

/// Inside of these stand the limits of each caller.
const OUTSIDE: [&str; 7] = ["journal", "logger", "redact", "metrics", "session", "cache", "timeout"];

impl Engine {
    /// What these options say; what they share with the ones before stays.
    pub(super) fn new(options: Options, before: Option<&Self>) -> Result<Self> {
        let mut parts = Parts::default();
        let kept = before.map(|before| &before.parts);
        let limits = per_caller(&options.callers, &mut parts, kept, |caller| &caller.layers)?;
        let budgets = per_caller(&options.callers, &mut parts, kept, |caller| caller.budget.as_slice())?;
        let own = |error| outward("", &error);
        let mut layers: Vec<Arc<dyn Middleware>> = Vec::new();
        let (outer, inner): (Vec<&Layer>, Vec<&Layer>) =
            options.layers.iter().partition(|layer| OUTSIDE.contains(&layer.name));
        let mut budgets = Some(budgets).filter(|budgets| !budgets.0.is_empty());
        for layer in outer {
            // Who has used up what he may is refused before anything is done for him.
            if matches!(layer.name, "session" | "cache" | "timeout")
                && let Some(budgets) = budgets.take()
            {
                layers.push(Arc::new(budgets));
            }
            layers.push(parts.make(None, layer, kept).map_err(own)?);
        }
        layers.extend(budgets.map(|budgets| Arc::new(budgets) as Arc<dyn Middleware>));
        if !limits.0.is_empty() {
            layers.push(Arc::new(limits));
        }
        for layer in inner {
            layers.push(parts.make(None, layer, kept).map_err(own)?);
        }
        let client = match before {
            Some(before) => before.client.extend(options.upstream.client.clone()),
            None => Client::new(options.upstream.client.clone()),
        };
        let client = client.map_err(|error| outward("upstream", &error))?.layered(layers)?;
        let callers = options.callers.iter().map(|caller| Arc::new(Caller::of(caller))).collect();
        Ok(Self { options, client, callers: Callers(callers), parts })
    }

    /// What the layer of this name says to a question.
    pub(super) async fn ask(&self, name: &'static str, question: &str, about: Value) -> Option<Value> {
        let asked = self.parts.0.get(&(None, name))?.native.ask.clone()?;
        asked.ask(question.to_owned(), about).await.ok()
    }

    /// Where its calls go, as it may be shown.
    pub(super) fn upstream(&self) -> Value {
        let url = self.options.upstream.client["baseURL"].as_str().unwrap_or_default();
        let shown = url
            .parse::<http::Uri>()
            .ok()
            .and_then(|url| Some(format!("{}://{}{}", url.scheme_str()?, url.authority()?, url.path())));
        shown.into()
    }

    /// What tokens cost.
    pub(super) fn prices(&self) -> Value {
        let given = self.parts.0.get(&(None, "journal")).and_then(|part| part.options.get("prices"));
        given.cloned().unwrap_or_else(known_prices)
    }
}

/// As options write them.
fn known_prices() -> Value {
    let prices = Prices::default().0.into_iter();
    let told = prices.map(|price| {
        json!({
            "model": price.model,
            "input": price.input,
            "output": price.output,
            "cacheRead": price.cache_read,
            "cacheCreation": price.cache_creation,
        })
    });
    told.collect()
}

/// These layers of each caller.
fn per_caller(
    callers: &[CallerOptions],
    parts: &mut Parts,
    kept: Option<&Parts>,
    which: impl Fn(&CallerOptions) -> &[Layer],
) -> Result<PerCaller> {
    let mut all = HashMap::new();
    for (at, caller) in callers.iter().enumerate().filter(|(_, caller)| !which(caller).is_empty()) {
        let made = which(caller).iter().map(|layer| {
            let option = format!("callers[{at}]");
            parts.make(Some(&caller.name), layer, kept).map_err(|error| outward(&option, &error))
        });
        all.insert(Arc::clone(&caller.name), made.collect::<Result<_>>()?);
    }
    Ok(PerCaller(all))
}
