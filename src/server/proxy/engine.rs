//! The pipeline behind a proxy: a client with the middlewares that the options name, and those of each caller.
//!
//! Options that are read again leave alone what they do not change: a cache, a limit or a conversation goes on.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use super::{
    callers::{Caller, Callers},
    options::{CallerOptions, Layer, Options},
    per_caller::PerCaller,
};
use crate::{
    Result,
    client::{Client, Functions, Native, native},
    pipeline::Middleware,
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
        let part = match same {
            Some(part) => part.clone(),
            None => {
                let native = Arc::new(native(name, options.clone(), Functions::default())?);
                Part { options: options.clone(), native }
            }
        };
        let middleware = Arc::clone(&part.native.middleware);
        self.0.insert(key, part);
        Ok(middleware)
    }
}

/// Inside of these stand the limits of each caller.
const OUTSIDE: [&str; 6] = ["logger", "redact", "metrics", "session", "cache", "timeout"];

impl Engine {
    /// What these options say; what they share with the ones before stays.
    pub(super) fn new(options: Options, before: Option<&Self>) -> Result<Self> {
        let mut parts = Parts::default();
        let kept = before.map(|before| &before.parts);
        let own = per_caller(&options.callers, &mut parts, kept)?;
        let mut layers: Vec<Arc<dyn Middleware>> = Vec::new();
        let (outer, inner): (Vec<&Layer>, Vec<&Layer>) =
            options.layers.iter().partition(|layer| OUTSIDE.contains(&layer.name));
        for layer in outer {
            layers.push(parts.make(None, layer, kept)?);
        }
        if !own.0.is_empty() {
            layers.push(Arc::new(own));
        }
        for layer in inner {
            layers.push(parts.make(None, layer, kept)?);
        }
        let client = match before {
            Some(before) => before.client.extend(options.upstream.client.clone()),
            None => Client::new(options.upstream.client.clone()),
        };
        let client = client.map_err(|error| super::options::within("upstream", error))?.layered(layers)?;
        let callers = options.callers.iter().map(|caller| Arc::new(Caller::of(caller))).collect();
        Ok(Self { options, client, callers: Callers(callers), parts })
    }

    /// The layer of this name, to be asked.
    pub(super) fn native(&self, name: &'static str) -> Option<&Arc<Native>> {
        self.parts.0.get(&(None, name)).map(|part| &part.native)
    }
}

fn per_caller(callers: &[CallerOptions], parts: &mut Parts, kept: Option<&Parts>) -> Result<PerCaller> {
    let mut all = HashMap::new();
    for caller in callers.iter().filter(|caller| !caller.layers.is_empty()) {
        let made = caller.layers.iter().map(|layer| {
            let option = format!("callers.{}", caller.name);
            parts
                .make(Some(&caller.name), layer, kept)
                .map_err(|error| super::options::within(&option, error))
        });
        all.insert(Arc::clone(&caller.name), made.collect::<Result<_>>()?);
    }
    Ok(PerCaller(all))
}
