//! The option `store` of whatever can keep its state where replicas share it.

use std::sync::Arc;

#[cfg(not(feature = "redis"))]
use serde_json::Value;

#[cfg(feature = "redis")]
pub(super) use super::redis::{defaults, shared};

use super::super::fields::Fields;
use crate::{Result, store::Shared};

/// The store that the options name; `None` is this process's memory.
pub(in super::super) fn store(fields: &mut Fields) -> Result<Option<Arc<dyn Shared>>> {
    match fields.take("store") {
        None => Ok(None),
        Some(given) => shared(given).map(Some),
    }
}

#[cfg(not(feature = "redis"))]
fn shared(_: Value) -> Result<Arc<dyn Shared>> {
    Err(crate::Error::config("`store` needs Redis, which this build comes without"))
}

/// The defaults of a store.
#[cfg(not(feature = "redis"))]
pub(super) fn defaults() -> Value {
    Value::Null
}
