//! The options of `jwt`, as JSON.

use serde_json::{Value, json};
use trae_native::{ErrorKind, client::middleware};

use super::{SHARED, shared};

fn refused(options: Value) -> String {
    let error = middleware("jwt", options).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!error.message().contains("quite"), "{error}");
    error.message().to_owned()
}

#[test]
fn what_is_wrong_is_told_by_its_full_name() {
    let missing = "`jwt` needs `jwt.key`, or for an exchange `jwt.assertion` or `jwt.assertionFile`";
    for (options, words) in [
        (json!({}), missing),
        (json!({ "exchange": { "url": "https://issuer.example" } }), missing),
        (json!({ "key": SHARED }), "`jwt.key` needs `jwt.algorithm`: 'HS256', 'RS256', 'ES256' or 'EdDSA'"),
        (json!({ "algorithm": "HS256" }), "`jwt.algorithm` needs `jwt.key`, to sign with"),
        (json!({ "assertion": "quite", "claims": {} }), "`jwt.claims` needs `jwt.key`, to sign with"),
        (json!({ "algorithm": "none", "key": SHARED }), "`jwt.algorithm` must be 'HS256' or 'RS256' or"),
        (json!({ "assertion": "quite-secret" }), "are for an exchange: give `jwt.exchange`, or use `auth`"),
        (shared(&json!({ "assertion": "quite" })), "only one can be given"),
        (shared(&json!({ "claims": [] })), "`jwt.claims` must be an object, got an array"),
        (
            shared(&json!({ "claims": { "exp": 5 } })),
            "`jwt.claims.exp` is written by the clock: set `jwt.lifetime`",
        ),
        (shared(&json!({ "claims": { "iat": 5 } })), "set `jwt.clockSkew`"),
        (
            shared(&json!({ "claims": { "jti": "quite" } })),
            "`jwt.claims.jti` must be true or false, got a string",
        ),
        (shared(&json!({ "claims": { "iss": 5 } })), "`jwt.claims.iss` must be a string, got 5"),
        (
            shared(&json!({ "claims": { "aud": [5] } })),
            "`jwt.claims.aud` must be a string or a list of strings",
        ),
        (
            shared(&json!({ "lifetime": 14000 })),
            "`jwt.lifetime` must be 10000 ms longer than `jwt.clockSkew` at least",
        ),
        (
            shared(&json!({ "lifetime": "1h" })),
            "`jwt.lifetime` must be a number of milliseconds, got a string",
        ),
        (shared(&json!({ "lifeTime": 1 })), "unknown option `jwt.lifeTime`: did you mean `jwt.lifetime`?"),
    ] {
        let message = refused(options.clone());
        assert!(message.contains(words), "{options}: {message}");
    }
}

#[test]
fn what_is_wrong_with_an_exchange_is_told_by_its_full_name() {
    let url = "https://issuer.example/token";
    for (exchange, words) in [
        (json!("quite"), "`jwt.exchange` must be an object, got a string"),
        (json!({}), "`jwt.exchange.url` is missing"),
        (json!({ "url": "quite" }), "`jwt.exchange.url` is not an absolute URL"),
        (
            json!({ "url": "http://issuer.example/" }),
            "`jwt.exchange.url` must begin with https:// unless it is on this machine",
        ),
        (
            json!({ "url": "https://me:quite@issuer.example/" }),
            "`jwt.exchange.url` holds a user name or password",
        ),
        (
            json!({ "url": url, "grant": "password" }),
            "`jwt.exchange.grant` must be 'jwt-bearer' or 'token-exchange'",
        ),
        (
            json!({ "url": url, "params": ["quite"] }),
            "`jwt.exchange.params` must be an object of strings, got an array",
        ),
        (json!({ "url": url, "params": { "a": 5 } }), "`jwt.exchange.params.a` must be a string, got 5"),
        (
            json!({ "url": url, "params": { "assertion": "quite" } }),
            "`jwt.exchange.params.assertion` is written by the exchange",
        ),
        (json!({ "url": url, "timeout": "1s" }), "`jwt.exchange.timeout` must be a number of milliseconds"),
        (
            json!({ "url": url, "maxRetries": -1 }),
            "`jwt.exchange.maxRetries` must be a whole number of at least 0",
        ),
        (json!({ "url": url, "retries": 1 }), "unknown option `jwt.exchange.retries`"),
    ] {
        let message = refused(shared(&json!({ "exchange": exchange })));
        assert!(message.contains(words), "{exchange}: {message}");
    }
}

#[test]
fn a_token_endpoint_on_this_machine_needs_no_tls() {
    for host in ["127.0.0.1:1", "[::1]:1", "localhost", "issuer.localhost:8080"] {
        let exchange = json!({ "url": format!("http://{host}/token") });
        assert!(middleware("jwt", shared(&json!({ "exchange": exchange }))).is_ok(), "{host}");
    }
}
