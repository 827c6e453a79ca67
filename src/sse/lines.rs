//! Where lines end, however the bytes were split: CR, LF or CRLF, and one byte order mark before the first.

use std::mem;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// A piece of one line: all of it, or as much as this chunk holds.
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) ends_line: bool,
}

/// Cuts chunks into pieces of lines. It keeps no bytes, so each byte is looked at once.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// How much of the mark was seen; all of it once the beginning of the stream is behind us.
    bom: usize,
    /// A CR ends its line at once; an LF that follows, even in a later chunk, belongs to it.
    after_cr: bool,
}

impl Lines {
    /// The next piece, taken off the front of `rest`.
    pub(super) fn cut<'a>(&mut self, rest: &mut &'a [u8]) -> Option<Piece<'a>> {
        if self.bom < BOM.len() {
            let no_mark = self.skip_bom(rest);
            if !no_mark.is_empty() {
                return Some(Piece { bytes: no_mark, ends_line: false });
            }
        }
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            *rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        if rest.is_empty() {
            return None;
        }
        let Some(end) = memchr::memchr2(b'\n', b'\r', rest) else {
            return Some(Piece { bytes: mem::take(rest), ends_line: false });
        };
        let bytes = &rest[..end];
        self.after_cr = rest[end] == b'\r';
        *rest = &rest[end + 1..];
        Some(Piece { bytes, ends_line: true })
    }

    /// Takes the mark off `rest`; returns what had looked like one and was content after all.
    fn skip_bom(&mut self, rest: &mut &[u8]) -> &'static [u8] {
        while let (Some(wanted), Some((got, tail))) = (BOM.get(self.bom), rest.split_first()) {
            if got != wanted {
                return &BOM[..mem::replace(&mut self.bom, BOM.len())];
            }
            self.bom += 1;
            *rest = tail;
        }
        &[]
    }
}
