//! One turn: what a call says, what it is sent with, and what is kept of it and of its answer. Content is carried over
//! as it is written.

use std::{borrow::Cow, collections::HashSet, fmt};

use bytes::Bytes;
use serde::{
    Deserialize,
    de::{Deserializer as _, MapAccess, Visitor},
};
use serde_json::{Deserializer, value::RawValue};

use super::{surrogates::mended, window::Mark};
use crate::{Error, ErrorKind, Phase, Result, body::Body, claude::Usage};

/// About how many bytes of JSON make a token.
const BYTES_PER_TOKEN: u64 = 4;

/// About how many tokens an image or a document takes, whose bytes say little of that.
const TOKENS_PER_FILE: u64 = 1600;

/// Which form a turn is kept in.
const FORM: &str = "1";

/// A turn that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// About how many tokens it takes.
    pub tokens: u64,
    /// Whether a conversation can begin with it.
    pub opens: bool,
    /// Its messages as JSON, with commas between them.
    pub messages: Bytes,
}

impl Turn {
    /// What its place in the window depends on.
    pub fn mark(&self) -> Mark {
        Mark { tokens: self.tokens, opens: self.opens }
    }

    /// The form in which a store keeps it: a script reads its first words.
    pub fn encode(&self) -> Vec<u8> {
        let head = format!("{FORM} {} {} ", self.tokens, u8::from(self.opens));
        [head.as_bytes(), &self.messages].concat()
    }

    /// What a store has kept; `None` where that is of another form.
    pub fn decode(kept: &Bytes) -> Option<Self> {
        let mut ends = memchr::memchr_iter(b' ', kept).take(3);
        let (form, tokens, opens) = (ends.next()?, ends.next()?, ends.next()?);
        let word = |from: usize, to: usize| std::str::from_utf8(&kept[from..to]).ok();
        if word(0, form)? != FORM {
            return None;
        }
        Some(Self {
            tokens: word(form + 1, tokens)?.parse().ok()?,
            opens: word(tokens + 1, opens)? == "1",
            messages: kept.slice(opens + 1..),
        })
    }

    /// Of messages that were written elsewhere, as many as belong together.
    pub fn of(messages: &[&RawValue]) -> Result<Self> {
        let texts: Vec<&str> = messages.iter().map(|message| message.get()).collect();
        let tokens = texts.iter().map(|text| estimate(text)).sum();
        let opens = messages.first().map(|first| opens(first)).transpose()?.unwrap_or_default();
        Ok(Self { tokens, opens, messages: texts.join(",").into() })
    }
}

/// What a call says: the new messages, and the rest of the body.
pub struct Spoken {
    /// The body's other members, as they are written.
    rest: Vec<(String, Box<RawValue>)>,
    /// The new messages as JSON, with commas between them.
    messages: String,
    /// About how many tokens all of it takes.
    pub tokens: u64,
    /// About how many the messages alone take.
    own: u64,
    /// Whether a conversation can begin with it.
    pub opens: bool,
}

impl Spoken {
    /// Reads the body of a call: an object with `messages`, the first of which is a user's.
    pub fn read(body: &Body) -> Result<Self> {
        let Body::Full(json) = body else { return Err(no_turn()) };
        let mut rest = members(json).ok_or_else(no_turn)?;
        let at = rest.iter().position(|(name, _)| name == "messages").ok_or_else(no_turn)?;
        let (_, messages) = rest.remove(at);
        let messages: Vec<&RawValue> = serde_json::from_str(messages.get()).map_err(|_| no_turn())?;
        let turn = Turn::of(&messages)?;
        if role(messages.first().ok_or_else(no_turn)?) != Some("user") {
            return Err(no_turn());
        }
        let besides: u64 = rest.iter().map(|(_, value)| estimate(value.get())).sum();
        // What is kept has to be read again: half a character would be in the way of the whole history.
        let text = mended(&String::from_utf8_lossy(&turn.messages)).into_owned();
        let tokens = turn.tokens.saturating_add(besides);
        Ok(Self { rest, messages: text, tokens, own: turn.tokens, opens: turn.opens })
    }

    /// The body with these turns before it.
    pub fn with(&self, turns: &[Turn]) -> Bytes {
        let before: usize = turns.iter().map(|turn| turn.messages.len() + 1).sum();
        let mut json = Vec::with_capacity(before + self.messages.len() + 1024);
        json.extend_from_slice(b"{");
        for (name, value) in &self.rest {
            json.extend_from_slice(serde_json::Value::from(name.as_str()).to_string().as_bytes());
            json.extend_from_slice(b":");
            json.extend_from_slice(value.get().as_bytes());
            json.extend_from_slice(b",");
        }
        json.extend_from_slice(b"\"messages\":[");
        for turn in turns {
            json.extend_from_slice(&turn.messages);
            json.extend_from_slice(b",");
        }
        json.extend_from_slice(self.messages.as_bytes());
        json.extend_from_slice(b"]}");
        json.into()
    }

