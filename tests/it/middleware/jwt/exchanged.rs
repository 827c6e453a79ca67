//! Tokens that a token endpoint gives for something signed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use http::Method;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use tokio::time::{Instant, advance};
use trae_native::{
    ErrorKind, Phase, Result,
    client::middleware,
    pipeline::Pipeline,
    response::Response,
    transport::{ProxyOptions, Transport, TransportOptions},
};
use url::form_urlencoded;

use super::{read, shared};
use crate::support::{
    api::{Api, Seen, answer, around, busy, call, refusal, reset},
    peer::Peer,
};

const ISSUER: &str = "https://issuer.example/token?tenant=1";

fn at_issuer(seen: &Seen) -> bool {
    seen.url.as_str() == ISSUER
}

/// Tokens `t1`, `t2` and so on from the token endpoint, after these outcomes of its first questions.
fn api(
    first: Vec<fn() -> Result<Response>>,
    accepts: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> Arc<Api> {
    let (asked, given) = (AtomicUsize::new(0), AtomicUsize::new(0));
    Api::slow(Duration::from_millis(100), move |seen| {
        if !at_issuer(seen) {
            let sent = seen.header("authorization").unwrap();
            return if accepts(sent) { Ok(answer(200, "")) } else { Err(refusal(401, "")) };
        }
        if let Some(outcome) = first.get(asked.fetch_add(1, Ordering::SeqCst)) {
            return outcome();
        }
        let number = given.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(answer(200, json!({ "access_token": format!("t{number}"), "expires_in": 3600 }).to_string()))
    })
}

fn pipeline(api: &Arc<Api>, exchange: &Value) -> Pipeline {
    let mut exchange = exchange.clone();
    exchange["url"] = json!(ISSUER);
    let options = shared(&json!({ "exchange": exchange, "jitter": 0, "claims": { "iss": "me" } }));
    around(vec![middleware("jwt", options).unwrap()], api)
}

async fn run(pipeline: &Pipeline) -> Result<()> {
    let outcome = pipeline.run(call()).await;
    tokio::task::yield_now().await;
    outcome.map(drop)
}

/// The fields of each form that came to the token endpoint.
fn forms(api: &Api) -> Vec<Vec<(String, String)>> {
    let fields = |seen: &Seen| form_urlencoded::parse(&seen.body).into_owned().collect();
    api.seen().iter().filter(|seen| at_issuer(seen)).map(fields).collect()
}

fn field<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    &form.iter().find(|(known, _)| known == name).unwrap().1
}

