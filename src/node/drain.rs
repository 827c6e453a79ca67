//! Writes letters where JavaScript reads them: numbers into a slab, texts and buffers into an array.
//!
//! The layout is mirrored in `js/native.ts`: each letter has [`SLOTS`] numbers and two values, and behind
//! those of the last letter is one more value: the small batches of all streams, as one JSON array of arrays.
//! So a wake-up with an event for each of many streams makes one text and one parse, not one each.

use bytes::Bytes;
use napi::{
    Env, JsString, Result,
    bindgen_prelude::{Array, BufferSlice, Float64Array},
};

use super::{
    at_once::{Answer, Content},
    callback::NOBODY,
    mailbox::{Letter, Whole},
    outbox::{Batch, End, Pieces},
    text::{Head, describe_error, ms},
};
use crate::{Error, ErrorKind, Phase, request::CallId, response::Timing};

/// Numbers per letter: id, kind, status or end, form or size, attempts or count, queued, connect, first byte or piece.
pub(super) const SLOTS: usize = 8;

/// The second number of a letter.
mod kind {
    pub(super) const SETTLED: f64 = 0.0;
    pub(super) const OPENED: f64 = 1.0;
    pub(super) const FAILED: f64 = 2.0;
    pub(super) const EVENTS: f64 = 3.0;
    pub(super) const BYTES: f64 = 4.0;
    pub(super) const ROOM: f64 = 5.0;
    pub(super) const ENTERED: f64 = 6.0;
    pub(super) const LEFT: f64 = 7.0;
    pub(super) const ASKED: f64 = 8.0;
    pub(super) const UNASKED: f64 = 9.0;
    pub(super) const DROPPED: f64 = 10.0;
    pub(super) const RECALLED: f64 = 11.0;
}

/// A drain under way.
pub(super) struct Drained<'a, 'env> {
    pub(super) env: Env,
    pub(super) numbers: &'a mut [f64],
    pub(super) values: &'a mut Array<'env>,
    pub(super) place: usize,
    /// The small batches, without the outermost brackets.
    pub(super) shared: String,
}

/// A batch up to here goes with the others. A larger one is parsed only when its reader comes to it, so
/// that a reader that is behind holds text and not objects.
const SMALL: usize = 4096;

impl Drained<'_, '_> {
    /// Writes one letter; returns the number of the call that it ends.
    pub(super) fn write(&mut self, letter: Letter) -> Result<Option<u32>> {
        let over = match letter {
            Letter::Settled { id, head, content } => {
                let form = match content {
                    Whole::Empty => 0.0,
                    Whole::Json(_) => 1.0,
                    Whole::Text(_) => 2.0,
                    Whole::Buffer(_) => 3.0,
                    Whole::Kept(_) => 4.0,
                };
                self.head(id, kind::SETTLED, form, &head)?;
                match content {
                    Whole::Empty => {}
                    Whole::Json(bytes) | Whole::Text(bytes) => self.text(1, without_bom(&bytes))?,
                    Whole::Buffer(bytes) => self.buffer(1, &[bytes])?,
                    Whole::Kept(held) => {
                        let number = f64::from(held.number());
                        // Below zero it is JavaScript's alone from now on.
                        let number = if held.give_back() { -number } else { number };
                        self.values.set(self.index(1), number)?;
                    }
                }
                Some(id)
            }
            Letter::Opened { id, head, events } => {
                self.head(id, kind::OPENED, if events { 1.0 } else { 0.0 }, &head)?;
                None
            }
            Letter::Failed { id, error } => {
                self.numbers(&[f64::from(id), kind::FAILED]);
                self.text(0, describe_error(&error).as_bytes())?;
                Some(id)
            }
            Letter::Told { id, text } => {
                self.numbers(&[f64::from(id), kind::FAILED]);
                self.text(0, text.as_bytes())?;
                Some(id)
            }
            Letter::Entered { id, passage, group, attempt, parent, lane, headers } => {
                let [id, passage, group, attempt, parent, lane] =
                    [id, passage, group, attempt, parent, lane].map(f64::from);
                self.numbers(&[id, kind::ENTERED, passage, group, attempt, parent, lane]);
                self.text(0, headers.as_bytes())?;
                None
            }
            Letter::Left { passage } => {
                self.numbers(&[f64::from(passage), kind::LEFT]);
                None
            }
            Letter::Asked { function, question, text } => {
                self.numbers(&[f64::from(function), kind::ASKED, f64::from(question)]);
                self.text(0, text.as_bytes())?;
                None
            }
            Letter::Logged(ledger) => {
                self.numbers(&[f64::from(ledger.callback()), kind::ASKED, f64::from(NOBODY)]);
                self.text(0, ledger.take().as_bytes())?;
                None
            }
            Letter::Unasked { question } => {
                self.numbers(&[f64::from(question), kind::UNASKED]);
                None
            }
            Letter::Recalled => {
                self.numbers(&[0.0, kind::RECALLED]);
                None
            }
            Letter::Dropped { number } => {
                self.numbers(&[f64::from(number), kind::DROPPED]);
                None
            }
            Letter::Streamed(outbox) => {
                let batch = outbox.take();
                let over = batch.end.is_some();
                self.batch(outbox.id, batch)?;
                over.then_some(outbox.id)
            }
            Letter::Room { id } => {
                self.numbers(&[f64::from(id), kind::ROOM]);
                None
            }
        };
        self.place += 1;
        Ok(over)
    }

