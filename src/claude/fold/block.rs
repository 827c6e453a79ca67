//! One block of content while its pieces come.

use super::members::{Members, quoted, text};
use crate::claude::delta::DeltaKind;

/// A block: as it began, and what has come since.
#[derive(Debug)]
pub(super) struct Block {
    pub index: u32,
    members: Members,
    /// Texts that have grown: a member's name, and its content as it is written between its quotes.
    grown: Vec<(&'static str, String)>,
    /// A tool's input: the text that its pieces are, read only when it is whole.
    input: String,
    citations: Vec<String>,
}

/// Texts whose pieces have kinds of their own; any other kind has no place in a block.
const PIECES: [(&str, &str); 4] = [
    ("text_delta", "text"),
    ("thinking_delta", "thinking"),
    ("signature_delta", "signature"),
    ("compaction_delta", "content"),
];

impl Block {
    pub fn new(index: u32, members: Members) -> Self {
        Self { index, members, grown: Vec::new(), input: String::new(), citations: Vec::new() }
    }

    /// A piece of a kind that is known by its bytes, as it is written with its quotes.
    pub fn delta(&mut self, kind: DeltaKind, piece: &str) -> bool {
        match kind {
            DeltaKind::Text => self.grow("text", piece),
            DeltaKind::Thinking => self.grow("thinking", piece),
            DeltaKind::Signature => self.grow("signature", piece),
            DeltaKind::InputJson => self.input(piece),
        }
    }

    /// A piece of any kind; says whether it has a place.
    pub fn other(&mut self, mut delta: Members) -> bool {
        let kind = delta.take("type").unwrap_or_default();
        let Some(kind) = text(&kind) else { return false };
        if let Some((_, member)) = PIECES.iter().find(|(known, _)| *known == kind) {
            return delta.take(member).is_some_and(|piece| self.grow(member, &piece));
        }
        match &*kind {
            "input_json_delta" => delta.take("partial_json").is_some_and(|piece| self.input(&piece)),
            "citations_delta" => match delta.take("citation") {
                Some(citation) => {
                    self.citations.push(citation);
                    true
                }
                None => false,
            },
            _ => false,
        }
    }

    fn grow(&mut self, member: &'static str, piece: &str) -> bool {
        let Some(piece) = piece.strip_prefix('"').and_then(|piece| piece.strip_suffix('"')) else {
            return false;
        };
        if let Some((_, grown)) = self.grown.iter_mut().find(|(name, _)| *name == member) {
            grown.push_str(piece);
            return true;
        }
        let begun = self.members.get(member).unwrap_or_default();
        let begun = begun.strip_prefix('"').and_then(|begun| begun.strip_suffix('"')).unwrap_or_default();
        self.grown.push((member, format!("{begun}{piece}")));
        true
    }

    fn input(&mut self, piece: &str) -> bool {
        match text(piece) {
            Some(piece) => {
                self.input.push_str(&piece);
                true
            }
            None => false,
        }
    }

    /// No more pieces come: a tool's input is what its text says.
    pub fn stop(&mut self) {
        let input = std::mem::take(&mut self.input);
        if !input.is_empty() {
            self.members.set("input", as_value(&input));
        }
    }

    pub fn write(&self) -> String {
        let mut members = self.members.clone();
        for (name, grown) in &self.grown {
            members.set(name, format!("\"{grown}\""));
        }
        if !self.input.is_empty() {
            members.set("input", as_value(&self.input));
        }
        if !self.citations.is_empty() {
            let begun = members.get("citations").and_then(|list| list.strip_prefix('[')?.strip_suffix(']'));
            let before: Vec<&str> = begun.filter(|list| !list.trim().is_empty()).into_iter().collect();
            let all: Vec<&str> =
                before.into_iter().chain(self.citations.iter().map(String::as_str)).collect();
            members.set("citations", format!("[{}]", all.join(",")));
        }
        members.write()
    }
}

/// An input that was cut off, as by `max_tokens`, stays the text that it is.
fn as_value(input: &str) -> String {
    match serde_json::from_str::<&serde_json::value::RawValue>(input) {
        Ok(value) => value.get().to_owned(),
        Err(_) => quoted(input),
    }
}
