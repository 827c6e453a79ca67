//! A message and the events of its stream, made of each other.
//!
//! Invariant: nothing is guessed. What is not known well enough to be made whole, or to be taken apart, is neither:
//! then there is no message, or no stream, and whoever asks has to ask the server. A message that was made of
//! events, taken apart and made again is the same message.

use serde_json::value::{RawValue, to_raw_value};

use super::{
    members::Members,
    payload::{Kind, inspect},
};
use crate::event::Event;

/// The message that the events of a complete stream make, as the API would have answered it whole.
///
/// ```
/// use trae_native::claude::{fold, unfold};
///
/// let message = r#"{"type":"message","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn"}"#;
/// let events = unfold(message).unwrap();
/// assert_eq!(events.len(), 6);
/// assert_eq!(fold(&events).unwrap(), message);
/// ```
pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Option<String> {
    let mut sum = Sum::default();
    for event in events {
        if matches!(inspect(&event.data).ok()?.kind, Kind::Ping) {
            continue;
        }
        let told = Members::read(&event.data)?;
        let kind = told.text("type")?;
        if kind == "message_stop" {
            return sum.message();
        }
        sum.add(&kind, &told)?;
    }
    None
}

/// The events as which the API would have streamed this message.
pub fn unfold(message: &str) -> Option<Vec<Event>> {
    let message = Members::read(message)?;
    if message.text("type")? != "message" {
        return None;
    }
    let blocks = message.list("content")?;
    let mut events = vec![start(&message)?];
    for (index, block) in blocks.iter().enumerate() {
        let block = Members::read(block.get())?;
        let (empty, pieces) = take_apart(block)?;
        events.push(event("content_block_start", Some(index), Some(("content_block", &empty)))?);
        for delta in pieces {
            events.push(event("content_block_delta", Some(index), Some(("delta", &delta)))?);
        }
        events.push(event("content_block_stop", Some(index), None)?);
    }
    events.push(end(&message)?);
    events.push(event("message_stop", None, None)?);
    Some(events)
}

/// What a message has that is known only at its end, and stands in `message_delta.delta`.
const AT_END: [&str; 2] = ["stop_reason", "stop_sequence"];
/// The same, beside it.
const BESIDE: [&str; 2] = ["usage", "context_management"];

/// Members of a block that come piece by piece, by the kind of the piece.
const TEXTS: [(&str, &str); 3] =
    [("text_delta", "text"), ("thinking_delta", "thinking"), ("signature_delta", "signature")];

#[derive(Default)]
struct Sum {
    message: Option<Members>,
    blocks: Vec<Members>,
    /// The block that has begun and not ended.
    open: Option<Open>,
    closed: bool,
}

struct Open {
    block: Members,
    texts: [Option<String>; 3],
    input: String,
    citations: Vec<Box<RawValue>>,
}

impl Sum {
    /// Takes in an event; `None` where it is none that is known, or comes where it should not.
    fn add(&mut self, kind: &str, told: &Members) -> Option<()> {
        match (kind, &mut self.open) {
            ("message_start", None) if self.message.is_none() => {
                let message = told.object("message")?;
                message.list("content")?.is_empty().then_some(())?;
                self.message = Some(message);
                only(told, &["type", "message"])
            }
            ("content_block_start", None) if self.message.is_some() && !self.closed => {
                at(told, self.blocks.len())?;
                self.open = Some(Open::new(told.object("content_block")?));
                only(told, &["type", "index", "content_block"])
            }
            ("content_block_delta", Some(open)) => {
                open.piece(&told.object("delta")?)?;
                at(told, self.blocks.len())?;
                only(told, &["type", "index", "delta"])
            }
            ("content_block_stop", Some(_)) => {
                at(told, self.blocks.len())?;
                let block = self.open.take()?.block()?;
                self.blocks.push(block);
                only(told, &["type", "index"])
            }
            ("message_delta", None) => {
                self.closed = true;
                self.end(told)
            }
            _ => None,
        }
    }

    fn end(&mut self, told: &Members) -> Option<()> {
        let message = self.message.as_mut()?;
        for (name, value) in told.object("delta")?.iter() {
            message.set(name, value.to_owned());
        }
        if let Some(usage) = told.get("usage").filter(|usage| usage.get() != "null") {
            // Counts are totals so far; one that is `null` is not told again.
            let mut sum = message.object("usage").unwrap_or_default();
            for (name, value) in Members::read(usage.get())?.iter().filter(|(_, value)| value.get() != "null")
            {
                sum.set(name, value.to_owned());
            }
            message.write("usage", &sum)?;
        }
        if let Some(context) = told.get("context_management") {
            message.set("context_management", context.to_owned());
        }
        only(told, &["type", "delta", "usage", "context_management"])
    }

    fn message(self) -> Option<String> {
        if self.open.is_some() {
            return None;
        }
        let mut message = self.message?;
        message.write("content", &self.blocks)?;
        serde_json::to_string(&message).ok()
    }
}

