//! The native middlewares by name: what their options make of them, and how a wrong one is answered.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use trae_native::{
    ErrorKind, Result,
    body::Body,
    client::{Call, Client, middleware},
    pipeline::Middleware,
    request::Request,
};

use super::{Peer, never, ok, onion, post, refusal, status};

fn built(name: &str, options: Value) -> Arc<dyn Middleware> {
    middleware(name, options).map_err(|error| error.to_string()).unwrap()
}

fn refused(name: &str, options: Value) -> String {
    let error = middleware(name, options).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
    error.message().to_owned()
}

/// How often a call is sent that always fails.
async fn attempts(options: Value) -> usize {
    let peer = Peer::new((0..9).map(|_| status(500)).collect());
    let _ = onion(vec![built("retry", options)], &peer).run(post()).await;
    peer.count()
}

#[tokio::test(start_paused = true)]
async fn every_option_of_retry_is_obeyed() {
    assert_eq!(attempts(Value::Null).await, 3);
    assert_eq!(attempts(json!({})).await, 3);
    assert_eq!(attempts(json!(4)).await, 5);
    assert_eq!(attempts(json!({ "maxRetries": 1, "shouldRetry": "[function]", "onRetry": null })).await, 2);
    assert_eq!(attempts(json!({ "deadline": 100, "base": 200, "jitter": "none" })).await, 1);
    assert_eq!(attempts(json!({ "maxRetries": 8, "budget": { "share": 0, "minPerSecond": 0 } })).await, 1);
    assert_eq!(attempts(json!({ "maxRetries": 8, "budget": { "share": 0.1, "minPerSecond": 0 } })).await, 9);
    let exact =
        json!({ "maxRetries": 4, "base": 10, "factor": 3, "cap": 100, "jitter": "none", "budget": false });
    let peer = Peer::new((0..5).map(|_| status(500)).collect());
    let _ = onion(vec![built("retry", exact)], &peer).run(post()).await;
    assert_eq!(peer.times(), [0, 10, 40, 130, 230]);
    for (longest, sent) in [(500, 1), (2000, 2), (0, 2)] {
        let peer = Peer::new(vec![refusal(429, &[("retry-after", "1")]), ok()]);
        let layer = built("retry", json!({ "maxRetryAfter": longest }));
        let _ = onion(vec![layer], &peer).run(post()).await;
        assert_eq!(peer.count(), sent, "{longest}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_option_of_timeout_and_of_idempotency_key_is_obeyed() {
    for options in [json!(20), json!({ "after": 20 }), json!({ "after": 20, "stream": true })] {
        let peer = Peer::new(vec![never()]);
        let error = onion(vec![built("timeout", options)], &peer).run(post()).await.unwrap_err();
        assert_eq!(error.message(), "no answer came within 20 ms (`timeout()`)");
    }
    let peer = Peer::new(vec![ok()]);
    let layer = built("idempotencyKey", json!({ "header": "X-Once", "methods": ["post"] }));
    onion(vec![layer], &peer).run(post()).await.unwrap();
    assert!(peer.asked()[0].headers.contains_key("x-once"));
}

#[tokio::test]
async fn every_option_of_metrics_is_obeyed() {
    let options = json!({ "prefix": "my_", "buckets": [0.5, 60], "labels": "model", "maxValues": 1 });
    let layer = built("metrics", options);
    for model in ["first", "second"] {
        let body = Body::Full(format!(r#"{{"model":"{model}"}}"#).into());
        onion(vec![Arc::clone(&layer)], &Peer::new(vec![ok()]))
            .run(Request { body, ..post() })
            .await
            .unwrap();
    }
    let client = Client::new(json!({ "proxy": false })).unwrap().layered(vec![layer]).unwrap();
    let text = client.metrics("prometheus").unwrap();
    for figure in [
        r#"my_request_duration_seconds_bucket{le="0.5",method="POST",status_code="200",model="first"} 1"#,
        r#"my_request_duration_seconds_bucket{le="60",method="POST",status_code="200",model="other"} 1"#,
        "my_pool_requests_total 0",
    ] {
        assert!(text.contains(figure), "{figure} is not in {text}");
    }
}

#[test]
fn a_client_tells_the_figures_of_all_its_metrics_and_only_in_formats_that_it_knows() {
    let client = Client::new(json!({ "proxy": false })).unwrap();
    let told =
        |layers: Vec<Arc<dyn Middleware>>, format: &str| client.layered(layers).unwrap().metrics(format);
    let metrics = |prefix: &str| built("metrics", json!({ "prefix": prefix }));
    let text = told(vec![metrics("a_"), built("retry", json!({})), metrics("b_")], "openmetrics").unwrap();
    for name in ["a_attempts", "b_attempts", "a_pool_queued"] {
        assert!(text.contains(&format!("# TYPE {name} ")), "{name} is not in {text}");
    }
    assert!(!text.contains("b_pool"));
    for (layers, format, words) in [
        (vec![], "prometheus", "the client counts nothing: give it `use(metrics())`"),
        (
            vec![metrics("a_"), metrics("a_")],
            "prometheus",
            "two metrics() of the client have the same `metrics.prefix`, `a_`",
        ),
        (vec![metrics("a_")], "xml", "the format of metrics() must be 'prometheus', 'openmetrics' or 'json'"),
    ] {
        let error = told(layers, format).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().starts_with(words), "{error}");
    }
}

#[test]
fn a_wrong_option_is_answered_by_its_full_name_and_what_it_takes() {
    for (name, options, words) in [
        (
            "retry",
            json!({ "maxRetrys": 1 }),
            "unknown option `retry.maxRetrys`: did you mean `retry.maxRetries`?",
        ),
        (
            "retry",
            json!({ "maxRetries": -1 }),
            "`retry.maxRetries` must be a whole number of at least 0, got -1",
        ),
        (
            "retry",
            json!({ "maxRetries": "Infinity" }),
            "`retry.maxRetries` must be a whole number of at least 0, got Infinity",
        ),
        ("retry", json!(1.5), "`retry.maxRetries` must be a whole number of at least 0, got 1.5"),
        ("retry", json!("twice"), "`retry` must be an object or a number of retries, got a string"),
        ("retry", json!({ "base": -1 }), "`retry.base` must be a number of milliseconds, got -1"),
        ("retry", json!({ "factor": 0.5 }), "`retry.factor` must be a number of at least 1, got 0.5"),
        (
            "retry",
            json!({ "jitter": "some" }),
            "`retry.jitter` must be 'full' or 'equal' or 'decorrelated' or 'none' or 'fixed', got a string",
        ),
        ("retry", json!({ "shouldRetry": true }), "`retry.shouldRetry` must be a function, got true"),
        ("retry", json!({ "budget": 3 }), "`retry.budget` must be { share, minPerSecond } or false, got 3"),
        (
            "retry",
            json!({ "budget": { "share": 2 } }),
            "`retry.budget.share` must be a number from 0 to 1, got 2",
        ),
        (
            "retry",
            json!({ "budget": { "minPerSec": 2 } }),
            "unknown option `retry.budget.minPerSec`: did you mean `retry.budget.minPerSecond`?",
        ),
        (
            "timeout",
            json!("1s"),
            "`timeout` must be a number of milliseconds or { after, stream }, got a string",
        ),
        (
            "timeout",
            json!({ "streams": true }),
            "unknown option `timeout.streams`: did you mean `timeout.stream`?",
        ),
        (
            "idempotencyKey",
            json!({ "header": "no header" }),
            "a text of 9 characters in `idempotencyKey.header` is not a header name: character 3 is a space",
        ),
        (
            "idempotencyKey",
            json!({ "methods": ["GET", "a b"] }),
            "`idempotencyKey.methods` holds a text that is not a method of HTTP",
        ),
        (
            "metrics",
            json!({ "bucket": [1] }),
            "unknown option `metrics.bucket`: did you mean `metrics.buckets`?",
        ),
        (
            "metrics",
            json!({ "prefix": "no-dash" }),
            "`metrics.prefix` must be letters, digits, `_` and `:` alone",
        ),
        (
            "metrics",
            json!({ "prefix": "1st" }),
            "`metrics.prefix` must be letters, digits, `_` and `:` alone",
        ),
        (
            "metrics",
            json!({ "buckets": [2, 1] }),
            "`metrics.buckets` must be a list of up to 100 rising numbers of seconds above 0, got an array",
        ),
        ("metrics", json!({ "buckets": [0, 1] }), "`metrics.buckets` must be a list"),
        ("metrics", json!({ "buckets": [] }), "`metrics.buckets` must be a list"),
        ("metrics", json!({ "buckets": ["Infinity"] }), "`metrics.buckets` must be a list"),
        ("metrics", json!({ "labels": ["path"] }), "`metrics.labels` may have 'model' and 'host', each once"),
        (
            "metrics",
            json!({ "labels": ["host", "host"] }),
            "`metrics.labels` may have 'model' and 'host', each once",
        ),
        ("metrics", json!({ "maxValues": 101 }), "`metrics.maxValues` must be at most 100, got 101"),
        ("retri", json!({}), "unknown middleware `retri`: did you mean `retry`?"),
        ("sk-ant-api03-quite-secret", json!({}), "unknown middleware `[redacted]`"),
    ] {
        let message = refused(name, options.clone());
        assert!(message.starts_with(words), "{name} {options}: {message}");
    }
}

#[test]
fn an_option_that_would_be_taken_and_not_hold_is_refused_with_what_to_write() {
    for (name, options, words) in [
        (
            "logger",
            json!({ "base": { "name": "x", "msg": "y" } }),
            "`logger.base.msg` is a field that a line has",
        ),
        (
            "redact",
            json!({ "paths": "$.messages" }),
            "`redact.paths`: `$.messages` is a path for other tools",
        ),
        (
            "redact",
            json!({ "paths": ["req.body.a"] }),
            "`redact.paths`: `req.body.a` begins outside of the body",
        ),
        (
            "redact",
            json!({ "patterns": { "source": "é", "flags": "gi" } }),
            "`redact.patterns[0]` has the flag `i` and a letter beyond ASCII",
        ),
        ("auth", json!({ "value": "k", "header": "Host" }), "`auth.header` is 'host'"),
        ("jwt", json!({ "header": "content-length" }), "`jwt.header` is 'content-length'"),
        ("idempotencyKey", json!({ "header": "host" }), "`idempotencyKey.header` is 'host'"),
    ] {
        let message = refused(name, options.clone());
        assert!(message.starts_with(words), "{name} {options}: {message}");
    }
}

#[tokio::test]
async fn a_call_says_of_its_retries_what_the_middleware_could_be_told_but_not_what_is_of_all_calls() {
    let client = Client::new(json!({ "baseURL": "http://127.0.0.1:1", "proxy": false })).unwrap();
    let call = async |retry: Value| -> Result<()> {
        let options = Some(json!({ "retry": retry }));
        client
            .execute(Call { method: Method::GET, url: "/".into(), options, ..Call::default() })
            .await
            .map(|_| ())
    };
    for retry in
        [json!(false), json!(true), json!(3), json!({ "maxRetries": 1, "jitter": "equal" }), json!(null)]
    {
        assert_eq!(call(retry).await.unwrap_err().kind(), ErrorKind::Refused);
    }
    for (retry, words) in [
        (json!({ "maxRetrys": 1 }), "unknown option `retry.maxRetrys`"),
        (json!({ "budget": false }), "`retry.budget` is of the middleware, for all its calls"),
        (json!({ "onRetry": "[function]" }), "`retry.onRetry` is of the middleware, for all its calls"),
        (json!("no"), "`retry` must be an object or a number of retries, got a string"),
    ] {
        let error = call(retry).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Config && error.message().starts_with(words), "{error}");
    }
}
