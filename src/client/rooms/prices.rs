//! The option `prices` of whatever counts money.

use serde_json::Value;

use super::super::fields::{Fields, wrong};
use crate::{
    Error, Result,
    claude::{Price, Prices},
};

/// A list of prices, in place of those that are known.
pub(super) fn prices(fields: &mut Fields) -> Result<Option<Prices>> {
    let name = fields.name("prices");
    let given = match fields.take("prices") {
        None => return Ok(None),
        Some(Value::Array(given)) => given,
        Some(other) => return Err(wrong(&name, "a list of prices", &other)),
    };
    let read = given.into_iter().enumerate().map(|(at, one)| price(&format!("{name}[{at}]"), one));
    read.collect::<Result<_>>().map(|prices| Some(Prices(prices)))
}

fn price(path: &str, given: Value) -> Result<Price> {
    let mut fields = Fields::open(path, given)?;
    let model = fields.string("model")?;
    let mut usd = |name| fields.number(name, 0.0..=1e6, "of US dollars for a million tokens");
    let (input, output) = (usd("input")?, usd("output")?);
    let (cache_read, cache_creation) = (usd("cacheRead")?, usd("cacheCreation")?);
    fields.finish()?;
    let (Some(model), Some(input), Some(output)) = (model, input, output) else {
        return Err(Error::config(format!("`{path}` needs `model`, `input` and `output`")).about(path));
    };
    let known = Price::new(model, input, output);
    Ok(Price {
        cache_read: cache_read.unwrap_or(known.cache_read),
        cache_creation: cache_creation.unwrap_or(known.cache_creation),
        ..known
    })
}
