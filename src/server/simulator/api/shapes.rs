//! The bodies and the events of the API's successful answers.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Api, Ask};

const MODELS: [(&str, &str, &str); 3] = [
    ("claude-opus-4-5", "Claude Opus 4.5", "2025-11-24T00:00:00Z"),
    ("claude-sonnet-4-5", "Claude Sonnet 4.5", "2025-09-29T00:00:00Z"),
    ("claude-haiku-4-5", "Claude Haiku 4.5", "2025-10-15T00:00:00Z"),
];

/// A whole answer of this text.
pub(in super::super) fn unary(api: Api, ask: &Ask, text: &str) -> Bytes {
    let body = match api {
        Api::Complete => completion(&ask.model, &format!(" {text}"), Some("stop_sequence")),
        Api::Messages => message(
            &ask.model,
            &json!([{ "type": "text", "text": text }]),
            Some("end_turn"),
            &usage(ask.input_tokens, words(text).count()),
        ),
    };
    body.to_string().into()
}

/// The frames of a stream of these deltas; `output_tokens` is what the usage says at the end.
pub(in super::super) fn stream(
    api: Api,
    model: &str,
    input_tokens: u64,
    deltas: &[&str],
    output_tokens: usize,
) -> Vec<Bytes> {
    match api {
        Api::Messages => message_stream(model, input_tokens, deltas, output_tokens),
        Api::Complete => completion_stream(model, deltas),
    }
}

fn message_stream(model: &str, input_tokens: u64, deltas: &[&str], output_tokens: usize) -> Vec<Bytes> {
    let start = message(model, &json!([]), None, &usage(input_tokens, 1));
    let mut events = vec![
        json!({ "type": "message_start", "message": start }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
        json!({ "type": "ping" }),
    ];
    events.extend(deltas.iter().map(|text| {
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": text } })
    }));
    events.extend([
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({
            "type": "message_delta",
            "delta": { "stop_reason": "end_turn", "stop_sequence": null },
            "usage": { "output_tokens": output_tokens },
        }),
        json!({ "type": "message_stop" }),
    ]);
    events.iter().map(frame).collect()
}

fn completion_stream(model: &str, deltas: &[&str]) -> Vec<Bytes> {
    let mut events = vec![json!({ "type": "ping" })];
    events.extend(deltas.iter().map(|text| completion(model, text, None)));
    events.push(completion(model, "", Some("stop_sequence")));
    events.iter().map(frame).collect()
}

/// The deltas of a text: its words, each with the space that follows it.
pub(in super::super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

fn message(model: &str, content: &Value, stop_reason: Option<&str>, usage: &Value) -> Value {
    json!({
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": usage,
    })
}

fn usage(input_tokens: u64, output_tokens: usize) -> Value {
    json!({
        "input_tokens": input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output_tokens,
    })
}

fn completion(model: &str, text: &str, stop_reason: Option<&str>) -> Value {
    json!({
        "type": "completion",
        "id": "compl_01CsqbiTdtRJYgvFQxcJGeYr",
        "completion": text,
        "stop_reason": stop_reason,
        "stop": stop_reason.map(|_| "\n\nHuman:"),
        "model": model,
    })
}

fn frame(event: &Value) -> Bytes {
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default()).into()
}

/// The frame of an event given as JSON, which is sent as it was written. None where it has no `type`.
pub(in super::super) fn named_frame(json: &str) -> Option<Bytes> {
    let json = json.trim();
    let event: Value = serde_json::from_str(json).ok()?;
    let name = event.get("type")?.as_str()?;
    let one_line = !json.contains(['\n', '\r']) && !name.contains(['\n', '\r']);
    one_line.then(|| format!("event: {name}\ndata: {json}\n\n").into())
}

pub(in super::super) fn count_tokens(ask: &Ask) -> Bytes {
    json!({ "input_tokens": ask.input_tokens }).to_string().into()
}

pub(in super::super) fn root() -> Bytes {
    Bytes::from_static(br#"{"name":"simulated Claude API"}"#)
}

fn model_value((id, name, created): (&str, &str, &str)) -> Value {
    json!({ "type": "model", "id": id, "display_name": name, "created_at": created })
}

/// The list of models.
pub(in super::super) fn models() -> Bytes {
    let data: Vec<_> = MODELS.into_iter().map(model_value).collect();
    let (first, last) = (MODELS[0].0, MODELS[MODELS.len() - 1].0);
    json!({ "data": data, "has_more": false, "first_id": first, "last_id": last }).to_string().into()
}

/// One model, if there is one of this id.
pub(in super::super) fn model(id: &str) -> Option<Bytes> {
    let found = MODELS.into_iter().find(|(known, ..)| *known == id)?;
    Some(model_value(found).to_string().into())
}
