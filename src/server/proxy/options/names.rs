//! The options that one text can give: for flags and for the environment.

use serde_json::Value;

use super::limits;
use crate::{Error, client};

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

/// What parts of the pipeline call their options, and what those are called here.
const CALLED: [(&str, &str); 6] = [
    ("upstream.baseURL", "upstream.url"),
    ("session.", "sessions."),
    ("journal.prices", "prices"),
    ("quota.prices", "prices"),
    ("auth.value", "upstream.key"),
    ("auth.scheme", "upstream.scheme"),
];

/// An error that names its option as whoever wrote it knows it: with the section that it stands in.
pub(in super::super) fn outward(section: &str, error: &Error) -> Error {
    let Some(inner) = error.option().or_else(|| first_name(error.message())).map(str::to_owned) else {
        let words = if section.is_empty() { String::new() } else { format!("`{section}`: ") };
        let message = format!("{words}{}", error.message());
        return Error::config(message).about(section);
    };
    let mut option = if section.is_empty() { inner.clone() } else { format!("{section}.{inner}") };
    for (within, here) in CALLED {
        let known = inner.strip_prefix(within).or_else(|| option.strip_prefix(within));
        if let Some(rest) = known {
            option = format!("{here}{rest}");
            break;
        }
    }
    let message = error.message().replacen(&format!("`{inner}`"), &format!("`{option}`"), 1);
    Error::config(message).about(option)
}

/// The option that a message names first.
fn first_name(message: &str) -> Option<&str> {
    message.split('`').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_its_option_as_it_is_written_here() {
        for (section, inner, expected) in [
            ("upstream", "baseURL", "upstream.url"),
            ("upstream", "pool.maxSockets", "upstream.pool.maxSockets"),
            ("callers[1]", "rateLimit.requests", "callers[1].rateLimit.requests"),
            ("", "session.onBusy", "sessions.onBusy"),
            ("sessions", "session.onBusy", "sessions.onBusy"),
            ("", "journal.prices[0].input", "prices[0].input"),
            ("callers[0]", "quota.prices[0]", "prices[0]"),
            ("", "auth.value", "upstream.key"),
            ("", "cache.ttl", "cache.ttl"),
        ] {
            let error = outward(section, &Error::config(format!("`{inner}` is wrong")).about(inner));
            assert_eq!(
                (error.message(), error.option()),
                (&*format!("`{expected}` is wrong"), Some(expected))
            );
        }
        let bare = outward("callers[0]", &Error::config("limits nothing"));
        assert_eq!((bare.message(), bare.option()), ("`callers[0]`: limits nothing", Some("callers[0]")));
    }
}