impl Open {
    fn new(block: Members) -> Self {
        Self { block, texts: Default::default(), input: String::new(), citations: Vec::new() }
    }

    fn piece(&mut self, delta: &Members) -> Option<()> {
        let kind = delta.text("type")?;
        if let Some(place) = TEXTS.iter().position(|(known, _)| *known == kind) {
            let name = TEXTS[place].1;
            let text = self.texts[place].get_or_insert_default();
            text.push_str(&delta.text(name)?);
            return only(delta, &["type", name]);
        }
        match kind.as_str() {
            "input_json_delta" => {
                self.input.push_str(&delta.text("partial_json")?);
                only(delta, &["type", "partial_json"])
            }
            "citations_delta" => {
                self.citations.push(delta.get("citation")?.to_owned());
                only(delta, &["type", "citation"])
            }
            _ => None,
        }
    }

    fn block(self) -> Option<Members> {
        let Self { mut block, texts, input, citations } = self;
        for ((_, name), added) in TEXTS.iter().zip(texts) {
            let Some(added) = added else { continue };
            let begun = if block.get(name).is_some() { block.text(name)? } else { String::new() };
            block.write(name, &(begun + &added))?;
        }
        if !input.is_empty() {
            block.set("input", RawValue::from_string(input).ok()?);
        }
        if !citations.is_empty() {
            let begun = if block.get("citations").is_none() || block.is_null("citations") {
                Vec::new()
            } else {
                block.list("citations")?
            };
            block.write("citations", &[begun, citations].concat())?;
        }
        Some(block)
    }
}

/// Whether it is about the block of this number.
fn at(told: &Members, index: usize) -> Option<()> {
    let given: usize = serde_json::from_str(told.get("index")?.get()).ok()?;
    (given == index).then_some(())
}

/// Whether there is nothing but these members: what is not known can't be kept.
fn only(told: &Members, known: &[&str]) -> Option<()> {
    told.names().all(|name| known.contains(&name)).then_some(())
}

/// The message before there is anything of it.
fn start(message: &Members) -> Option<Event> {
    let mut begun = message.clone();
    begun.write("content", &[(); 0])?;
    for name in AT_END.into_iter().filter(|name| message.get(name).is_some()) {
        begun.write(name, &())?;
    }
    event("message_start", None, Some(("message", &begun)))
}

fn end(message: &Members) -> Option<Event> {
    let mut delta = Members::default();
    for name in AT_END {
        if let Some(value) = message.get(name) {
            delta.set(name, value.to_owned());
        }
    }
    let mut end = Members::default();
    end.write("type", &"message_delta")?;
    end.write("delta", &delta)?;
    for name in BESIDE {
        if let Some(value) = message.get(name).filter(|value| value.get() != "null") {
            end.set(name, value.to_owned());
        }
    }
    named("message_delta", &end)
}

/// A block as it begins, and the pieces that make it whole.
fn take_apart(mut block: Members) -> Option<(Members, Vec<Members>)> {
    let mut pieces = Vec::new();
    let kind = block.text("type")?;
    let texts: &[(&str, &str)] = match kind.as_str() {
        "text" => &TEXTS[..1],
        "thinking" => &TEXTS[1..],
        _ => &[],
    };
    for (piece, name) in texts {
        if block.get(name).is_none() {
            continue;
        }
        let text = block.get(name)?.to_owned();
        block.text(name)?;
        pieces.push(delta(piece, name, text)?);
        block.write(name, &"")?;
    }
    if kind.ends_with("tool_use") && block.object("input").is_some() {
        let input = block.get("input")?.get();
        pieces.push(delta("input_json_delta", "partial_json", to_raw_value(input).ok()?)?);
        block.write("input", &Members::default())?;
    }
    if let Some(citations) = block.list("citations").filter(|list| kind == "text" && !list.is_empty()) {
        for citation in citations {
            pieces.push(delta("citations_delta", "citation", citation)?);
        }
        block.write("citations", &[(); 0])?;
    }
    Some((block, pieces))
}

fn delta(kind: &str, name: &str, value: Box<RawValue>) -> Option<Members> {
    let mut delta = Members::default();
    delta.write("type", &kind)?;
    delta.set(name, value);
    Some(delta)
}

/// An event of this kind, about the block of this number, with this besides.
fn event(kind: &str, index: Option<usize>, rest: Option<(&str, &Members)>) -> Option<Event> {
    let mut data = Members::default();
    data.write("type", &kind)?;
    if let Some(index) = index {
        data.write("index", &index)?;
    }
    if let Some((name, value)) = rest {
        data.write(name, value)?;
    }
    named(kind, &data)
}

fn named(kind: &str, data: &Members) -> Option<Event> {
    let data = serde_json::to_string(data).ok()?;
    Some(Event { event: kind.to_owned(), data, ..Event::default() })
}
