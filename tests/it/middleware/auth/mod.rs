//! `auth`: where the credential goes, how long it is kept, what a 401 leads to.

mod bank;
mod client;
mod flight;
mod history;
mod kept;
mod options;
mod refused;

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use trae_native::{
    credential::{Scheme, Source},
    middleware::auth::{Auth, AuthOptions},
    secret::Secret,
};
use url::Url;

use crate::support::api::{Api, answer, around, call, told};

fn fixed(scheme: Scheme) -> Arc<Auth> {
    let options = AuthOptions { scheme, ..AuthOptions::default() };
    Arc::new(Auth::new(Source::Value(Secret::new("quite-secret")), options).unwrap())
}

#[tokio::test]
async fn a_key_goes_where_the_scheme_says() {
    for (scheme, header, value) in [
        (Scheme::ApiKey, "x-api-key", "quite-secret"),
        (Scheme::Bearer, "authorization", "Bearer quite-secret"),
        (Scheme::Header("x-goog-api-key".parse().unwrap()), "x-goog-api-key", "quite-secret"),
    ] {
        let api = Api::new(|_| Ok(answer(200, "")));
        around(vec![fixed(scheme)], &api).run(call()).await.unwrap();
        let seen = &api.seen()[0];
        assert_eq!(seen.headers.len(), 1);
        assert_eq!(seen.header(header), Some(value));
        assert!(seen.headers[header].is_sensitive(), "so that nothing prints it");
    }
}

#[tokio::test]
async fn a_header_that_the_call_has_already_is_left_to_it() {
    let api = Api::new(|_| Ok(answer(200, "")));
    let mut own = call();
    own.headers.insert("x-api-key", "of-the-call".parse().unwrap());
    around(vec![fixed(Scheme::ApiKey)], &api).run(own).await.unwrap();
    assert_eq!(api.shown("x-api-key"), ["of-the-call"]);
}

#[tokio::test]
async fn a_credential_goes_to_the_clients_own_origin_and_nowhere_else() {
    let api = Api::new(|_| Ok(answer(200, "")));
    let pipeline = around(vec![fixed(Scheme::ApiKey)], &api);
    for (url, expected) in [
        ("https://api.example/other?x=1", "quite-secret"),
        ("https://API.example:443/", "quite-secret"),
        ("http://api.example/", ""),
        ("https://api.example:8443/", ""),
        ("https://evil.example/", ""),
        ("https://api.example.evil.example/", ""),
    ] {
        let mut req = call();
        req.url = Url::parse(url).unwrap();
        pipeline.run(req).await.unwrap();
        assert_eq!(api.shown("x-api-key").last().unwrap(), expected, "{url}");
    }
}

#[tokio::test]
async fn a_client_without_a_base_url_has_no_other_origin() {
    let api = Api::new(|_| Ok(answer(200, "")));
    let mut req = call();
    Arc::make_mut(&mut req.options).home = None;
    around(vec![fixed(Scheme::ApiKey)], &api).run(req).await.unwrap();
    assert_eq!(api.shown("x-api-key"), ["quite-secret"]);
}

#[test]
fn a_value_that_cannot_be_sent_is_refused_at_once() {
    let error = Auth::new(Source::Value(Secret::new("quite\nsecret")), AuthOptions::default()).err().unwrap();
    assert!(error.message().contains("may not be sent") && !told(&error).contains("quite"), "{error}");
}

#[tokio::test]
async fn a_call_whose_headers_are_full_is_refused_and_ends_nothing() {
    let api = Api::new(|_| Ok(answer(200, "")));
    let mut full = call();
    let mut number = 0;
    let name = |number: u32| HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap();
    while full.headers.try_insert(name(number), HeaderValue::from_static("v")).is_ok() {
        number += 1;
    }
    let error = around(vec![fixed(Scheme::ApiKey)], &api).run(full).await.unwrap_err();
    assert_eq!(error.message(), "the headers are too many for one more, of the credential");
}

#[tokio::test]
async fn a_value_that_is_refused_is_not_tried_again() {
    let api = Api::new(|_| Err(crate::support::api::refusal(401, "")));
    let error = around(vec![fixed(Scheme::ApiKey)], &api).run(call()).await.unwrap_err();
    assert_eq!((error.status(), api.seen().len()), (Some(401), 1));
}
