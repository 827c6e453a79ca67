//! Options of `redact()`.

use serde_json::Value;

use super::{
    super::{
        fields::{Fields, wrong},
        headers,
    },
    Functions, Native,
};
use crate::{
    Error, Result,
    middleware::redact::Redact,
    redact::{
        Rules,
        patterns::{NoPattern, Pattern},
    },
};

pub(super) fn build(options: Value, _: Functions) -> Result<Native> {
    let mut fields = Fields::open("redact", options)?;
    let names = fields.strings("headers")?.unwrap_or_default();
    let query = fields.strings("query")?.unwrap_or_default();
    let paths = fields.strings("paths")?.unwrap_or_default();
    let rules = Rules {
        headers: names.iter().map(|name| headers::name(name, "redact.headers")).collect::<Result<_>>()?,
        query: query.into_iter().map(|name| name.to_lowercase()).collect(),
        paths: paths
            .iter()
            .map(|path| path.parse().map_err(|why| Error::config(format!("`redact.paths`: `{path}` {why}"))))
            .collect::<Result<_>>()?,
        patterns: patterns(fields.take("patterns"))?,
    };
    fields.finish()?;
    Ok(Native { rules: Some(rules.clone()), ..Native::plain(Redact { rules }) })
}

/// A text is how secrets begin, an object an expression. What is wrong is told by its place: it may be a secret.
fn patterns(given: Option<Value>) -> Result<Vec<Pattern>> {
    let list = match given {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(one) => vec![one],
    };
    let pattern = |(place, given): (usize, Value)| {
        let name = format!("redact.patterns[{place}]");
        let text = |name: &str| given.get(name).and_then(Value::as_str);
        let made = match (given.as_str(), text("source"), text("flags")) {
            (Some(""), ..) => Err(NoPattern::Empty),
            (Some(prefix), ..) => Pattern::prefix(prefix),
            (None, Some(source), Some(flags)) => Pattern::expression(source, flags),
            _ => return Err(wrong(&name, "a string or a regular expression", &given)),
        };
        made.map_err(|why| Error::config(format!("`{name}` {why}")))
    };
    list.into_iter().enumerate().map(pattern).collect()
}
