//! The decoder: chunks in, rows out, no clock and no socket.

use memchr::memchr;

use crate::{Error, ErrorKind, Phase, Result, body::Decode, event::Event};

const BOM: &[u8] = "\u{feff}".as_bytes();

/// Decodes one stream of lines; blank ones are no rows. Its work is linear in the bytes, however they are split, and its memory is bounded by
/// the limit.
///
/// ```
/// # fn main() -> trae_native::Result<()> {
/// use trae_native::body::Decode;
///
/// let mut decoder = trae_native::jsonl::Decoder::new(1024);
/// let mut rows = Vec::new();
/// decoder.feed(b"{\"n\":1}\n\n{\"n\"", &mut rows)?;
/// decoder.feed(b":2}", &mut rows)?;
/// decoder.end(&mut rows)?;
/// assert_eq!(rows.iter().map(|row| &*row.data).collect::<Vec<_>>(), [r#"{"n":1}"#, r#"{"n":2}"#]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Decoder {
    largest: usize,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    at_start: bool,
    too_large: bool,
}

impl Decode for Decoder {
    fn feed(&mut self, mut rest: &[u8], out: &mut Vec<Event>) -> Result<()> {
        while !self.too_large
            && let Some(end) = memchr(b'\n', rest)
        {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            if self.line.is_empty() {
                self.row(line, out);
            } else {
                self.gather(line);
                self.finish(out);
            }
        }
        self.gather(rest);
        self.outcome()
    }

    /// The last line needs no end.
    fn end(&mut self, out: &mut Vec<Event>) -> Result<()> {
        self.finish(out);
        self.outcome()
    }
}

impl Decoder {
    /// A decoder at the beginning of a stream whose rows have at most so many bytes.
    pub fn new(max_event_bytes: usize) -> Self {
        Self { largest: max_event_bytes, line: Vec::new(), at_start: true, too_large: false }
    }

    fn gather(&mut self, bytes: &[u8]) {
        self.too_large |= self.line.len() + bytes.len() > self.largest;
        if !self.too_large {
            self.line.extend_from_slice(bytes);
        }
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        let line = std::mem::take(&mut self.line);
        self.row(&line, out);
    }

    fn row(&mut self, line: &[u8], out: &mut Vec<Event>) {
        let line = if self.at_start { line.strip_prefix(BOM).unwrap_or(line) } else { line };
        self.at_start = false;
        self.too_large |= line.len() > self.largest;
        let line = line.trim_ascii();
        if !self.too_large && !line.is_empty() {
            out.push(Event { data: String::from_utf8_lossy(line).into_owned(), ..Event::default() });
        }
    }

    fn outcome(&self) -> Result<()> {
        if !self.too_large {
            return Ok(());
        }
        let message = format!("a row is larger than {} bytes (`maxEventBytes`)", self.largest);
        Err(Error::new(ErrorKind::TooLarge, Phase::Body, message))
    }
}
