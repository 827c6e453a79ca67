//! The bodies and the events of the API's successful answers.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Api, Ask};

const PING: &str = r#"{"type":"ping"}"#;

const MODELS: [(&str, &str, &str); 3] = [
    ("claude-opus-5", "Claude Opus 5", "2026-02-24T00:00:00Z"),
    ("claude-sonnet-5", "Claude Sonnet 5", "2026-02-17T00:00:00Z"),
    ("claude-haiku-4-5", "Claude Haiku 4.5", "2025-10-15T00:00:00Z"),
];

/// A whole answer of this text.
pub(in super::super) fn unary(api: Api, ask: &Ask, text: &str) -> Bytes {
    let body = match api {
        Api::Complete => completion(&ask.model, &format!(" {text}"), Some("stop_sequence")),
        Api::Messages => {
            let content = format!(r#"[{{"type":"text","text":{}}}]"#, quoted(text));
            message(&ask.model, &content, r#""end_turn""#, ask.input_tokens, words(text).count())
        }
    };
    body.into()
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
    let start = message(model, "[]", "null", input_tokens, 1);
    let start = format!(r#"{{"type":"message_start","message":{start}}}"#);
    let mut frames = Vec::with_capacity(deltas.len() + 6);
    frames.push(frame("message_start", &start));
    frames.push(frame(
        "content_block_start",
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    ));
    frames.push(frame("ping", PING));
    frames.extend(deltas.iter().map(|text| {
        let delta = format!(r#"{{"type":"text_delta","text":{}}}"#, quoted(text));
        frame(
            "content_block_delta",
            &format!(r#"{{"type":"content_block_delta","index":0,"delta":{delta}}}"#),
        )
    }));
    frames.push(frame("content_block_stop", r#"{"type":"content_block_stop","index":0}"#));
    let end = r#"{"stop_reason":"end_turn","stop_sequence":null}"#;
    let usage = format!(r#"{{"output_tokens":{output_tokens}}}"#);
    frames.push(frame(
        "message_delta",
        &format!(r#"{{"type":"message_delta","delta":{end},"usage":{usage}}}"#),
    ));
    frames.push(frame("message_stop", r#"{"type":"message_stop"}"#));
    frames
}

fn completion_stream(model: &str, deltas: &[&str]) -> Vec<Bytes> {
    let mut frames = vec![frame("ping", PING)];
    frames.extend(deltas.iter().map(|text| frame("completion", &completion(model, text, None))));
    frames.push(frame("completion", &completion(model, "", Some("stop_sequence"))));
    frames
}

/// The deltas of a text: its words, each with the space that follows it.
pub(in super::super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

/// `content` and `stop_reason` are JSON.
fn message(model: &str, content: &str, stop_reason: &str, input_tokens: u64, output_tokens: usize) -> String {
    let model = quoted(model);
    format!(
        r#"{{"id":"msg_01XFDUDYJgAACzvnptvVoYEL","type":"message","role":"assistant","model":{model},"content":{content},"stop_reason":{stop_reason},"stop_sequence":null,"usage":{{"input_tokens":{input_tokens},"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":{output_tokens}}}}}"#
    )
}

fn completion(model: &str, text: &str, stop_reason: Option<&str>) -> String {
    json!({
        "type": "completion",
        "id": "compl_01CsqbiTdtRJYgvFQxcJGeYr",
        "completion": text,
        "stop_reason": stop_reason,
        "stop": stop_reason.map(|_| "\n\nHuman:"),
        "model": model,
    })
    .to_string()
}

/// The text as a JSON string, without a tree: answers are made while benchmarks wait.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

fn frame(name: &str, data: &str) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}

/// The frame of an event given as JSON, which is sent as it was written. None where it has no `type`.
pub(in super::super) fn named_frame(json: &str) -> Option<Bytes> {
    let json = json.trim();
    let event: Value = serde_json::from_str(json).ok()?;
    let name = event.get("type")?.as_str()?;
    let one_line = !json.contains(['\n', '\r']) && !name.contains(['\n', '\r']);
    one_line.then(|| frame(name, json))
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
