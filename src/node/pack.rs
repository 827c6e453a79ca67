//! Events as the elements of a JSON array, packed: the mirror of `js/unpack.ts`.
//!
//! A text alone is a piece of a content block, and JavaScript makes the event around it; `[kind, index]`
//! before it says of which block, and holds until the next one says otherwise. Every other event is its
//! own JSON; one that is itself a string or a list travels as `[0, event]`. Parsing a text takes a fifth
//! of the time of parsing the event around it (docs/decisions/0005). Where only text is wanted its pieces come joined
//! (0013).

use super::{outbox::Wanted, text};
use crate::{
    client::{Delta, DeltaKind},
    event::Event,
};

/// Packed events.
#[derive(Default)]
pub(super) struct Packed {
    /// The array without its last bracket.
    text: String,
    pub(super) count: u32,
    /// Whether the last element is a text that another piece may be joined to.
    open: bool,
}

/// The block that JavaScript believes texts to be pieces of. It outlives a batch: batches are read in order.
#[derive(Default)]
pub(super) struct Block(Option<(DeltaKind, u32)>);

impl Packed {
    /// Adds an event whose data is one JSON value.
    pub(super) fn json(&mut self, data: &str, block: &mut Block, wanted: Wanted) {
        if let Some(delta) = Delta::read(data) {
            return match wanted {
                Wanted::Events => self.piece(&delta, block),
                Wanted::Text if delta.kind == DeltaKind::Text => self.text(&delta, block),
                Wanted::Text | Wanted::Steps | Wanted::End => {}
            };
        }
        self.next();
        self.open = false;
        if data.trim_ascii_start().starts_with(['"', '[']) {
            self.text.push_str("[0,");
            self.text.push_str(data);
            self.text.push(']');
        } else {
            self.text.push_str(data);
        }
    }

    fn piece(&mut self, delta: &Delta<'_>, block: &mut Block) {
        self.next();
        if block.0 != Some((delta.kind, delta.index)) {
            block.0 = Some((delta.kind, delta.index));
            self.name(delta.kind, delta.index);
        }
        self.text.push_str(delta.piece);
    }

    /// Joins a piece of text to the one before it: of both, half a pair of surrogates finds its other half.
    fn text(&mut self, delta: &Delta<'_>, block: &mut Block) {
        if self.open && block.0 == Some((delta.kind, delta.index)) && self.text.ends_with('"') {
            self.text.pop();
            self.text.push_str(delta.piece.strip_prefix('"').unwrap_or_default());
        } else {
            self.piece(delta, block);
            self.open = true;
        }
    }

    /// Adds an event whose data is text.
    pub(super) fn described(&mut self, event: &Event) {
        self.next();
        text::describe_event(&mut self.text, event);
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// The whole array.
    pub(super) fn into_text(mut self) -> String {
        self.text.push(']');
        self.text
    }

    fn next(&mut self) {
        self.text.push(if self.count > 0 { ',' } else { '[' });
        self.count += 1;
    }

    fn name(&mut self, kind: DeltaKind, index: u32) {
        use std::fmt::Write;
        let kind = match kind {
            DeltaKind::Text => 1,
            DeltaKind::InputJson => 2,
            DeltaKind::Thinking => 3,
            DeltaKind::Signature => 4,
        };
        let _infallible = write!(self.text, "[{kind},{index}],");
    }
}
