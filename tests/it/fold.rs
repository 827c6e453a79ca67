//! The message that events add up to, and the events that a message would have come as.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::{Value, json};
use trae_native::{
    claude::{Folding, events_of},
    event::Event,
};

fn event(data: &str) -> Event {
    Event { data: data.to_owned(), ..Event::default() }
}

fn folded(lines: &str) -> Folding {
    let mut folding = Folding::default();
    lines.lines().for_each(|line| folding.add(&event(line)));
    folding
}

fn message(folding: &Folding) -> Value {
    serde_json::from_str(&folding.message().unwrap()).unwrap()
}

fn again(message: &str) -> Folding {
    let mut folding = Folding::default();
    events_of(message).unwrap().iter().for_each(|event| folding.add(event));
    folding
}

#[test]
fn recorded_streams_add_up_to_their_message_and_that_comes_apart_into_the_same_message() {
    for lines in [
        include_str!("../fixtures/text.jsonl"),
        include_str!("../fixtures/thinking.jsonl"),
        include_str!("../fixtures/tool_use.jsonl"),
        include_str!("../fixtures/server_tool.jsonl"),
        include_str!("../fixtures/refusal.jsonl"),
        include_str!("../fixtures/duplicate_start.jsonl"),
    ] {
        let folding = folded(lines);
        assert!(folding.is_complete() && folding.is_faithful());
        let whole = folding.message().unwrap();
        let again = again(&whole);
        assert_eq!(again.message().unwrap(), whole);
        assert!(again.is_complete() && again.is_faithful());
        assert_eq!(message(&folding)["content"].to_string(), {
            let content: Value = serde_json::from_str(&folding.content()).unwrap();
            content.to_string()
        });
    }
}

#[test]
fn pieces_of_every_kind_find_their_place() {
    let folding = folded(concat!(
        r#"{"type":"message_start","message":{"type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}"#,
        "\n",
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        "\n",
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm\ud83d"}}"#,
        "\n",
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"\ude00"} }"#,
        "\n",
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"abc"}}"#,
        "\n",
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"","citations":[]}}"#,
        "\n",
        r#"{"type":"ping"}"#,
        "\n",
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"n":1.50}}}"#,
        "\n",
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","input":{}}}"#,
        "\n",
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
        "\n",
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":" 1e2}"}}"#,
        "\n",
        r#"{"type":"content_block_stop","index":2}"#,
        "\n",
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"compaction","content":null}}"#,
        "\n",
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"compaction_delta","content":"short"}}"#,
        "\n",
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":null,"output_tokens":9},"context_management":{"x":1}}"#,
        "\n",
        r#"{"type":"message_stop"}"#,
    ));
    assert!(folding.is_complete() && folding.is_faithful());
    assert!(folding.message().unwrap().contains(r#"{"n":1.50}"#), "as it was written");
    assert_eq!(
        message(&folding),
        json!({
            "type": "message",
            "content": [
                { "type": "thinking", "thinking": "hm😀", "signature": "abc" },
                { "type": "text", "text": "", "citations": [{ "n": 1.50 }] },
                { "type": "tool_use", "input": { "a": 1e2 } },
                { "type": "compaction", "content": "short" },
            ],
            "usage": { "input_tokens": 3, "output_tokens": 9 },
            "stop_reason": "end_turn",
            "context_management": { "x": 1 },
        })
    );
}

#[test]
fn what_has_no_place_is_said_and_an_input_that_was_cut_off_stays_text() {
    let start = r#"{"type":"message_start","message":{"type":"message","content":[]}}"#;
    let block = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","input":{}}}"#;
    for strange in [
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"new_delta","x":1}}"#,
        r#"{"type":"content_block_delta","index":7,"delta":{"type":"text_delta","text":"lost"}}"#,
        r#"{"type":"never_heard_of"}"#,
        "no JSON",
    ] {
        assert!(!folded(&format!("{start}\n{block}\n{strange}")).is_faithful(), "{strange}");
    }
    let cut = r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#;
    let folding = folded(&format!("{start}\n{block}\n{cut}"));
    assert_eq!(message(&folding)["content"][0]["input"], json!("{\"a\":"));
    assert!(!folding.is_complete());
    assert!(Folding::default().message().is_none());
}

#[test]
fn what_is_no_message_comes_apart_into_nothing() {
    for other in [
        "",
        "[]",
        "{}",
        r#"{"type":"error"}"#,
        r#"{"type":"message"}"#,
        r#"{"type":"message","content":[1]}"#,
    ] {
        assert_eq!(events_of(other), None, "{other}");
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,12}", "[\"\\\\\\n\\u{1F600}é/]{0,6}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..4)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn block() -> impl Strategy<Value = Value> {
    prop_oneof![
        (text(), prop::option::of(prop::collection::vec(value(), 0..3)))
            .prop_map(|(text, citations)| json!({ "type": "text", "text": text, "citations": citations })),
        (text(), text()).prop_map(|(thinking, signature)| {
            json!({ "type": "thinking", "thinking": thinking, "signature": signature })
        }),
        (text(), value()).prop_map(|(id, input)| json!({ "type": "tool_use", "id": id, "input": input })),
        (text(), value()).prop_map(|(kind, extra)| json!({ "type": kind, "content": extra, "text": 7 })),
    ]
}

proptest! {
    #[test]
    fn any_message_comes_apart_and_adds_up_to_itself(
        blocks in prop::collection::vec(block(), 0..5),
        usage in value(),
        extra in value(),
        stop in prop::option::of(text()),
    ) {
        let whole = json!({
            "type": "message",
            "content": blocks,
            "stop_reason": stop,
            "stop_sequence": null,
            "usage": { "output_tokens": 3, "more": usage },
            "extra": extra,
        })
        .to_string();
        let again = again(&whole);
        prop_assert_eq!(again.message().unwrap(), whole);
        prop_assert!(again.is_complete() && again.is_faithful());
    }
}
