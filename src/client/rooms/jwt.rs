//! Reads the options of `jwt`.

use std::sync::Arc;

use http::HeaderMap;
use serde_json::{Map, Value, json};
use url::Url;

use super::{
    super::{
        fields::{Fields, Limit, wrong},
        headers,
        secrets::without_keys,
        settings::ms,
    },
    Functions, Native,
    credential::{renewal, scheme, word},
};
use crate::{
    Error, Result,
    middleware::jwt::{Algorithm, Assertion, Claims, Exchange, Grant, Jwt, JwtOptions, Signing, Tries},
    secret::Secret,
};

const GRANTS: [(&str, Grant); 2] =
    [("jwt-bearer", Grant::JwtBearer), ("token-exchange", Grant::TokenExchange)];

pub(super) fn build(options: Value, _: Functions) -> Result<Native> {
    let jwt = Arc::new(jwt(options)?);
    let kept = Arc::clone(&jwt);
    let invalidate: Arc<dyn Fn() + Send + Sync> = Arc::new(move || kept.invalidate());
    Ok(Native { invalidate: Some(invalidate), ..Native::shared(jwt) })
}

/// The middleware `jwt`.
pub fn jwt(options: Value) -> Result<Jwt> {
    let default = JwtOptions::default();
    let mut fields = Fields::open("jwt", options)?;
    let assertion = assertion(&mut fields)?;
    let exchange = fields.take("exchange").map(exchange).transpose()?;
    let options = JwtOptions {
        scheme: scheme(&mut fields)?.unwrap_or(default.scheme),
        renewal: renewal(&mut fields, default.renewal)?,
        exchange,
    };
    fields.finish()?;
    let assertion = assertion.ok_or_else(|| {
        Error::config("`jwt` needs `jwt.key`, or for an exchange `jwt.assertion` or `jwt.assertionFile`")
    })?;
    if options.exchange.is_none() && !matches!(assertion, Assertion::Signed(_)) {
        return Err(Error::config(
            "`jwt.assertion` and `jwt.assertionFile` are for an exchange: give `jwt.exchange`, or use `auth`",
        ));
    }
    Jwt::new(assertion, options)
}

fn assertion(fields: &mut Fields) -> Result<Option<Assertion>> {
    let signed = signing(fields)?.map(Box::new).map(Assertion::Signed);
    let given = fields.string("assertion")?.map(|text| Assertion::Given(Secret::new(text)));
    let file = fields.string("assertionFile")?.map(|path| Assertion::File(path.into()));
    let mut all = [signed, given, file].into_iter().flatten();
    match (all.next(), all.next()) {
        (one, None) => Ok(one),
        (_, Some(_)) => {
            Err(Error::config("of `jwt.key`, `jwt.assertion` and `jwt.assertionFile` only one can be given"))
        }
    }
}

fn signing(fields: &mut Fields) -> Result<Option<Signing>> {
    let algorithm = fields.choice(
        "algorithm",
        &[
            ("HS256", Algorithm::Hs256),
            ("RS256", Algorithm::Rs256),
            ("ES256", Algorithm::Es256),
            ("EdDSA", Algorithm::EdDsa),
        ],
    )?;
    let key = fields.string("key")?.map(Secret::new);
    let key_id = fields.string("keyId")?;
    let claims = fields.take("claims");
    let (lifetime, skew) = (fields.wait("lifetime")?, fields.wait("clockSkew")?);
    let Some(key) = key else {
        let idle = [
            ("algorithm", algorithm.is_some()),
            ("keyId", key_id.is_some()),
            ("claims", claims.is_some()),
            ("lifetime", lifetime.is_some()),
            ("clockSkew", skew.is_some()),
        ];
        return match idle.iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(Error::config(format!("`jwt.{name}` needs `jwt.key`, to sign with"))),
            None => Ok(None),
        };
    };
    let Some(algorithm) = algorithm else {
        return Err(Error::config("`jwt.key` needs `jwt.algorithm`: 'HS256', 'RS256', 'ES256' or 'EdDSA'"));
    };
    let mut signing = Signing { key_id, ..Signing::new(algorithm, key) };
    if let Some(claims) = claims {
        signing.claims = self::claims(claims)?;
    }
    if let Some(lifetime) = lifetime {
        signing.lifetime = lifetime;
    }
    if let Some(skew) = skew {
        signing.skew = skew;
    }
    Ok(Some(signing))
}

