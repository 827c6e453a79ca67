//! Options of `idempotencyKey()`.

use http::{HeaderName, Method};
use serde_json::{Value, json};

use super::{
    super::{fields::Fields, headers},
    Functions, Native,
};
use crate::{
    Error, Result,
    middleware::idempotency_key::{IdempotencyKey, IdempotencyKeyOptions},
};

pub(super) fn build(options: Value, _: Functions) -> Result<Native> {
    let default = IdempotencyKeyOptions::default();
    let mut fields = Fields::open("idempotencyKey", options)?;
    let options = IdempotencyKeyOptions {
        header: header(&mut fields)?.unwrap_or(default.header),
        methods: methods(&mut fields)?.unwrap_or(default.methods),
    };
    fields.finish()?;
    Ok(Native::plain(IdempotencyKey::new(options)))
}

fn header(fields: &mut Fields) -> Result<Option<HeaderName>> {
    fields.string("header")?.map(|name| headers::own_name(&name, "idempotencyKey.header")).transpose()
}

fn methods(fields: &mut Fields) -> Result<Option<Vec<Method>>> {
    let Some(given) = fields.strings("methods")? else { return Ok(None) };
    let method = |name: String| Method::from_bytes(name.to_ascii_uppercase().as_bytes());
    let methods: Result<Vec<Method>, _> = given.into_iter().map(method).collect();
    let wrong = |_| Error::config("`idempotencyKey.methods` holds a text that is not a method of HTTP");
    methods.map(Some).map_err(wrong)
}

pub(super) fn defaults() -> Value {
    let IdempotencyKeyOptions { header, methods } = IdempotencyKeyOptions::default();
    let methods: Vec<&str> = methods.iter().map(Method::as_str).collect();
    json!({ "idempotencyKey.header": header.as_str(), "idempotencyKey.methods": methods })
}