    /// The turn that it is with its answer.
    pub fn answered(&self, answer: &Answer) -> Turn {
        let messages = format!(r#"{},{{"role":"assistant","content":{}}}"#, self.messages, answer.content);
        let tokens = self.own.saturating_add(answer.tokens);
        Turn { tokens, opens: self.opens, messages: messages.into() }
    }
}

/// What a message of the model's says.
pub struct Answer {
    /// Its content as JSON.
    content: String,
    tokens: u64,
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: &'a RawValue,
    stop_reason: Option<String>,
}

impl Answer {
    /// Reads a whole message.
    pub fn read(json: &[u8]) -> Result<Self> {
        let message: Message<'_> = serde_json::from_slice(json).map_err(|_| {
            let text = "the answer is no message of the Messages API: nothing of the turn was kept";
            Error::new(ErrorKind::Parse, Phase::Body, text)
        })?;
        let content = mended(message.content.get()).into_owned();
        let tokens = Usage::of_message(json).output_tokens.unwrap_or_else(|| estimate(&content));
        Ok(Self { content, tokens, stop_reason: message.stop_reason })
    }

    /// Why nothing can follow it, if that is so: the API would refuse every later turn.
    pub fn unfit(&self) -> Option<&'static str> {
        if self.stop_reason.as_deref() == Some("refusal") {
            return Some("the model refused to go on");
        }
        let blocks: Vec<Block<'_>> = match serde_json::from_str(&self.content) {
            Ok(blocks) => blocks,
            Err(_) => return Some("its answer has no list of content"),
        };
        if blocks.is_empty() {
            return Some("its answer is empty");
        }
        let cut = |block: &Block<'_>| {
            block.kind.ends_with("tool_use") && block.input.is_none_or(|input| !input.get().starts_with('{'))
        };
        blocks.iter().any(cut).then_some("the use of a tool was cut off")
    }
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

/// The role of a message.
pub fn role(message: &RawValue) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Role<'a> {
        #[serde(borrow)]
        role: Cow<'a, str>,
    }
    match &*serde_json::from_str::<Role<'_>>(message.get()).ok()?.role {
        "user" => Some("user"),
        "assistant" => Some("assistant"),
        _ => None,
    }
}

/// Whether a conversation can begin with it: a user's message that answers no tool.
pub fn opens(message: &RawValue) -> Result<bool> {
    #[derive(Deserialize)]
    struct Content<'a> {
        #[serde(borrow)]
        content: &'a RawValue,
    }
    let Content { content } = serde_json::from_str(message.get()).map_err(|_| no_turn())?;
    if role(message) != Some("user") {
        return Ok(false);
    }
    if content.get().starts_with('"') {
        return Ok(true);
    }
    let blocks: Vec<Block<'_>> = serde_json::from_str(content.get()).map_err(|_| no_turn())?;
    Ok(!blocks.iter().any(|block| block.kind.ends_with("tool_result")))
}

/// About how many tokens a piece of JSON takes.
fn estimate(json: &str) -> u64 {
    // What a file is written as says nothing of what it costs.
    let mut files = 0;
    let mut bytes = json.len() as u64;
    for at in memchr::memmem::find_iter(json.as_bytes(), br#""base64""#) {
        let rest = &json.as_bytes()[at..];
        let data = memchr::memmem::find(&rest[..rest.len().min(200)], br#""data":"#).and_then(|start| {
            let open = start + 7 + memchr::memchr(b'"', &rest[start + 7..])? + 1;
            memchr::memchr(b'"', &rest[open..])
        });
        if let Some(length) = data {
            files += 1;
            bytes = bytes.saturating_sub(length as u64);
        }
    }
    bytes.div_ceil(BYTES_PER_TOKEN) + files * TOKENS_PER_FILE
}

fn no_turn() -> Error {
    Error::config(
        "a turn of a session is JSON with `messages`, of which the first is a user's: each with `role` and `content`",
    )
}

/// Of several members of one name the last counts, as in JavaScript.
fn members(json: &[u8]) -> Option<Vec<(String, Box<RawValue>)>> {
    let mut parser = Deserializer::from_slice(json);
    let members = parser.deserialize_map(Members).ok()?;
    parser.end().ok()?;
    Some(members)
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, Box<RawValue>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Self::Value = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            members.push((name, value));
        }
        // Of one name the last counts.
        let mut known = HashSet::with_capacity(members.len());
        let mut last: Self::Value =
            members.into_iter().rev().filter(|(name, _)| known.insert(name.clone())).collect();
        last.reverse();
        Ok(last)
    }
}