    /// Writes that a letter could not be written; the others are not to be lost for it.
    pub(super) fn spoil(&mut self, id: u32, stream: bool) -> Result<()> {
        let error = Error::new(
            ErrorKind::Internal,
            Phase::Body,
            "what came could not be handed over to JavaScript; the process may be out of memory",
        );
        if stream {
            self.numbers(&[f64::from(id), kind::BYTES, 2.0, 0.0, 0.0, 0.0, 0.0, -1.0]);
        } else {
            self.numbers(&[f64::from(id), kind::FAILED]);
        }
        self.text(u32::from(stream), describe_error(&error).as_bytes())?;
        self.place += 1;
        Ok(())
    }

    fn head(&mut self, id: u32, kind: f64, form: f64, head: &Head) -> Result<()> {
        self.numbers(&of_head(id, kind, form, head));
        self.text(0, head.text.as_bytes())
    }

    fn batch(&mut self, id: u32, batch: Batch) -> Result<()> {
        let bytes = batch.content.len();
        #[expect(clippy::cast_precision_loss, reason = "a batch is far below 2^53 bytes")]
        let size = bytes as f64;
        let (end, last) = match batch.end {
            None => (0.0, None),
            Some(End::Complete(None)) => (1.0, None),
            Some(End::Failed(error)) => (2.0, Some(describe_error(&error))),
            Some(End::Complete(Some(Ok(message)))) => (3.0, Some(message)),
            Some(End::Complete(Some(Err(error)))) => (4.0, Some(describe_error(&error))),
        };
        let (kind, count) = match &batch.content {
            Pieces::Events(packed) => (kind::EVENTS, packed.count),
            Pieces::Bytes(chunks) => (kind::BYTES, u32::try_from(chunks.len()).unwrap_or(u32::MAX)),
        };
        let first = batch.first.map_or(-1.0, ms);
        let small = count > 0 && bytes < SMALL;
        let place = if small { 1.0 } else { 0.0 };
        self.numbers(&[f64::from(id), kind, end, size, f64::from(count), place, 0.0, first]);
        match batch.content {
            Pieces::Events(packed) if small => self.share(&packed.into_text()),
            Pieces::Events(packed) => self.text(0, packed.into_text().as_bytes())?,
            Pieces::Bytes(chunks) if chunks.is_empty() => {}
            Pieces::Bytes(chunks) => self.buffer(0, &chunks)?,
        }
        match last {
            Some(last) => self.text(1, last.as_bytes()),
            None => Ok(()),
        }
    }

    fn share(&mut self, text: &str) {
        self.shared.push(if self.shared.is_empty() { '[' } else { ',' });
        self.shared.push_str(text);
    }