/// Claims by their names in the token; those that this room writes can be switched, not written.
fn claims(value: Value) -> Result<Claims> {
    let default = Claims::default();
    let mut free = match value {
        Value::Object(claims) => claims,
        other => return Err(wrong("jwt.claims", "an object", &other)),
    };
    for (name, option) in [("iat", "jwt.clockSkew"), ("exp", "jwt.lifetime")] {
        if free.contains_key(name) {
            return Err(Error::config(format!(
                "`jwt.claims.{name}` is written by the clock: set `{option}`"
            )));
        }
    }
    let own: Map<String, Value> = ["iss", "sub", "aud", "nbf", "jti"]
        .into_iter()
        .filter_map(|name| free.shift_remove(name).map(|value| (name.to_owned(), value)))
        .collect();
    let mut own = Fields::open("jwt.claims", Value::Object(own))?;
    Ok(Claims {
        issuer: own.string("iss")?,
        subject: own.string("sub")?,
        audience: own.strings("aud")?.unwrap_or_default(),
        not_before: own.boolean("nbf")?.unwrap_or(default.not_before),
        unique: own.boolean("jti")?.unwrap_or(default.unique),
        free,
    })
}

fn exchange(value: Value) -> Result<Exchange> {
    let mut fields = Fields::open("jwt.exchange", value)?;
    let url = fields.string("url")?.ok_or_else(|| Error::config("`jwt.exchange.url` is missing"))?;
    // The text may hold a password, so it is not repeated.
    let url = Url::parse(&url)
        .map_err(|cause| Error::config(format!("`jwt.exchange.url` is not an absolute URL: {cause}")))?;
    let grant = fields.choice("grant", &GRANTS)?.unwrap_or_default();
    let default = Exchange::new(url, grant);
    let mut headers = HeaderMap::new();
    headers::apply(&mut headers, &fields.take("headers").unwrap_or_default())?;
    let exchange = Exchange {
        subject_token_type: fields.string("subjectTokenType")?.unwrap_or(default.subject_token_type),
        requested_token_type: fields.string("requestedTokenType")?,
        scope: fields.string("scope")?,
        audience: fields.strings("audience")?.unwrap_or_default(),
        resource: fields.strings("resource")?.unwrap_or_default(),
        params: params(fields.take("params"))?,
        headers,
        tries: tries(&mut fields, default.tries)?,
        ..default
    };
    fields.finish()?;
    Ok(exchange)
}

fn tries(fields: &mut Fields, default: Tries) -> Result<Tries> {
    let retries = fields.small("maxRetries", 0)?;
    Ok(Tries {
        timeout: fields.limit("timeout")?.map_or(default.timeout, Limit::duration),
        max_retries: retries.unwrap_or(default.max_retries),
    })
}

/// Any of them may be a password.
fn params(value: Option<Value>) -> Result<Vec<(String, Secret)>> {
    let params = match value {
        None => return Ok(Vec::new()),
        Some(Value::Object(params)) => params,
        Some(other) => return Err(wrong("jwt.exchange.params", "an object of strings", &other)),
    };
    let secret = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, Secret::new(text))),
        other => {
            let name = without_keys(&name);
            Err(wrong(&format!("jwt.exchange.params.{name}"), "a string", &other))
        }
    };
    params.into_iter().map(secret).collect()
}

pub(super) fn defaults() -> Value {
    let JwtOptions { scheme, renewal, .. } = JwtOptions::default();
    let signing = Signing::new(Algorithm::Hs256, Secret::new(""));
    let tries = Tries::default();
    let grant = GRANTS.iter().find(|(_, grant)| *grant == Grant::default()).map(|(word, _)| word);
    json!({
        "jwt.scheme": word(&scheme),
        "jwt.lifetime": ms(Some(signing.lifetime)),
        "jwt.clockSkew": ms(Some(signing.skew)),
        "jwt.claims.nbf": signing.claims.not_before,
        "jwt.claims.jti": signing.claims.unique,
        "jwt.refreshAhead": ms(Some(renewal.refresh_ahead)),
        "jwt.waitAhead": ms(Some(renewal.wait_ahead)),
        "jwt.jitter": renewal.jitter,
        "jwt.exchange.grant": grant,
        "jwt.exchange.subjectTokenType": Exchange::SUBJECT_TOKEN_TYPE,
        "jwt.exchange.timeout": ms(tries.timeout),
        "jwt.exchange.maxRetries": tries.max_retries,
    })
}
