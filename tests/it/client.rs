//! What options make of a call, and what is told when it fails: the client against servers by hand.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use http::{HeaderName, Method};
use serde_json::{Value, json};
use tokio::time::timeout;
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    client::{Call, Client, Content, Reply},
    event::Event,
    redact::names::is_secret,
    request::is_credential,
};

use crate::support::peer::Peer;

const KEY: &str = "sk-ant-api03-quite-secret_0123456789";

fn client(peer: &Peer, options: &Value) -> Client {
    let mut config = json!({ "baseURL": peer.url("/").as_str(), "proxy": false });
    config.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    Client::new(config).unwrap()
}

async fn call(client: &Client, path: &str, options: Value) -> Result<Reply> {
    let call = Call { method: Method::POST, url: path.into(), options: Some(options), ..Call::default() };
    timeout(Duration::from_secs(10), client.execute(call)).await.unwrap()
}

fn answer(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

/// The events of a stream and the error that ended it.
async fn read(reply: Reply) -> (Vec<Event>, Option<Error>) {
    let Content::Events(mut reader) = reply.content else { unreachable!("it is a stream of events") };
    let mut all = Vec::new();
    while let Some(events) = reader.next().await {
        match events {
            Ok(events) => all.extend(events),
            Err(error) => return (all, Some(error)),
        }
    }
    (all, None)
}

async fn stream(path: &str, body: &str, options: Value) -> (Vec<Event>, Option<Error>) {
    let peer = Peer::answering(answer(200, "content-type: text/event-stream\r\n", body)).await;
    read(call(&client(&peer, &json!({})), path, options).await.unwrap()).await
}

/// Everything of an error that somebody may print.
fn told(error: &Error) -> String {
    let response = error.response().unwrap();
    format!("{error} {error:?} {} {:?}", String::from_utf8_lossy(&response.body), response.headers)
}

#[test]
fn a_header_is_a_credential_by_the_words_of_its_name() {
    let names: Value = serde_json::from_str(include_str!("../fixtures/names.json")).unwrap();
    for (list, expected) in [("secretHeaders", true), ("harmlessHeaders", false)] {
        for name in names[list].as_array().unwrap() {
            let name = name.as_str().unwrap();
            assert_eq!(is_credential(&name.parse::<HeaderName>().unwrap()), expected, "{name}");
        }
    }
}

#[test]
fn a_name_of_any_kind_tells_a_secret_by_its_words() {
    let names: Value = serde_json::from_str(include_str!("../fixtures/names.json")).unwrap();
    for (list, expected) in [
        ("secretHeaders", true),
        ("harmlessHeaders", false),
        ("secretOptions", true),
        ("harmlessOptions", false),
    ] {
        for name in names[list].as_array().unwrap() {
            assert_eq!(is_secret(name.as_str().unwrap()), expected, "{name}");
        }
    }
}

#[tokio::test]
async fn a_key_that_the_server_repeats_is_not_told() {
    for (header, value, repeated) in [
        ("x-api-key", KEY, KEY),
        ("x-api-key", "no-known-prefix", "no-known-prefix"),
        ("authorization", "Bearer no-known-prefix", "no-known-prefix"),
        ("cookie", "theme=dark; session=0123456789", "0123456789"),
        ("x-auth-token", "a\"quoted\"token", r#"a\"quoted\"token"#),
    ] {
        let body = format!(
            r#"{{"error":{{"type":"authentication_error","message":"invalid: {repeated}, or {repeated}"}}}}"#
        );
        let headers = format!("x-seen: <{repeated}>\r\nrequest-id: req_1\r\n");
        let peer = Peer::answering(answer(401, &headers, &body)).await;
        let by_client = client(&peer, &json!({ "headers": { header: value } }));
        let by_call = (client(&peer, &json!({})), json!({ "headers": { header: value } }));
        for (client, options) in [(by_client, json!({})), by_call] {
            let error = call(&client, "/x", options).await.err().unwrap();
            assert!(!told(&error).contains(repeated) && !told(&error).contains(value), "{}", told(&error));
            assert!(
                error.message().ends_with("invalid: [redacted], or [redacted] (request req_1)"),
                "{error}"
            );
            assert_eq!(error.response().unwrap().headers["x-seen"], "<[redacted]>");
            assert_eq!(error.response().unwrap().api_type.as_deref(), Some("authentication_error"));
        }
    }
}

#[tokio::test]
async fn a_key_that_was_not_sent_is_known_by_its_looks() {
    let long = "sk-proj-0123456789abcdef0123";
    let body = format!(r#"{{"error":"{KEY},{long} x{KEY}; sk-learn, task-force and sk-ant- are no keys"}}"#);
    let peer = Peer::answering(answer(500, "", &body)).await;
    let error = call(&client(&peer, &json!({})), "/x", json!({})).await.err().unwrap();
    assert!(!told(&error).contains(KEY) && !told(&error).contains(long), "{}", told(&error));
    let words = "[redacted],[redacted] x[redacted]; sk-learn, task-force and sk-ant- are no keys";
    assert!(error.message().ends_with(words), "{error}");
}

#[tokio::test]
async fn a_short_value_may_stand_in_any_text() {
    let peer = Peer::answering(answer(400, "", r#"{"message":"the word is short"}"#)).await;
    let client = client(&peer, &json!({ "headers": { "x-api-key": "word" } }));
    let error = call(&client, "/x", json!({})).await.err().unwrap();
    assert!(error.message().ends_with("the word is short"), "{error}");
}

#[tokio::test]
async fn an_error_event_does_not_repeat_the_key_either() {
    let body = format!(
        "data: {{\"type\":\"delta\",\"text\":\"{KEY}\"}}\n\nevent: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"api_error\",\"message\":\"no {KEY}\"}}}}\n\n"
    );
    for header in ["x-api-key", "accept-language"] {
        let options = json!({ "headers": { header: KEY } });
        let (events, error) = stream("/messages", &body, options).await;
        let error = error.unwrap();
        assert!(!told(&error).contains(KEY), "{}", told(&error));
        assert_eq!(error.message(), "api_error: no [redacted]");
        assert_eq!(error.kind(), ErrorKind::Status(500));
        assert!(events[0].data.contains(KEY), "what is no error is the caller's as it is");
    }
}

#[tokio::test]
async fn a_name_that_is_no_header_is_described_and_not_repeated() {
    let peer = Peer::answering(answer(200, "", "")).await;
    let client = client(&peer, &json!({}));
    for (name, words) in [
        (
            "my secret key",
            "a text of 13 characters in `headers` is not a header name: character 3 is a space",
        ),
        ("x-secret: 1", "character 9 is a colon"),
        ("secret\n", "character 7 is a line break"),
        ("secret\t", "character 7 is a control character"),
        ("sécret", "character 2 is no letter or digit of ASCII"),
        ("secret“", "character 7 is beyond ASCII"),
        ("secret/", "character 7 is a punctuation mark; only letters, digits and !#$"),
        ("", "is empty"),
    ] {
        let error = call(&client, "/x", json!({ "headers": { name: "v" } })).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(words), "{error}");
        assert!(!error.message().contains("cret"), "{error}");
    }
    let value = json!({ "headers": { KEY: "line\nbreak" } });
    let option = Client::new(json!({ KEY: true })).err().unwrap();
    for error in [call(&client, "/x", value).await.err().unwrap(), option] {
        assert!(error.message().contains("[redacted]") && !error.message().contains(KEY), "{error}");
    }
}

#[tokio::test]
async fn a_message_must_come_where_messages_are_answered() {
    let start = "data: {\"type\":\"message_start\"}\n\n";
    let stop = "data: {\"type\":\"message_stop\"}\n\n";
    let ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n";
    let other = "data: {\"n\":1}\n\n";
    for (path, body, complete) in [
        ("/v1/messages", String::new(), false),
        ("/v1/messages?beta=true", ping.repeat(2), false),
        ("/v1/messages", other.to_owned(), false),
        ("/v1/messages", start.to_owned(), false),
        ("/v1/messages", start.to_owned() + stop, true),
        ("/v1/messages", "data: [DONE]\n\n".to_owned(), true),
        ("/v1/complete", String::new(), true),
        ("/v1/complete", ping.repeat(2), true),
        ("/v1/complete", start.to_owned(), false),
        ("/v1/messages/batches", other.to_owned(), true),
    ] {
        let (_, error) = stream(path, &body, json!({})).await;
        assert_eq!(error.is_none(), complete, "{path} {body}: {error:?}");
        if let Some(error) = error {
            assert_eq!((error.kind(), error.phase()), (ErrorKind::IncompleteStream, Phase::Body));
            assert!(error.message().contains("before message_stop"), "{error}");
        }
    }
    let (_, error) = stream("/v1/messages", ping, json!({ "responseType": "sse" })).await;
    assert!(error.is_none(), "text knows no protocol");
}

#[tokio::test]
async fn a_limit_that_passed_is_named_as_the_user_wrote_it() {
    let silent = Peer::start(|mut conn| async move { conn.closed().await }).await;
    let begun = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nonly";
    let slow = Peer::start(move |mut conn| async move {
        conn.request().await;
        conn.write(begun).await;
        conn.closed().await;
    })
    .await;
    for (peer, limit, phase, option) in [
        (&silent, json!(30), Phase::FirstByte, "`timeout`"),
        (&silent, json!({ "firstByte": 30 }), Phase::FirstByte, "`timeout.firstByte`"),
        (&silent, json!({ "total": 30 }), Phase::Total, "`timeout.total`"),
        (&slow, json!(60), Phase::Total, "`timeout`"),
        (&slow, json!({ "total": 60 }), Phase::Total, "`timeout.total`"),
        (&slow, json!({ "idle": 60 }), Phase::Idle, "`timeout.idle`"),
    ] {
        let error = call(&client(peer, &json!({ "timeout": limit })), "/x", json!({})).await.err().unwrap();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, phase), "{limit}: {error}");
        assert!(error.message().ends_with(&format!("({option})")), "{limit}: {error}");
    }
    let options = json!({ "timeout": { "firstByte": 30 } });
    let error = call(&client(&silent, &json!({ "timeout": 5000 })), "/x", options).await.err().unwrap();
    assert!(error.message().ends_with("(`timeout.firstByte`)"), "a call's own stage still counts: {error}");
}

#[tokio::test]
async fn a_stream_with_more_than_is_read_does_not_outlive_its_limit() {
    let peer = Peer::start(|mut conn| async move {
        conn.request().await;
        conn.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").await;
        loop {
            conn.write("data: 1\n\n".repeat(5000)).await;
        }
    })
    .await;
    for shape in ["events", "sse"] {
        let options = json!({ "timeout": { "total": 100 }, "responseType": shape });
        let reply = call(&client(&peer, &json!({})), "/x", options).await.unwrap();
        let Content::Events(mut reader) = reply.content else { unreachable!("it is a stream of events") };
        assert!(reader.next().await.unwrap().is_ok());
        tokio::time::sleep(Duration::from_millis(120)).await;
        let error = reader.next().await.unwrap().err().unwrap();
        assert_eq!(error.message(), "the call was not finished within 100 ms (`timeout.total`)");
        assert!(reader.next().await.is_none());
    }
}

#[tokio::test]
async fn the_boundary_of_a_form_is_always_named() {
    let peer = Peer::start(|mut conn| async move {
        let head = conn.request().await.unwrap().head;
        let sent = head.lines().find(|line| line.starts_with("content-type")).unwrap_or("none").to_owned();
        conn.write(answer(200, "content-type: text/plain\r\n", &sent)).await;
    })
    .await;
    for (own, by_client, by_call, expected) in [
        ("multipart/form-data; boundary=b", None, None, "multipart/form-data; boundary=b"),
        (
            "multipart/form-data; boundary=b",
            Some("application/json"),
            None,
            "multipart/form-data; boundary=b",
        ),
        (
            "multipart/form-data; boundary=b",
            None,
            Some("multipart/form-data"),
            "multipart/form-data; boundary=b",
        ),
        ("multipart/form-data; boundary=b", None, Some("Multipart/Mixed"), "multipart/form-data; boundary=b"),
        (
            "application/octet-stream",
            None,
            Some("multipart/mixed; boundary=c"),
            "multipart/mixed; boundary=c",
        ),
        ("multipart/mixed", None, Some("multipart/mixed; boundary=c"), "multipart/mixed; boundary=c"),
        ("text/plain", Some("text/html"), None, "text/html"),
    ] {
        let client = client(&peer, &json!({ "headers": { "content-type": by_client } }));
        let call = Call {
            method: Method::POST,
            url: "/x".into(),
            body: Body::Full("x".into()),
            content_type: Some(own.into()),
            options: by_call.map(|value| json!({ "headers": { "content-type": value } })),
            ..Call::default()
        };
        let Content::Text(sent) = client.execute(call).await.unwrap().content else {
            unreachable!("it is text")
        };
        assert_eq!(sent, format!("content-type: {expected}"), "{own} {by_client:?} {by_call:?}");
    }
}

#[tokio::test]
async fn what_is_kept_warm_ends_with_the_last_client_of_its_pool() {
    let peer = Peer::answering("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    let client = client(&peer, &json!({}));
    assert!(client.keep_warm(json!({ "connections": 2 })).unwrap().is_none(), "nobody asked for it");
    let keeping = client.keep_warm(json!({ "connections": 2, "every": 1 })).unwrap().unwrap();
    let keeping = tokio::spawn(keeping);
    let child = client.extend(json!({ "baseURL": peer.url("/v1").as_str(), "proxy": false })).unwrap();
    drop(client);
    while peer.connections() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(!keeping.is_finished());
    assert_eq!(child.warmup(json!({ "connections": 2 })).await.unwrap().connections.len(), 2);
    assert_eq!(peer.connections(), 2, "the pool is one");
    drop(child);
    timeout(Duration::from_secs(10), keeping).await.unwrap().unwrap();
}