    /// Hands over what was shared, after the last letter.
    pub(super) fn finish(mut self) -> Result<()> {
        if self.shared.is_empty() {
            return Ok(());
        }
        self.shared.push(']');
        let shared = std::mem::take(&mut self.shared);
        self.text(0, shared.as_bytes())
    }

    fn numbers(&mut self, numbers: &[f64]) {
        let from = self.place * SLOTS;
        if let Some(slots) = self.numbers.get_mut(from..from + numbers.len()) {
            slots.copy_from_slice(numbers);
        }
    }

    fn text(&mut self, value: u32, bytes: &[u8]) -> Result<()> {
        let index = self.index(value);
        self.values.set(index, string(&self.env, bytes)?)
    }

    /// One buffer of all the chunks.
    fn buffer(&mut self, value: u32, chunks: &[Bytes]) -> Result<()> {
        let index = self.index(value);
        let buffer = match chunks {
            [one] => BufferSlice::copy_from(&self.env, one)?,
            many => BufferSlice::copy_from(&self.env, many.concat())?,
        };
        self.values.set(index, buffer)
    }

    fn index(&self, value: u32) -> u32 {
        u32::try_from(self.place).unwrap_or(0) * 2 + value
    }
}

/// ASCII goes as Latin-1, which V8 stores as it is; other text is checked and repaired UTF-8.
fn string<'env>(env: &'env Env, bytes: &[u8]) -> Result<JsString<'env>> {
    if bytes.is_ascii() {
        env.create_string_latin1(bytes)
    } else {
        env.create_string(String::from_utf8_lossy(bytes))
    }
}

fn of_head(id: u32, kind: f64, form: f64, head: &Head) -> [f64; SLOTS] {
    let Timing { queued, connect, first_byte, held: _, sent: _ } = head.timing;
    [
        f64::from(id),
        kind,
        f64::from(head.status),
        form,
        f64::from(head.attempts),
        ms(queued),
        connect.map_or(-1.0, ms),
        first_byte.map_or(-1.0, ms),
    ]
}

/// The slab, as long as nothing of JavaScript's runs.
pub(super) fn numbers(slab: Option<&mut Float64Array>) -> &mut [f64] {
    // SAFETY: the slab is the facade's own, used by nobody else, and no JavaScript runs before we return to it.
    #[expect(unsafe_code, reason = "a typed array's memory is JavaScript's")]
    slab.map_or(&mut [], |slab| unsafe { slab.as_mut() })
}

/// An answer at hand, written as the first letter would be, but with one text: its head, and then its content.
/// Behind the letter stands how many characters are the head's, and for how many ms it may be given again.
pub(super) fn answer<'env>(
    env: &'env Env,
    numbers: &mut [f64],
    id: u32,
    answer: &Answer,
) -> Result<JsString<'env>> {
    let Answer { head, content, reuse } = answer;
    let (form, bytes) = match content {
        Content::Empty => (0.0, &[][..]),
        Content::Json(bytes) => (1.0, without_bom(bytes)),
        Content::Text(bytes) => (2.0, without_bom(bytes)),
    };
    let length = if head.text.is_ascii() { head.text.len() } else { head.text.encode_utf16().count() };
    if let Some((letter, behind)) = numbers.split_at_mut_checked(SLOTS) {
        letter.copy_from_slice(&of_head(id, kind::SETTLED, form, head));
        if let [first, second, ..] = behind {
            (*first, *second) = (f64::from(u32::try_from(length).unwrap_or(u32::MAX)), ms(*reuse));
        }
    }
    string(env, &[head.text.as_bytes(), bytes].concat())
}

/// How often answers were recalled, behind the first letter.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(super) fn recalls(numbers: &mut [f64], count: u64) {
    if let Some(slot) = numbers.get_mut(SLOTS + 2) {
        *slot = count as f64;
    }
}

/// The name of a call that is under way.
pub(super) fn name(numbers: &mut [f64], name: CallId) {
    if let Some(first) = numbers.first_mut() {
        #[expect(clippy::cast_precision_loss, reason = "there are never 2^53 calls")]
        let number = name.number() as f64;
        *first = number;
    }
}

/// A byte order mark is no part of a text.
fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}
