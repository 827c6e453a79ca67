//! Options of `timeout()`.

use serde_json::{Value, json};

use super::{
    super::{
        fields::{Fields, Limit, wrong},
        settings::ms,
    },
    Functions, Native,
};
use crate::{
    Result,
    middleware::timeout::{Timeout, TimeoutOptions},
};

/// A mere number is `after`.
pub(super) fn build(options: Value, _: Functions) -> Result<Native> {
    let default = TimeoutOptions::default();
    let mut fields = match options {
        after @ Value::Number(_) => Fields::open("timeout", json!({ "after": after }))?,
        options @ (Value::Object(_) | Value::Null) => Fields::open("timeout", options)?,
        other => return Err(wrong("timeout", "a number of milliseconds or { after, stream }", &other)),
    };
    let options = TimeoutOptions {
        after: fields.limit("after")?.map_or(default.after, Limit::duration),
        stream: fields.boolean("stream")?.unwrap_or(default.stream),
    };
    fields.finish()?;
    Ok(Native::plain(Timeout::new(options)))
}

pub(super) fn defaults() -> Value {
    let TimeoutOptions { after, stream } = TimeoutOptions::default();
    json!({ "timeout.after": ms(after), "timeout.stream": stream })
}
