//! The lines of one event, gathered within a limit; comments are dropped as they come.

use std::mem;

/// The field parser copies the rest of its input for each line, so that a block of many lines is
/// handed over in parts: this bounds the copies of a byte, whatever the number of lines.
const LINES_PER_PART: usize = 8;

/// An exact guess for the next block of a stream of similar events, without keeping a giant's memory.
const LARGEST_GUESS: usize = 1024;

/// The room that a plain block leaves to the next one.
const LARGEST_KEPT: usize = 16 * 1024;

/// The longest id. It is that of all later events too: a few bytes each would be made into as many copies.
pub(super) const MAX_ID: usize = 8 * 1024;

/// What has outgrown its limit.
#[derive(Debug, Clone, Copy)]
pub(super) enum TooLarge {
    Block,
    Id,
}

/// What the end of a line means for the block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LineEnd {
    /// There is nothing to hand over yet.
    Gather,
    /// Enough lines wait: hand them over, the block goes on.
    Part,
    /// A blank line: hand over the rest, the block is complete.
    Complete,
}

/// The block being read.
#[derive(Debug)]
pub(super) struct Block {
    limit: usize,
    /// Complete lines not handed over yet, each ended by LF, then the beginning of the line being read.
    bytes: Vec<u8>,
    line_start: usize,
    lines: usize,
    /// Bytes of this block handed over before; they count toward the limit.
    handed: usize,
    /// Length so far of the comment being dropped. It has the limit of its own line only, so that
    /// a stream may live on pings for ever.
    comment: Option<usize>,
    /// Whether the block names its event: the field parser does not tell an absent name from "message".
    named: bool,
}

impl Block {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, bytes: Vec::new(), line_start: 0, lines: 0, handed: 0, comment: None, named: false }
    }

    /// Adds a piece of the line being read. Nothing is copied that exceeds the limit.
    pub(super) fn extend(&mut self, piece: &[u8]) -> Result<(), TooLarge> {
        if self.comment.is_none() && self.bytes.len() == self.line_start && piece.first() == Some(&b':') {
            self.comment = Some(0);
        }
        if let Some(length) = &mut self.comment {
            *length += piece.len();
            return if *length > self.limit { Err(TooLarge::Block) } else { Ok(()) };
        }
        self.check(piece.len())?;
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// Ends the line being read.
    pub(super) fn end_line(&mut self) -> Result<LineEnd, TooLarge> {
        if self.comment.take().is_some() {
            return Ok(LineEnd::Gather);
        }
        let line = &self.bytes[self.line_start..];
        if line.is_empty() {
            if self.handed + self.bytes.len() == 0 {
                return Ok(LineEnd::Gather);
            }
            self.bytes.push(b'\n');
            return Ok(LineEnd::Complete);
        }
        if is_signed_retry(line) {
            self.bytes.truncate(self.line_start);
            return Ok(LineEnd::Gather);
        }
        if field(line, b"id").is_some_and(|id| id.len() > MAX_ID) {
            return Err(TooLarge::Id);
        }
        if let Some(name) = field(line, b"event") {
            self.named = !name.is_empty();
        }
        self.check(1)?;
        self.bytes.push(b'\n');
        self.line_start = self.bytes.len();
        self.lines += 1;
        Ok(if self.lines == LINES_PER_PART { LineEnd::Part } else { LineEnd::Gather })
    }

    /// The lines gathered and not handed over yet.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The next block begins; the memory of a giant is not kept.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(LARGEST_KEPT);
        self.line_start = 0;
        self.lines = 0;
        self.handed = 0;
        self.named = false;
    }

    /// The lines gathered so far, to be handed over while the block goes on.
    pub(super) fn take_part(&mut self) -> Vec<u8> {
        self.line_start = 0;
        self.lines = 0;
        self.handed += self.bytes.len();
        let guess = self.bytes.len().min(LARGEST_GUESS);
        mem::replace(&mut self.bytes, Vec::with_capacity(guess))
    }

    /// The rest of the block, and whether it named its event. The next block begins.
    pub(super) fn take_rest(&mut self) -> (Vec<u8>, bool) {
        let rest = self.take_part();
        self.handed = 0;
        (rest, mem::take(&mut self.named))
    }

    fn check(&self, more: usize) -> Result<(), TooLarge> {
        if self.handed + self.bytes.len() + more > self.limit { Err(TooLarge::Block) } else { Ok(()) }
    }
}

/// The standard takes only digits for `retry`; the field parser would also take a plus sign.
fn is_signed_retry(line: &[u8]) -> bool {
    field(line, b"retry").is_some_and(|value| value.starts_with(b"+"))
}

/// The value of the line, where it is a field of this name.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}
