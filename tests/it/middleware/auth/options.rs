//! The options of `auth`, as JSON.

use std::sync::Arc;

use serde_json::{Value, json};
use trae_native::{
    ErrorKind,
    client::{auth, middleware},
    credential::Provider,
};

use super::bank::{Bank, token};
use crate::support::api::{Api, answer, around, call};

fn refused(options: Value) -> String {
    let error = middleware("auth", options).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!error.message().contains("quite"), "{error}");
    error.message().to_owned()
}

#[tokio::test]
async fn options_become_the_middleware() {
    for (options, header, value) in [
        (json!({ "value": "quite-secret\n" }), "x-api-key", "quite-secret"),
        (json!({ "value": "t", "scheme": "x-api-key" }), "x-api-key", "t"),
        (json!({ "value": "t", "scheme": "bearer", "timeout": 0 }), "authorization", "Bearer t"),
        (json!({ "value": "t", "header": "API-Key", "jitter": 0 }), "api-key", "t"),
    ] {
        let api = Api::new(|_| Ok(answer(200, "")));
        around(vec![middleware("auth", options).unwrap()], &api).run(call()).await.unwrap();
        assert_eq!(api.seen()[0].header(header), Some(value));
    }
}

#[tokio::test]
async fn a_provider_is_brought_beside_the_options() {
    let bank = Bank::new(|n| Ok(token(n, None))) as Arc<dyn Provider>;
    let options = json!({ "provider": "[function]", "scheme": "bearer", "ttl": 60000 });
    let api = Api::new(|_| Ok(answer(200, "")));
    let auth = Arc::new(auth(options, Some(bank)).unwrap());
    around(vec![auth], &api).run(call()).await.unwrap();
    assert_eq!(api.shown("authorization"), ["Bearer t1"]);
}

#[test]
fn what_is_wrong_is_told_by_its_full_name() {
    for (options, words) in [
        (json!({}), "`auth` needs `auth.value`, a key or a token, or `auth.provider`, a function"),
        (json!(null), "`auth` needs `auth.value`, a key or a token, or `auth.provider`, a function"),
        (json!("quite-secret"), "`auth` must be an object, got a string"),
        (json!({ "value": 5 }), "`auth.value` must be a string, got 5"),
        (json!({ "value": " " }), "`auth.value`: the credential is empty"),
        (
            json!({ "value": "quite\nsecret" }),
            "`auth.value`: the credential has a character that may not be sent",
        ),
        (json!({ "provider": "quite-secret" }), "`auth.provider` must be a function, got a string"),
        (
            json!({ "value": "t", "scheme": "basic" }),
            "`auth.scheme` must be 'x-api-key' or 'bearer', got a string",
        ),
        (
            json!({ "value": "t", "scheme": "bearer", "header": "x" }),
            "`auth.scheme` and `auth.header` both say where it stands: give one",
        ),
        (
            json!({ "value": "t", "header": "a b" }),
            "in `auth.header` is not a header name: character 2 is a space",
        ),
        (json!({ "value": "t", "header": "te" }), "is written by the transport and can't be set"),
        (json!({ "value": "t", "timeout": -1 }), "`auth.timeout` must be a number of milliseconds"),
        (json!({ "value": "t", "jitter": 2 }), "`auth.jitter` must be a number from 0 to 1, got 2"),
        (
            json!({ "value": "t", "refreshahead": 1 }),
            "unknown option `auth.refreshahead`: did you mean `auth.refreshAhead`?",
        ),
    ] {
        let message = refused(options.clone());
        assert!(message.contains(words), "{options}: {message}");
    }
    let bank = Bank::new(|n| Ok(token(n, None))) as Arc<dyn Provider>;
    let both = auth(json!({ "value": "t", "provider": "[function]" }), Some(bank)).err().unwrap();
    assert_eq!(both.message(), "`auth.value` and `auth.provider` are both given: give one");
}

#[test]
fn a_middleware_that_does_not_exist_is_told_with_the_nearest_that_does() {
    let error = middleware("oauth", json!({})).err().unwrap();
    assert_eq!(error.message(), "unknown middleware `oauth`: did you mean `auth`?");
}
