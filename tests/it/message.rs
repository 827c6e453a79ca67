//! A stream as the message that it adds up to: one answer, what had come where it fails, and nothing kept that is too large.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};
use trae_native::{
    Error, ErrorKind, Result,
    claude::{Folding, events_of},
    client::{Call, Client, Content, EventReader},
    event::Event,
};

use crate::support::peer::Peer;

/// The answer whose events are these lines.
fn streamed(lines: &str) -> String {
    let body: String = lines.lines().flat_map(|line| ["data: ", line, "\n\n"]).collect();
    let length = body.len();
    format!("HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ncontent-length: {length}\r\n\r\n{body}")
}

async fn ask(answer: String, mut options: Value, shape: &str) -> Result<Content> {
    let peer = Peer::answering(answer).await;
    let client = Client::new(json!({ "baseURL": peer.url("/").as_str(), "proxy": false })).unwrap();
    options["responseType"] = json!(shape);
    let call =
        Call { method: Method::POST, url: "/v1/messages".into(), options: Some(options), ..Call::default() };
    Ok(client.execute(call).await?.content)
}

async fn message(answer: String, options: Value) -> Result<Value> {
    match ask(answer, options, "message").await? {
        Content::Json(bytes) => Ok(serde_json::from_slice(&bytes).unwrap()),
        _ => unreachable!("it is one answer"),
    }
}

async fn reader(answer: String, options: Value) -> EventReader {
    match ask(answer, options, "events").await.unwrap() {
        Content::Events(reader) => *reader,
        _ => unreachable!("it is a stream"),
    }
}

fn folded(lines: &str) -> String {
    let mut folding = Folding::default();
    for data in lines.lines() {
        folding.add(&Event { data: data.to_owned(), ..Event::default() });
    }
    folding.message().unwrap()
}

#[tokio::test]
async fn a_stream_is_answered_as_the_message_that_it_adds_up_to() {
    for lines in [
        include_str!("../fixtures/text.jsonl"),
        include_str!("../fixtures/thinking.jsonl"),
        include_str!("../fixtures/tool_use.jsonl"),
        include_str!("../fixtures/server_tool.jsonl"),
        include_str!("../fixtures/duplicate_start.jsonl"),
        include_str!("../fixtures/unknown_types.jsonl"),
    ] {
        let told = message(streamed(lines), json!({})).await.unwrap();
        assert_eq!(told, serde_json::from_str::<Value>(&folded(lines)).unwrap());
    }
}

#[tokio::test]
async fn an_answer_that_is_whole_already_is_taken_as_it_is() {
    let whole = "HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{\"a\": 1 }";
    assert_eq!(message(whole.to_owned(), json!({})).await.unwrap(), json!({ "a": 1 }));
}

#[tokio::test]
async fn a_failure_carries_what_had_come_and_shows_none_of_it() {
    let lines = include_str!("../fixtures/text.jsonl");
    let cut: String = lines.lines().take(5).fold(String::new(), |cut, line| cut + line + "\n");
    let broken = cut.clone() + r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#;
    for (stream, kind) in [(&cut, ErrorKind::IncompleteStream), (&broken, ErrorKind::Status(529))] {
        let error = message(streamed(stream), json!({})).await.unwrap_err();
        assert_eq!((error.kind(), error.partial()), (kind, Some(folded(&cut).as_str())));
        let shown = |error: &Error| format!("{error} {error:?}");
        assert!(!shown(&error).contains("\"content\"") && shown(&error).contains("Partial("));
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_is_not_kept_and_its_events_come_all_the_same() {
    let lines = include_str!("../fixtures/text.jsonl");
    let stream = || streamed(lines);
    let small = || json!({ "maxResponseBytes": 300 });
    assert_eq!(message(stream(), small()).await.unwrap_err().kind(), ErrorKind::TooLarge);
    let mut reader = reader(stream(), small()).await;
    let mut count = 0;
    while let Some(events) = reader.next().await {
        count += events.unwrap().len();
    }
    assert_eq!(count, lines.lines().filter(|line| !line.contains("\"ping\"")).count());
    assert_eq!((reader.message().json(), reader.message().usage()), (None, None));
    assert!(reader.message().too_large().is_some());
}

/// What would vanish is told: the caller would take the rest for the whole.
#[tokio::test]
async fn a_piece_for_a_block_that_nobody_began_is_told_with_what_had_come() {
    let start = r#"{"type":"message_start","message":{"type":"message","content":[]}}"#;
    let block = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"kept"}}"#;
    let stop = r#"{"type":"message_stop"}"#;
    let piece = r#""delta":{"type":"text_delta","text":"lost"}"#;
    for index in [r#""index":1,"#, r#""index":-1,"#, r#""index":1.5,"#, r#""index":null,"#, ""] {
        let lines = format!("{start}\n{block}\n{{\"type\":\"content_block_delta\",{index}{piece}}}\n{stop}");
        let error = message(streamed(&lines), json!({})).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parse, "{index}");
        assert!(error.partial().is_some_and(|partial| partial.contains("kept")), "{index}");
    }
    let again = format!(
        "{start}\n{block}\n{start}\n{{\"type\":\"content_block_delta\",\"index\":0,{piece}}}\n{stop}"
    );
    assert_eq!(message(streamed(&again), json!({})).await.unwrap_err().kind(), ErrorKind::Parse);
}

#[tokio::test]
async fn a_stream_of_another_kind_has_no_message() {
    let mut other = reader(streamed("{\"a\":1}\n[DONE]"), json!({})).await;
    assert!(other.next().await.unwrap().is_ok() && other.next().await.is_none());
    assert!(other.message().json().is_none() && other.message().too_large().is_none());
}

fn any_message() -> impl Strategy<Value = Value> {
    let block = prop_oneof![
        any::<String>().prop_map(|text| json!({ "type": "text", "text": text })),
        any::<String>().prop_map(|text| json!({ "type": "thinking", "thinking": text, "signature": "s" })),
        any::<(String, u32)>().prop_map(|(name, n)| json!({ "type": "tool_use", "input": { name: n } })),
    ];
    proptest::collection::vec(block, 0..4).prop_map(|content| {
        json!({ "type": "message", "content": content, "stop_reason": "end_turn", "usage": { "output_tokens": 3 } })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_message_comes_out_of_the_stream_that_it_would_have_been(whole in any_message()) {
        let events = events_of(&whole.to_string()).unwrap();
        let lines: Vec<&str> = events.iter().map(|event| event.data.as_str()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let told = runtime.block_on(message(streamed(&lines.join("\n")), json!({}))).unwrap();
        prop_assert_eq!(told, whole);
    }
}
