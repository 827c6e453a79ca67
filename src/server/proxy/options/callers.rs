//! Who may ask, and how much.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Layer, secret};
use crate::{
    Error, Result,
    client::fields::{FUNCTION, Fields, wrong},
    server::proxy::callers::Digest,
};

/// One caller: nothing of its key but a digest.
pub(in super::super) struct CallerOptions {
    pub name: Arc<str>,
    pub digest: Digest,
    /// Whether it may see the page, the figures and the last requests.
    pub admin: bool,
    /// Models that it may name, each with `*` for any text; without a list, all.
    pub models: Option<Vec<String>>,
    /// Options of `rateLimit` and `concurrency` that are its alone.
    pub layers: Vec<Layer>,
    /// Options of its `quota`.
    pub budget: Option<Layer>,
}

pub(super) fn read(
    fields: &mut Fields,
    store: Option<&Value>,
    prices: Option<&Value>,
) -> Result<Vec<CallerOptions>> {
    let given = match fields.take("callers") {
        None => return Ok(Vec::new()),
        Some(Value::Array(given)) => given,
        Some(other) => return Err(wrong("callers", "a list of callers", &other)),
    };
    let mut callers: Vec<CallerOptions> = Vec::new();
    for (at, one) in given.into_iter().enumerate() {
        let path = format!("callers[{at}]");
        let caller = caller(&path, one, store, prices)?;
        let same = callers.iter().find(|other| other.name == caller.name || other.digest == caller.digest);
        if let Some(other) = same {
            let what = if other.name == caller.name { "name" } else { "key" };
            return Err(Error::config(format!("`{path}.{what}` is that of another caller, too"))
                .about(format!("{path}.{what}")));
        }
        callers.push(caller);
    }
    Ok(callers)
}

fn caller(path: &str, given: Value, store: Option<&Value>, prices: Option<&Value>) -> Result<CallerOptions> {
    let mut fields = Fields::open(path, given)?;
    let name = fields.string("name")?.filter(|name| is_name(name));
    let name = name.ok_or_else(|| {
        let option = format!("{path}.name");
        let words = "must be a name of letters, digits, `.`, `_` and `-`, of at most 64";
        Error::config(format!("`{option}` {words}")).about(option)
    })?;
    let option = format!("{path}.key");
    let key = fields.take("key").ok_or_else(|| {
        Error::config(format!("`{option}` is missing: a key, env:NAME, file:/path or sha256:<digest>"))
            .about(&*option)
    })?;
    let digest = digest(&option, &key)?;
    let admin = fields.boolean("admin")?.unwrap_or(false);
    let models = models(path, &mut fields)?;
    let mut layers = Vec::new();
    for name in ["rateLimit", "concurrency"] {
        match fields.take(name) {
            None => {}
            Some(Value::Object(options)) => layers.push(limit(name, options, store)),
            Some(other) => return Err(wrong(&format!("{path}.{name}"), "its options", &other)),
        }
    }
    let mut budget = budget(path, &name, fields.take("budget"))?;
    if let Some(Value::Object(options)) = budget.as_mut().map(|layer| &mut layer.options) {
        options.extend(prices.map(|prices| ("prices".to_owned(), prices.clone())));
        options.extend(store.map(|store| ("store".to_owned(), store.clone())));
    }
    fields.finish()?;
    Ok(CallerOptions { name: name.into(), digest, admin, models, layers, budget })
}

/// What it may name. An empty list is more likely a mistake than a wish, whichever of the two it would be.
fn models(path: &str, fields: &mut Fields) -> Result<Option<Vec<String>>> {
    let models = fields.strings("models")?;
    if models.as_ref().is_some_and(Vec::is_empty) {
        let option = format!("{path}.models");
        let words = "names no model, so the caller could ask nothing: leave it out for all of them";
        return Err(Error::config(format!("`{option}` {words}")).about(option));
    }
    Ok(models)
}

/// A limit of one caller's. It answers 429 soon, where that of a client's own process lets calls wait: who asks from
/// elsewhere has a retry of his own, and a connection that is held for nothing.
fn limit(name: &'static str, mut options: Map<String, Value>, store: Option<&Value>) -> Layer {
    // The layer stands around the calls of this caller alone.
    options.remove("per");
    // In a store, too: see `engine::Named`.
    options.insert("key".to_owned(), FUNCTION.into());
    options.entry("queueTimeout").or_insert_with(|| WAIT_MS.into());
    if name == "rateLimit" {
        options.entry("burst").or_insert_with(|| 1.into());
        // What the API says of its limits is about all callers.
        options.entry("adapt").or_insert_with(|| false.into());
        if let Some(store) = store {
            options.entry("store").or_insert_with(|| store.clone());
        }
    }
    Layer { name, options: Value::Object(options) }
}

/// How long a call waits for its turn in the limit of its caller.
const WAIT_MS: u64 = 1000;

/// It stands in logs and in labels.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with("sk-")
}

fn digest(option: &str, given: &Value) -> Result<Digest> {
    if let Some(hex) = given.as_str().and_then(|text| text.strip_prefix("sha256:")) {
        return Digest::parse(hex).ok_or_else(|| {
            Error::config(format!("`{option}` is no digest: sha256: and 64 hexadecimal digits")).about(option)
        });
    }
    let key = secret::read(option, given)?;
    if key.len() < 16 {
        return Err(Error::config(format!(
            "`{option}` has less than 16 characters, and could be guessed: `trae-native proxy --new-key` makes one"
        ))
        .about(option));
    }
    Ok(Digest::of(key.as_bytes()))
}

fn budget(path: &str, name: &str, given: Option<Value>) -> Result<Option<Layer>> {
    let option = format!("{path}.budget");
    let given = match given {
        None => return Ok(None),
        Some(given @ Value::Object(_)) => given,
        Some(other) => return Err(wrong(&option, "{ tokens, usd }, of one day", &other)),
    };
    let mut fields = Fields::open(&option, given)?;
    let tokens = fields.count("tokens", 1)?;
    let usd = fields.number("usd", 0.0..=1e9, "from 0 to 1000000000")?;
    fields.finish()?;
    if tokens.is_none() && usd.is_none() {
        return Err(
            Error::config(format!("`{option}` limits nothing: give it `tokens` or `usd`")).about(option)
        );
    }
    Ok(Some(Layer { name: "quota", options: json!({ "name": name, "tokens": tokens, "usd": usd }) }))
}
