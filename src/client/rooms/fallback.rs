//! Options of `fallback()`.

use std::sync::Arc;

use serde_json::{Value, json};
use url::Url;

use super::{
    super::{
        call::web,
        fields::{Fields, nearest, wrong},
        headers,
        secrets::without_keys,
    },
    Functions, Native,
    credential::scheme,
};
use crate::{
    Error, Result,
    credential::Scheme,
    middleware::fallback::{Fallback, FallbackOptions, On, Strategy, Target},
    place::Place,
    secret::Secret,
};

const STRATEGIES: [(&str, Strategy); 2] = [("ordered", Strategy::Ordered), ("weighted", Strategy::Weighted)];

/// What the client's own target is called.
const PRIMARY: &str = "primary";

pub(super) fn build(options: Value, _: Functions) -> Result<Native> {
    let mut fields = Fields::open("fallback", options)?;
    let strategy = fields.choice("strategy", &STRATEGIES)?.unwrap_or_default();
    let mut targets: Vec<Target> = primary(&mut fields)?.into_iter().collect();
    match fields.take("targets") {
        Some(Value::Array(given)) => {
            for (at, one) in given.into_iter().enumerate() {
                targets.push(target(&format!("fallback.targets[{at}]"), one, at)?);
            }
        }
        None => {}
        Some(other) => return Err(wrong("fallback.targets", "a list of targets", &other)),
    }
    let on = match fields.take("on") {
        Some(given) => on(&given)?,
        None => On::defaults(),
    };
    fields.finish()?;
    check(&targets)?;
    Ok(Native::plain(Fallback::new(FallbackOptions { targets, strategy, on })))
}

/// The client's own target; `false` for none.
fn primary(fields: &mut Fields) -> Result<Option<Target>> {
    let given = match fields.take("primary") {
        Some(Value::Bool(false)) => return Ok(None),
        Some(object @ Value::Object(_)) => object,
        None => Value::Null,
        Some(other) => return Err(wrong("fallback.primary", "{ name, weight } or false", &other)),
    };
    let mut primary = Fields::open("fallback.primary", given)?;
    let (name, weight) = named(&mut primary)?;
    primary.finish()?;
    Ok(Some(Target { name: name.unwrap_or_else(|| PRIMARY.into()), weight, ..Target::default() }))
}

/// The name and the weight.
fn named(fields: &mut Fields) -> Result<(Option<Arc<str>>, f64)> {
    let weight = fields.number("weight", 0.0..=1e9, "from 0 to 1000000000")?.unwrap_or(1.0);
    Ok((super::name(fields, "name")?, weight))
}

fn target(path: &str, given: Value, at: usize) -> Result<Target> {
    let mut fields = Fields::open(path, given)?;
    let (name, weight) = named(&mut fields)?;
    let mut target = Target { weight, model: fields.string("model")?, ..Target::default() };
    if let Some(text) = fields.string("baseURL")? {
        target.place = Some(Place::new(base(&fields.name("baseURL"), &text)?));
    }
    headers::apply(&mut target.headers, &fields.take("headers").unwrap_or_default())?;
    let scheme = scheme(&mut fields)?;
    match (fields.string("apiKey")?, scheme) {
        (Some(key), scheme) => {
            let scheme = scheme.unwrap_or(Scheme::ApiKey);
            let value = scheme.write(&Secret::new(key)).map_err(|cause| {
                Error::config(format!("`{}`: {}", fields.name("apiKey"), cause.message()))
            })?;
            target.headers.insert(scheme.name(), value);
        }
        (None, None) => {}
        (None, Some(_)) => {
            let (scheme, key) = (fields.name("scheme"), fields.name("apiKey"));
            return Err(Error::config(format!("`{scheme}` says where a key goes, but there is no `{key}`")));
        }
    }
    fields.finish()?;
    if target.place.is_none() && target.model.is_none() && target.headers.is_empty() {
        return Err(Error::config(format!(
            "`{path}` is the client's own target again: give it a `baseURL`, an `apiKey`, `headers` or a `model`"
        )));
    }
    target.name = name.unwrap_or_else(|| format!("target {}", at + 1).into());
    Ok(target)
}

fn base(option: &str, text: &str) -> Result<Url> {
    let wrong = |cause: &str| Error::config(format!("`{option}` is no URL that can be called: {cause}"));
    let url = Url::parse(text).map_err(|cause| wrong(&cause.to_string()))?;
    web(url).map_err(|cause| wrong(cause.message()))
}

fn on(given: &Value) -> Result<Vec<On>> {
    let Value::Array(given) = given else {
        return Err(wrong("fallback.on", "a list of codes and statuses", given));
    };
    given
        .iter()
        .map(|one| match (one.as_str(), one.as_u64().and_then(|status| u16::try_from(status).ok())) {
            (Some(code), _) => On::code(code).map_err(|known| {
                let hint = match nearest(code, &known) {
                    Some(known) => format!("did you mean '{known}'?"),
                    None => format!("known codes are '{}'", known.join("', '")),
                };
                Error::config(format!("`fallback.on` has the unknown code '{}': {hint}", without_keys(code)))
            }),
            (None, Some(status @ 400..=599)) => Ok(On::Status(status)),
            _ => Err(wrong("fallback.on", "a list of codes and of statuses from 400 to 599", one)),
        })
        .collect()
}

fn check(targets: &[Target]) -> Result<()> {
    if targets.len() < 2 {
        return Err(Error::config(
            "`fallback.targets` must have somewhere to go: a target besides the first",
        ));
    }
    super::distinct("fallback.targets", targets.iter().map(|target| &*target.name))
}

pub(super) fn defaults() -> Value {
    let codes = On::defaults().into_iter().filter_map(|on| match on {
        On::Code(code) => Some(code),
        On::Status(_) => None,
    });
    let strategy = STRATEGIES.iter().find(|(_, known)| *known == Strategy::default()).map(|(word, _)| *word);
    json!({
        "fallback.strategy": strategy,
        "fallback.on": codes.collect::<Vec<_>>().join(","),
        "fallback.primary.name": PRIMARY,
        "fallback.primary.weight": 1,
        "fallback.targets.scheme": super::credential::word(&Scheme::ApiKey),
        "fallback.targets.weight": 1,
    })
}
