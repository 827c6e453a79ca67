//! The options that one text can give: for flags and for the environment.

use serde_json::Value;

use super::limits;
use crate::client;

/// The proxy's own.
const OWN: [&str; 25] = [
    "listen",
    "allowAnonymous",
    "hosts",
    "store",
    "page",
    "page.bodies",
    "tls.cert",
    "tls.key",
    "upstream.url",
    "upstream.key",
    "upstream.scheme",
    "upstream.proxy",
    "sessions",
    "cache",
    "logger",
    "metrics",
    "retry",
    "circuitBreaker",
    "idempotencyKey",
    "rateLimit.requests",
    "rateLimit.inputTokens",
    "rateLimit.outputTokens",
    "concurrency.max",
    "cache.tenant",
    "logger.bodies",
];

/// Those of its client, which are the upstream's here.
const CLIENTS: [&str; 6] = ["timeout.", "pool.", "http2", "redirect", "maxResponseBytes", "maxEventBytes"];

/// Those that make no sense where others ask.
const NOT_HERE: [&str; 6] = ["auth.", "jwt.", "responseType", "pings", "allowAbsoluteUrls", "warmup"];

/// All of them.
pub(super) fn all() -> Vec<String> {
    let mut names: Vec<String> = OWN.iter().map(|name| (*name).to_owned()).collect();
    for defaults in [client::defaults(), limits::defaults()] {
        let Value::Object(defaults) = defaults else { continue };
        for name in defaults.into_iter().map(|(name, _)| name) {
            if NOT_HERE.iter().any(|other| name.starts_with(other)) {
                continue;
            }
            let name = match name.strip_prefix("session.") {
                Some(rest) => format!("sessions.{rest}"),
                None if CLIENTS.iter().any(|own| name.starts_with(own)) => format!("upstream.{name}"),
                None => name,
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}
