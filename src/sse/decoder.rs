//! The decoder: chunks in, events out, no clock and no socket.

use crate::{
    Error, ErrorKind, Phase, Result,
    body::Decode,
    event::Event,
    sse::{
        block::{Block, LineEnd, MAX_ID, TooLarge},
        fields::{Fields, Refused},
        lines::Lines,
        plain,
    },
};

/// The unnamed event's name in a browser, and in the field parser.
const DEFAULT_NAME: &str = "message";

/// Decodes one stream of server-sent events. Its work is linear in the bytes, however they are split,
/// and its memory is bounded by the limit.
///
/// ```
/// # fn main() -> trae_native::Result<()> {
/// let mut decoder = trae_native::sse::Decoder::new(1024);
/// let mut events = Vec::new();
/// decoder.feed(b"event: greeting\nda", &mut events)?;
/// decoder.feed(b"ta: hello\n\n", &mut events)?;
/// assert_eq!((&*events[0].event, &*events[0].data), ("greeting", "hello"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Decoder {
    max_event_bytes: usize,
    lines: Lines,
    block: Block,
    fields: Fields,
    /// Whether every block so far was plain.
    all_plain: bool,
    failure: Option<Failure>,
}

#[derive(Debug, Clone, Copy)]
enum Failure {
    TooLarge(TooLarge),
    Refused,
}

impl Decode for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        Decoder::feed(self, bytes, out)
    }

    fn end(&mut self, _out: &mut Vec<Event>) -> Result<()> {
        Ok(())
    }
}

impl From<TooLarge> for Failure {
    fn from(what: TooLarge) -> Self {
        Self::TooLarge(what)
    }
}

impl From<Refused> for Failure {
    fn from(_: Refused) -> Self {
        Self::Refused
    }
}

impl Decoder {
    /// A decoder at the beginning of a stream. The lines of an event may have `max_event_bytes` bytes
    /// together, line ends included; comments do not count, but no comment may be longer than that.
    pub fn new(max_event_bytes: usize) -> Self {
        Self {
            max_event_bytes,
            lines: Lines::default(),
            block: Block::new(max_event_bytes),
            fields: Fields::new(),
            all_plain: true,
            failure: None,
        }
    }

    /// Reads the next bytes and adds the events that they complete to `out`.
    ///
    /// Events completed before a violation are in `out`. A failure is final: every later call repeats it.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        if self.failure.is_none() {
            self.failure = self.read(bytes, out).err();
        }
        self.failure.map_or(Ok(()), |failure| Err(self.error(failure)))
    }

    fn read(&mut self, mut rest: &[u8], out: &mut Vec<Event>) -> Result<(), Failure> {
        while let Some(piece) = self.lines.cut(&mut rest) {
            self.block.extend(piece.bytes)?;
            if !piece.ends_line {
                continue;
            }
            match self.block.end_line()? {
                LineEnd::Gather => {}
                LineEnd::Part => {
                    self.all_plain = false;
                    self.fields.read(self.block.take_part())?;
                }
                LineEnd::Complete => out.extend(self.complete()?),
            }
        }
        Ok(())
    }

    fn complete(&mut self) -> Result<Option<Event>, Refused> {
        if self.all_plain
            && let Some(event) = plain::read(self.block.bytes())
        {
            self.block.clear();
            return Ok(Some(event));
        }
        self.all_plain = false;
        let (lines, named) = self.block.take_rest();
        let event = self.fields.read(lines)?;
        Ok(event.map(|event| match event.event.as_str() {
            DEFAULT_NAME if !named => Event { event: String::new(), ..event },
            _ => event,
        }))
    }

    fn error(&self, failure: Failure) -> Error {
        let too_large = |message| Error::new(ErrorKind::TooLarge, Phase::Body, message);
        match failure {
            Failure::TooLarge(TooLarge::Block) => {
                too_large(format!("an event is larger than {} bytes (`maxEventBytes`)", self.max_event_bytes))
            }
            Failure::TooLarge(TooLarge::Id) => {
                too_large(format!("the id of an event is longer than {MAX_ID} bytes"))
            }
            Failure::Refused => {
                Error::new(ErrorKind::Internal, Phase::Body, "the event parser refused valid lines")
            }
        }
    }
}
