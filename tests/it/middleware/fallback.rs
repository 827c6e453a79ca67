//! `fallback`: where a call goes, what goes along, and what is told of it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use serde_json::json;
use trae_native::{
    Error, ErrorKind, Phase,
    body::Body,
    client::middleware,
    pipeline::{Middleware, Pipeline},
    request::Request,
    response::{Response, Served},
};

use super::{
    Asked, Peer, SECOND, Step, after, answer, events, failure, never, now, ok, onion, post, read, refusal,
    status, with,
};

fn layer(options: serde_json::Value) -> Arc<dyn Middleware> {
    middleware("fallback", options).unwrap()
}

fn around(options: serde_json::Value, steps: Vec<Step>) -> (Pipeline, Arc<Peer>) {
    let peer = Peer::new(steps);
    (onion(vec![layer(options)], &peer), peer)
}

fn two() -> serde_json::Value {
    json!({ "targets": [
        { "name": "backup", "baseURL": "https://backup.test/anthropic", "apiKey": "backup-key-1234", "model": "small" },
        { "name": "last", "baseURL": "https://last.test" },
    ] })
}

fn call() -> Request {
    let mut req = with(post(), |options| options.home = Some("http://api.test/".parse().unwrap()));
    req.headers.insert("x-api-key", HeaderValue::from_static("own-key-1234"));
    req.headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    req.body = Body::Full(r#"{ "model": "large", "max_tokens": 5 }"#.into());
    req
}

fn target(res: &Response) -> Option<&str> {
    res.extensions.get::<Served>()?.target.as_deref()
}

fn targets(history: &[trae_native::attempt::Attempt]) -> Vec<&str> {
    history.iter().map(|attempt| attempt.served.target.as_deref().unwrap_or("")).collect()
}

fn text<'a>(asked: &'a Asked, name: &str) -> Option<&'a str> {
    asked.headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_goes_to_the_next_target_as_one_of_its_own() {
    let (onion, peer) = around(two(), vec![status(529), ok()]);
    let res = onion.run(call()).await.unwrap();
    assert_eq!((target(&res), res.attempts), (Some("backup"), 2));
    assert_eq!(targets(&res.history), ["primary", "backup"]);
    let asked = peer.asked();
    assert_eq!(asked[1].url.as_str(), "https://backup.test/anthropic/v1/messages");
    assert_eq!(text(&asked[0], "x-api-key"), Some("own-key-1234"));
    assert_eq!(text(&asked[1], "x-api-key"), Some("backup-key-1234"));
    assert!(asked[1].headers["x-api-key"].is_sensitive());
    assert_eq!(text(&asked[1], "anthropic-version"), Some("2023-06-01"));
    assert_eq!(asked[1].body.as_deref(), Some(br#"{ "model": "small", "max_tokens": 5 }"#.as_slice()));
    assert_eq!(asked.iter().map(|one| one.attempt).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_answered_goes_nowhere_else_and_is_told_who_has_answered() {
    let (onion, peer) = around(two(), vec![ok()]);
    let res = onion.run(call()).await.unwrap();
    assert_eq!((target(&res), res.attempts, peer.count()), (Some("primary"), 1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_no_other_target_can_heal_is_the_callers_at_once() {
    for code in [400, 401, 403, 404, 413, 422] {
        let (onion, peer) = around(two(), vec![status(code), ok()]);
        let error = onion.run(call()).await.unwrap_err();
        assert_eq!((error.status(), error.attempts(), peer.count()), (Some(code), 1, 1));
        assert!(!error.message().contains("fallback()"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn on_says_which_failures_send_a_call_on() {
    let mut options = two();
    options["on"] = json!(["AUTHENTICATION", 404]);
    for (code, count) in [(401, 2), (404, 2), (529, 1), (400, 1)] {
        let (onion, peer) = around(options.clone(), vec![status(code), ok()]);
        let _ = onion.run(call()).await;
        assert_eq!(peer.count(), count, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_all_have_failed_the_last_failure_says_what_each_has_said() {
    let steps = vec![status(529), failure(ErrorKind::Refused, Phase::Connect), status(503)];
    let (onion, _) = around(two(), steps);
    let error = onion.run(call()).await.unwrap_err();
    assert_eq!((error.status(), error.attempts()), (Some(503), 3));
    assert_eq!(targets(error.history()), ["primary", "backup", "last"]);
    let said = "`fallback()` has tried `primary` OVERLOADED, `backup` CONNECTION_REFUSED, `last` SERVER";
    assert!(error.message().ends_with(said), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_was_not_even_asked_does_not_hide_what_the_one_before_has_said() {
    let open = || now(Err(Error::new(ErrorKind::CircuitOpen, Phase::Prepare, "open").with_attempts(0)));
    let (onion, _) = around(two(), vec![refusal(429, &[("retry-after", "7")]), open(), open()]);
    let error = onion.run(call()).await.unwrap_err();
    assert_eq!((error.status(), error.retry_after(), error.attempts()), (Some(429), Some(7 * SECOND), 1));
    assert!(error.message().contains("`last` CIRCUIT_OPEN"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_comes_first_in_a_stream_sends_the_call_on_and_one_that_comes_later_does_not() {
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#;
    let streamed = |batches| now(Ok(answer(200, events(batches))));
    let (onion, peer) = around(
        two(),
        vec![
            streamed(vec![Ok(vec![r#"{"type":"ping"}"#]), Ok(vec![overloaded])]),
            streamed(vec![Ok(vec!["{}"]), Ok(vec![overloaded])]),
        ],
    );
    let res = onion.run(call()).await.unwrap();
    assert_eq!(target(&res), Some("backup"));
    assert_eq!(res.history[0].status, Some(529));
    assert_eq!(read(res).await.0, ["{}", overloaded]);
    assert_eq!(peer.count(), 2, "nothing is sent after something was handed out");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_passes_once_is_sent_once() {
    let (onion, peer) = around(two(), vec![status(529), ok()]);
    let mut req = call();
    req.body = Body::Stream(Box::pin(stream::iter([Ok(Bytes::from_static(b"x"))])));
    let error = onion.run(req).await.unwrap_err();
    assert!(error.message().ends_with("the request's body is streamed, and passes only once"), "{error}");
    assert_eq!(peer.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_whose_status_the_caller_judges_sends_the_call_on_and_the_last_one_is_his() {
    let refused = || now(Ok(answer(503, Body::Full("no".into()))));
    let (onion, peer) = around(two(), vec![refused(), refused(), refused()]);
    let res = onion.run(call()).await.unwrap();
    assert_eq!((res.status.as_u16(), target(&res), res.attempts, peer.count()), (503, Some("last"), 3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_call_to_another_origin_than_the_clients_has_no_other_targets() {
    let (onion, peer) = around(two(), vec![status(529), ok()]);
    let mut req = call();
    req.url = "https://elsewhere.test/v1/messages".parse().unwrap();
    assert!(onion.run(req).await.is_err());
    assert_eq!(peer.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_the_clients_own_target_the_first_of_the_others_is_the_first() {
    let mut options = two();
    options["primary"] = json!(false);
    let (onion, peer) = around(options, vec![status(500), ok()]);
    let res = onion.run(call()).await.unwrap();
    assert_eq!(target(&res), Some("last"));
    assert_eq!(peer.asked()[0].url.host_str(), Some("backup.test"));
}

#[tokio::test(start_paused = true)]
async fn a_call_given_up_in_the_middle_of_a_target_ends_there() {
    let (onion, peer) = around(two(), vec![status(529), never(), ok()]);
    assert!(tokio::time::timeout(SECOND, onion.run(call())).await.is_err());
    assert_eq!(peer.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn auth_inside_of_it_keeps_its_key_to_the_clients_own_origin() {
    let auth = middleware("auth", json!({ "value": "the-clients-key", "scheme": "bearer" })).unwrap();
    let same = json!({ "targets": [{ "apiKey": "another-key-1234" }, { "baseURL": "https://b.test" }] });
    let peer = Peer::new(vec![status(529), status(529), ok()]);
    let onion = onion(vec![layer(same), auth], &peer);
    let mut req = call();
    req.headers.remove("x-api-key");
    onion.run(req).await.unwrap();
    let sent: Vec<_> = peer
        .asked()
        .iter()
        .map(|one| (text(one, "authorization").is_some(), text(one, "x-api-key").is_some()))
        .collect();
    assert_eq!(sent, [(true, false), (false, true), (false, false)]);
}

/// What a property's targets answer with, and whether that sends a call on.
#[derive(Debug, Clone, Copy)]
enum Says {
    Well,
    Busy,
    Wrong,
    Stream,
    Refused,
    Slow,
}

fn says() -> impl Strategy<Value = Says> {
    use Says::{Busy, Refused, Slow, Stream, Well, Wrong};
    prop::sample::select(vec![Well, Busy, Wrong, Stream, Refused, Slow])
}

fn step(says: Says) -> Step {
    match says {
        Says::Well => ok(),
        Says::Busy => status(529),
        Says::Wrong => status(400),
        Says::Stream => now(Ok(answer(
            200,
            events(vec![Ok(vec!["{}"]), Err(Error::new(ErrorKind::Reset, Phase::Body, "x"))]),
        ))),
        Says::Refused => failure(ErrorKind::Refused, Phase::Connect),
        Says::Slow => after(100 * SECOND, Ok(answer(200, Body::Empty))),
    }
}

/// Headers of which some are credentials by their names and some by their mark.
fn headers() -> impl Strategy<Value = HeaderMap> {
    let name = prop::sample::select(vec![
        "x-api-key",
        "authorization",
        "cookie",
        "x-team",
        "accept",
        "proxy-authorization",
        "x-session-token",
        "x-custom",
        "host",
    ]);
    prop::collection::vec((name, any::<bool>()), 0..6).prop_map(|given| {
        let mut headers = HeaderMap::new();
        for (name, marked) in given {
            let credential = trae_native::request::is_credential(&HeaderName::from_static(name));
            let secret = marked || credential || name == "x-custom";
            let mut value = HeaderValue::from_static(if secret { "own-secret-value" } else { "harmless" });
            value.set_sensitive(marked);
            headers.insert(name, value);
        }
        headers
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_call_settles_once_and_no_credential_leaves_its_origin(
        script in prop::collection::vec(says(), 4),
        origins in prop::collection::vec((0..3_u8, any::<bool>(), 0..4_u8), 1..4),
        weighted in any::<bool>(),
        headers in headers(),
        query in prop::sample::select(vec!["", "?beta=1", "?api_key=own-secret-value&x=1"]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let given: Vec<_> = origins.iter().enumerate().map(|(at, (origin, key, weight))| {
                let mut target = json!({ "name": format!("t{at}"), "weight": weight, "model": "m" });
                if *origin > 0 {
                    target["baseURL"] = json!(format!("https://o{origin}.test/below"));
                }
                if *key {
                    target["apiKey"] = json!(format!("key-of-o{origin}-1234"));
                }
                target
            }).collect();
            let strategy = if weighted { "weighted" } else { "ordered" };
            let steps: Vec<Step> = script.iter().copied().map(step).collect();
            let (onion, peer) = around(json!({ "targets": given, "strategy": strategy }), steps);
            let mut req = with(call(), |options| options.secret_headers = vec![HeaderName::from_static("x-custom")]);
            req.headers = headers;
            req.url = format!("http://api.test/v1/messages{query}").parse().unwrap();
            let outcome = tokio::time::timeout(10 * SECOND, onion.run(req)).await;
            let asked = peer.asked();
            let sends_on = |says: &Says| matches!(says, Says::Busy | Says::Refused);
            let expected = script.iter().take(origins.len() + 1).position(|says| !sends_on(says)).map_or(origins.len() + 1, |at| at + 1);
            assert_eq!(asked.len(), expected, "no more than were needed, each once");
            let last = script[expected - 1];
            match outcome {
                Err(_) => assert!(matches!(last, Says::Slow)),
                Ok(Ok(res)) => {
                    assert!(matches!(last, Says::Well | Says::Stream));
                    assert_eq!(usize::try_from(res.attempts).unwrap(), expected);
                }
                Ok(Err(error)) => {
                    assert!(matches!(last, Says::Busy | Says::Refused | Says::Wrong));
                    assert_eq!(error.history().len(), expected);
                }
            }
            for one in &asked {
                let host = one.url.host_str().unwrap();
                let told = format!("{} {:?}", one.url, one.headers.values().map(HeaderValue::as_bytes).map(String::from_utf8_lossy).collect::<Vec<_>>());
                if host != "api.test" {
                    assert!(!told.contains("own-secret"), "{told}");
                    assert!(!one.headers.contains_key("host"));
                }
                for origin in 0..3 {
                    let home = if origin == 0 { "api.test".to_owned() } else { format!("o{origin}.test") };
                    assert!(host == home || !told.contains(&format!("key-of-o{origin}-")), "{told}");
                }
            }
        });
    }
}

#[test]
fn wrong_options_are_refused_by_name_and_no_key_is_repeated() {
    let long = "k".repeat(65);
    for (options, expected) in [
        (json!({}), "`fallback.targets` must have somewhere to go"),
        (json!({ "targets": "x" }), "`fallback.targets` must be a list of targets, got a string"),
        (json!({ "targets": [{}] }), "`fallback.targets[0]` is the client's own target again"),
        (json!({ "targets": [{ "model": "m", "nmae": "x" }] }), "did you mean `fallback.targets[0].name`?"),
        (
            json!({ "targets": [{ "baseURL": "ftp://x" }] }),
            "`fallback.targets[0].baseURL` is no URL that can be called",
        ),
        (json!({ "targets": [{ "baseURL": "https://me:pw@x" }] }), "user name or password"),
        (
            json!({ "targets": [{ "model": "m", "name": long }] }),
            "`fallback.targets[0].name` must be a name of at most 64",
        ),
        (
            json!({ "targets": [{ "model": "m", "name": "sk-ant-api03-aaaaaaaaaaaaaaaaaaaaaaaa" }] }),
            "no key, no line break",
        ),
        (
            json!({ "targets": [{ "model": "m", "name": "primary" }] }),
            "two of `fallback.targets` are called 'primary'",
        ),
        (
            json!({ "targets": [{ "model": "m", "apiKey": "quite\nsecret" }] }),
            "`fallback.targets[0].apiKey`: the credential has a character",
        ),
        (
            json!({ "targets": [{ "model": "m", "scheme": "bearer" }] }),
            "there is no `fallback.targets[0].apiKey`",
        ),
        (json!({ "targets": [{ "model": "m" }], "on": ["OVERLODED"] }), "did you mean 'OVERLOADED'?"),
        (json!({ "targets": [{ "model": "m" }], "on": [200] }), "statuses from 400 to 599"),
        (
            json!({ "targets": [{ "model": "m" }], "primary": true }),
            "`fallback.primary` must be { name, weight } or false",
        ),
        (json!({ "targets": [{ "model": "m" }], "primary": false }), "somewhere to go"),
        (json!({ "targets": [{ "model": "m" }], "strategy": "random" }), "'ordered' or 'weighted'"),
    ] {
        let error = middleware("fallback", options).err().unwrap();
        assert!(error.message().contains(expected), "{expected}: {error}");
        assert!(!error.message().contains("secret") && !error.message().contains("sk-ant"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_get_and_a_content_without_a_model_go_to_other_targets_as_they_are() {
    let (onion, peer) = around(two(), vec![status(529), ok()]);
    let mut req = call();
    (req.method, req.body) = (Method::GET, Body::Empty);
    onion.run(req).await.unwrap();
    assert_eq!(peer.asked()[1].body, None);
}

#[tokio::test(start_paused = true)]
async fn time_is_told_for_each_attempt() {
    let late = Err(Error::new(ErrorKind::Timeout, Phase::FirstByte, "x"));
    let (onion, _) =
        around(two(), vec![after(3 * SECOND, late), after(SECOND, Ok(answer(200, Body::Empty)))]);
    let history = onion.run(call()).await.unwrap().history;
    assert_eq!(history.iter().map(|one| one.took).collect::<Vec<Duration>>(), [3 * SECOND, SECOND]);
}
