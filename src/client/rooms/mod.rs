//! The native middlewares by their public names: each room's options read out of JSON, a file per room.

mod auth;
mod credential;
mod idempotency_key;
mod jwt;
mod metrics;
pub(super) mod retry;
mod timeout;

use std::sync::Arc;

use serde_json::{Map, Value};

pub use self::{auth::auth, jwt::jwt};
use super::{fields::nearest, secrets::without_keys};
use crate::{Error, Result, pipeline::Middleware};

/// A middleware with these options.
type Build = fn(Value) -> Result<Arc<dyn Middleware>>;

const ROOMS: [(&str, Build); 6] = [
    ("auth", auth::build),
    ("idempotencyKey", idempotency_key::build),
    ("jwt", jwt::build),
    ("metrics", metrics::build),
    ("retry", retry::build),
    ("timeout", timeout::build),
];

/// The native middleware of this name. Its options are those of the function of the same name in JavaScript, as
/// JSON; `null` leaves every default. What takes more than JSON has a function of its own: [`auth`] with a provider.
pub fn middleware(name: &str, options: Value) -> Result<Arc<dyn Middleware>> {
    match ROOMS.iter().find(|(known, _)| *known == name) {
        Some((_, build)) => build(options),
        None => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> Error {
    let known: Vec<&str> = ROOMS.iter().map(|(name, _)| *name).collect();
    let hint = match nearest(name, &known) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("known names are `{}`", known.join("`, `")),
    };
    Error::config(format!("unknown middleware `{}`: {hint}", without_keys(name)))
}

/// The defaults of all rooms, each after the name of its room.
pub(super) fn defaults() -> Map<String, Value> {
    let rooms = [
        auth::defaults(),
        idempotency_key::defaults(),
        jwt::defaults(),
        metrics::defaults(),
        retry::defaults(),
        timeout::defaults(),
    ];
    rooms
        .into_iter()
        .filter_map(|room| match room {
            Value::Object(defaults) => Some(defaults),
            _ => None,
        })
        .flatten()
        .collect()
}
