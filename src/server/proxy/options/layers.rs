//! Which middlewares stand around each call, in the order in which they make sense.

use serde_json::{Map, Value, json};

use super::secret;
use crate::{
    Error, Result,
    client::fields::{Fields, wrong},
};

/// One middleware by its name and its options.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Layer {
    pub name: &'static str,
    pub options: Value,
}

/// Options of layers that are made of other sections.
pub(super) struct Made {
    /// Of the upstream's key.
    pub auth: Option<Value>,
    /// Of `sessions`.
    pub session: Option<Value>,
    /// Of `page`.
    pub journal: Option<Value>,
}

pub(super) struct Layers {
    pub list: Vec<Layer>,
    /// Whether one of them puts a key on.
    pub keeps_key: bool,
}

/// A place in the onion, the outermost first: whether it is there unless switched off, and whether its state can stand
/// in a store.
const PLACES: [(&str, bool, bool); 16] = [
    ("journal", false, false),
    ("logger", true, false),
    ("redact", false, false),
    ("metrics", true, false),
    ("session", false, true),
    ("cache", true, true),
    ("timeout", false, false),
    ("idempotencyKey", false, false),
    ("fallback", false, false),
    ("retry", true, false),
    ("hedge", false, false),
    ("rateLimit", false, true),
    ("concurrency", false, false),
    ("circuitBreaker", true, false),
    ("keyPool", false, false),
    ("auth", false, false),
];

/// Reads the section of each that has one.
pub(super) fn read(fields: &mut Fields, made: Made, store: Option<&Value>) -> Result<Layers> {
    let Made { auth, session, journal } = made;
    let mut list = Vec::new();
    for (name, always, stored) in PLACES {
        let options = match name {
            "auth" => auth.clone(),
            "session" => session.clone(),
            "journal" => journal.clone(),
            _ => section(fields, name, always)?,
        };
        let Some(mut options) = options else { continue };
        secret::fill(name, &mut options)?;
        if let ("logger", Some(options)) = (name, options.as_object_mut()) {
            // One line for each request is enough of them.
            options.entry("levels").or_insert_with(|| json!({ "request": "debug" }));
        }
        if let (Some(store), true, Some(options)) = (store, stored, options.as_object_mut()) {
            options.entry("store").or_insert_with(|| store.clone());
        }
        list.push(Layer { name, options });
    }
    let has = |name| list.iter().any(|layer: &Layer| layer.name == name);
    if has("auth") && has("keyPool") {
        return Err(Error::config(
            "`upstream.key` and `keyPool` both say what calls are sent with: give one",
        )
        .about("keyPool"));
    }
    let keeps_key = has("auth") || has("keyPool");
    Ok(Layers { list, keeps_key })
}

fn section(fields: &mut Fields, name: &'static str, always: bool) -> Result<Option<Value>> {
    match fields.take(name) {
        None => Ok(always.then(|| Value::Object(Map::new()))),
        Some(Value::Bool(false)) => Ok(None),
        Some(Value::Bool(true)) => Ok(Some(json!({}))),
        Some(given @ Value::Object(_)) => Ok(Some(given)),
        Some(other) => Err(wrong(name, "its options, true or false", &other)),
    }
}