/// What came to the API itself.
fn shown(api: &Api) -> Vec<String> {
    let home = api.seen().into_iter().filter(|seen| !at_issuer(seen));
    home.map(|seen| seen.header("authorization").unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_assertion_is_changed_for_a_token_and_that_is_sent() {
    let api = api(vec![], |_| true);
    let exchange = json!({
        "scope": "read", "params": { "client_id": "me" }, "headers": { "X-Beta": "1", "authorization": "Basic x" },
    });
    run(&pipeline(&api, &exchange)).await.unwrap();
    assert_eq!(shown(&api), ["Bearer t1"]);
    let seen = &api.seen()[0];
    assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert_eq!(seen.header("x-beta"), Some("1"));
    assert_eq!(seen.header("authorization"), Some("Basic x"), "the endpoint's own, not the token");
    let form = &forms(&api)[0];
    assert_eq!(field(form, "grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!((field(form, "scope"), field(form, "client_id")), ("read", "me"));
    let said = read(field(form, "assertion"), Algorithm::HS256).claims;
    assert_eq!((&said["iss"], &said["aud"]), (&json!("me"), &json!(ISSUER)), "the endpoint is the audience");
}

#[tokio::test(start_paused = true)]
async fn a_file_is_read_anew_for_every_exchange() {
    let path = std::env::temp_dir().join(format!("trae-native-assertion-{}", std::process::id()));
    let api = api(vec![], |_| true);
    let exchange =
        json!({ "url": ISSUER, "grant": "token-exchange", "requestedTokenType": "urn:x", "audience": "a" });
    let options = json!({ "assertionFile": path.to_str().unwrap(), "exchange": exchange, "jitter": 0 });
    let pipeline = around(vec![middleware("jwt", options).unwrap()], &api);
    let missing = run(&pipeline).await.unwrap_err();
    assert!(
        missing.message().contains("`jwt.assertionFile`") && missing.message().contains("cannot be read")
    );
    for text in ["first\n", "second\n"] {
        std::fs::write(&path, text).unwrap();
        run(&pipeline).await.unwrap();
        advance(Duration::from_secs(3600)).await;
    }
    std::fs::write(&path, "\n").unwrap();
    let empty = run(&pipeline).await.unwrap_err();
    std::fs::remove_file(&path).unwrap();
    assert!(empty.message().ends_with("the assertion of `jwt` is empty"), "{empty}");
    let forms = forms(&api);
    assert_eq!(
        forms.iter().map(|form| field(form, "subject_token")).collect::<Vec<_>>(),
        ["first", "second"]
    );
    assert_eq!(field(&forms[0], "subject_token_type"), "urn:ietf:params:oauth:token-type:jwt");
}

#[tokio::test(start_paused = true)]
async fn the_lifetime_of_the_answer_holds() {
    let api = api(vec![], |_| true);
    let pipeline = pipeline(&api, &json!({}));
    for pause in [0, 3400, 79, 1] {
        advance(Duration::from_secs(pause)).await;
        run(&pipeline).await.unwrap();
    }
    assert_eq!(shown(&api), ["Bearer t1"; 4], "stale in the end, and refreshed in the background");
    assert_eq!(forms(&api).len(), 2);
    advance(Duration::from_secs(1)).await;
    run(&pipeline).await.unwrap();
    assert_eq!(shown(&api)[4], "Bearer t2");
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_401_is_one_exchange() {
    let api = api(vec![], |sent| sent != "Bearer t1");
    let pipeline = pipeline(&api, &json!({}));
    let outcomes = join_all((0..50).map(|_| run(&pipeline))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!((forms(&api).len(), shown(&api).len()), (2, 100));
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_may_heal_is_tried_again_with_an_assertion_of_its_own() {
    for failure in
        [(|| Err(reset())) as fn() -> Result<Response>, || Err(refusal(503, "")), || Err(busy(429, "1"))]
    {
        let api = api(vec![failure, failure], |_| true);
        run(&pipeline(&api, &json!({}))).await.unwrap();
        let forms = forms(&api);
        let ids: Vec<Value> = forms
            .iter()
            .map(|form| read(field(form, "assertion"), Algorithm::HS256).claims["jti"].clone())
            .collect();
        assert_eq!(ids.len(), 3);
        assert!(ids[0] != ids[1] && ids[1] != ids[2], "a server takes each `jti` once");
    }
}

#[tokio::test(start_paused = true)]
async fn tries_come_to_an_end_and_the_last_failure_is_told() {
    let down = (|| Err(refusal(503, ""))) as fn() -> Result<Response>;
    for (exchange, tries) in
        [(json!({}), 3), (json!({ "maxRetries": 0 }), 1), (json!({ "maxRetries": 5 }), 6)]
    {
        let api = api(vec![down; 9], |_| true);
        let error = run(&pipeline(&api, &exchange)).await.unwrap_err();
        assert_eq!(forms(&api).len(), tries);
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Status(503), Phase::Prepare));
        assert!(error.is_retryable());
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_hangs_is_given_up_after_its_own_timeout() {
    let api = Api::slow(Duration::from_secs(3600), |_| Ok(answer(200, "")));
    let started = Instant::now();
    let error = run(&pipeline(&api, &json!({ "timeout": 500, "maxRetries": 1 }))).await.unwrap_err();
    assert!(
        started.elapsed() <= Duration::from_millis(1200),
        "two tries and a fifth of a second between them"
    );
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Prepare));
    assert_eq!(
        error.message(),
        "`jwt` got no credential: the token endpoint https://issuer.example/token gave no answer within 500 ms (`jwt.exchange.timeout`)"
    );
    assert_eq!(forms(&api).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_after_its_headers_is_given_up_too() {
    let api = Api::new(|_| {
        let mut res = answer(200, "");
        res.body = trae_native::body::Body::Stream(Box::pin(futures_util::stream::pending()));
        Ok(res)
    });
    let error = run(&pipeline(&api, &json!({ "maxRetries": 0 }))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn both_requests_go_through_the_same_transport() {
    let peer = Peer::start(|mut conn| async move {
        while let Some(asked) = conn.request().await {
            let body = match asked.head.split_whitespace().nth(1).unwrap() {
                "/token" => r#"{"access_token":"t1","expires_in":60}"#.to_owned(),
                _ => asked.head.lines().find(|line| line.starts_with("authorization")).unwrap().to_owned(),
            };
            conn.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
        }
    })
    .await;
    let options = shared(&json!({ "exchange": { "url": peer.url("/token").as_str() } }));
    let transport =
        Transport::new(TransportOptions { proxy: ProxyOptions::Off, ..TransportOptions::default() }).unwrap();
    let pipeline = Pipeline::new(vec![middleware("jwt", options).unwrap()], Arc::new(transport));
    let mut req = call();
    Arc::make_mut(&mut req.options).home = None;
    (req.url, req.method) = (peer.url("/v1"), Method::POST);
    let res = pipeline.run(req).await.unwrap();
    let sent = trae_native::body::collect(res.body, 1000, None).await.unwrap();
    assert_eq!(
        (&sent[..], peer.connections()),
        (&b"authorization: bearer t1"[..], 1),
        "the head is in lower case"
    );
}
