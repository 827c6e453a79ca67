//! The events that a whole message would have come as.

use serde_json::value::RawValue;

use super::members::{Members, quoted, read};
use crate::event::Event;

/// Members that a stream tells at its end.
const LATE: [&str; 2] = ["stop_reason", "stop_sequence"];

/// The events of a message; `None` where this is none. Added up again they are the same message.
pub fn events_of(message: &str) -> Option<Vec<Event>> {
    let mut start = read(message)?;
    if start.text("type").as_deref() != Some("message") {
        return None;
    }
    let content: Vec<&RawValue> = serde_json::from_str(start.get("content")?).ok()?;
    let blocks: Vec<Members> = content.iter().map(|block| read(block.get())).collect::<Option<_>>()?;
    let delta = late(&mut start);
    start.set("content", "[]".to_owned());

    let mut events = vec![event("message_start", &format!(r#""message":{}"#, start.write()))];
    for (index, block) in blocks.into_iter().enumerate() {
        unfold(&mut events, index, block);
    }
    let usage = start.get("usage").map(|usage| format!(r#","usage":{usage}"#)).unwrap_or_default();
    events.push(event("message_delta", &format!(r#""delta":{}{usage}"#, delta.write())));
    events.push(Event {
        event: "message_stop".to_owned(),
        data: r#"{"type":"message_stop"}"#.to_owned(),
        ..Event::default()
    });
    Some(events)
}

/// What comes at the end is null until then.
fn late(start: &mut Members) -> Members {
    let mut delta = Members::default();
    for name in LATE {
        if let Some(value) = start.get(name).map(str::to_owned) {
            delta.set(name, value);
            start.set(name, "null".to_owned());
        }
    }
    delta
}

fn unfold(events: &mut Vec<Event>, index: usize, mut block: Members) {
    let mut pieces = Vec::new();
    for (member, kind) in
        [("text", "text_delta"), ("thinking", "thinking_delta"), ("signature", "signature_delta")]
    {
        let Some(text) = block.get(member).filter(|text| text.starts_with('"') && *text != "\"\"") else {
            continue;
        };
        pieces.push(format!(r#"{{"type":"{kind}","{member}":{text}}}"#));
        block.set(member, "\"\"".to_owned());
    }
    if let Some(input) = block
        .get("input")
        .filter(|input| input.starts_with('{') && read(input).as_ref() != Some(&Members::default()))
    {
        pieces.push(format!(r#"{{"type":"input_json_delta","partial_json":{}}}"#, quoted(input)));
        block.set("input", "{}".to_owned());
    }
    let citations = block.get("citations").and_then(|list| serde_json::from_str::<Vec<&RawValue>>(list).ok());
    let citations: Vec<String> = citations
        .into_iter()
        .flatten()
        .map(|one| format!(r#"{{"type":"citations_delta","citation":{}}}"#, one.get()))
        .collect();
    if !citations.is_empty() {
        block.set("citations", "[]".to_owned());
        pieces.extend(citations);
    }
    events
        .push(event("content_block_start", &format!(r#""index":{index},"content_block":{}"#, block.write())));
    for piece in pieces {
        events.push(event("content_block_delta", &format!(r#""index":{index},"delta":{piece}"#)));
    }
    events.push(event("content_block_stop", &format!(r#""index":{index}"#)));
}

fn event(kind: &str, rest: &str) -> Event {
    Event { event: kind.to_owned(), data: format!(r#"{{"type":"{kind}",{rest}}}"#), ..Event::default() }
}
