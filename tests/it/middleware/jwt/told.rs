//! What is told of an exchange that fails, and what is not.

use std::error::Error as _;

use serde_json::{Value, json};
use trae_native::{Error, ErrorKind, Phase, Result, client::middleware, response::Response};

use super::shared;
use crate::support::api::{Api, Seen, answer, around, call, refusal, reset, told};

const PASSWORD: &str = "quite-secret-password";

async fn failure(answer: impl Fn(&Seen) -> Result<Response> + Send + Sync + 'static) -> Error {
    let exchange = json!({
        "url": "https://issuer.example/token?key=quite-secret-query",
        "params": { "client_secret": PASSWORD },
        "maxRetries": 0,
    });
    let api = Api::new(answer);
    let options = shared(&json!({ "exchange": exchange }));
    let error = around(vec![middleware("jwt", options).unwrap()], &api).run(call()).await.unwrap_err();
    let assertion = url::form_urlencoded::parse(&api.seen()[0].body)
        .find(|(name, _)| name == "assertion")
        .map(|(_, value)| value.into_owned())
        .unwrap();
    let told = told(&error);
    for secret in [&assertion[..], &assertion[..40], PASSWORD, "quite-secret", "eyJ"] {
        assert!(!told.contains(secret), "{told}");
    }
    assert!(error.response().is_none(), "the answer may repeat what was sent");
    error
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_authentication_error_in_the_endpoints_own_words() {
    for (status, body, words) in [
        (
            400,
            json!({ "error": "invalid_grant", "error_description": "Token must be a short-lived token" }),
            "status 400: invalid_grant: Token must be a short-lived token",
        ),
        (401, json!({ "error": "invalid_client" }), "status 401: invalid_client"),
        (
            403,
            json!({ "error": { "type": "permission_error", "message": "no" } }),
            "status 403: permission_error: no",
        ),
        (404, Value::Null, "status 404"),
    ] {
        let error = failure(move |_| Err(refusal(status, body.to_string()))).await;
        let start = "`jwt` got no credential: the token endpoint https://issuer.example/token refused, with ";
        assert_eq!(error.message(), format!("{start}{words}"));
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Status(401), Phase::Prepare));
        assert!(!error.is_retryable());
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_repeats_what_it_was_sent_is_not_quoted_on_that() {
    let error = failure(|seen| {
        let form: Vec<(String, String)> = url::form_urlencoded::parse(&seen.body).into_owned().collect();
        let all: Vec<&str> = form.iter().map(|(_, value)| value.as_str()).collect();
        let cut = &all[1][..60];
        let body =
            json!({ "error": "invalid", "error_description": format!("bad: {} {cut}", all.join(",")) });
        Err(refusal(400, body.to_string()))
    })
    .await;
    assert!(error.message().contains("invalid: bad: "), "{error}");
    assert!(error.message().ends_with("[redacted],[redacted] [redacted]"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_page_of_html_is_not_quoted() {
    let error = failure(|_| Err(refusal(502, format!("<html>{PASSWORD}</html>")))).await;
    assert!(error.message().ends_with("refused, with status 502"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Status(502));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_not_reached_keeps_its_cause() {
    let error = failure(|_| Err(reset())).await;
    assert!(error.message().ends_with("was not reached: the connection was reset"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Reset);
    assert!(error.source().unwrap().source().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_token_is_told_without_being_quoted() {
    for (body, words) in [
        (format!("<html>{PASSWORD}</html>"), "gave no token: its answer is not JSON"),
        (format!(r#"{{"id_token":"{PASSWORD}"}}"#), "gave no token: its answer has no `access_token`"),
        (String::new(), "gave no token: its answer is not JSON"),
    ] {
        let error = failure(move |_| Ok(answer(200, body.clone()))).await;
        assert!(error.message().ends_with(words), "{error}");
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Parse, Phase::Prepare));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let error = failure(|_| {
        let mut res = answer(200, "");
        let chunk = bytes::Bytes::from(vec![b' '; 64 << 10]);
        let endless = futures_util::stream::repeat_with(move || Ok(chunk.clone()));
        res.body = trae_native::body::Body::Stream(Box::pin(endless));
        Ok(res)
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.message().contains("gave no token: its answer has more than 1048576 bytes"), "{error}");
}
