//! The commonest event of all, a piece of a content block, known by its bytes.
//!
//! The API writes these events in one way only, so that a comparison tells what a parser would, at a
//! tenth of the cost; one that is written differently is no `Delta` and loses nothing but speed.

const HEAD: &str = r#"{"type":"content_block_delta","index":"#;
const MIDDLE: &str = r#","delta":{"type":""#;
/// JSON's white space: the API pads these events to hide how long the text is.
const BLANK: [char; 4] = [' ', '\t', '\n', '\r'];

/// What kind of content a piece belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeltaKind {
    /// `text_delta`
    Text,
    /// `thinking_delta`
    Thinking,
    /// `input_json_delta`
    InputJson,
    /// `signature_delta`
    Signature,
}

const KINDS: [(&str, DeltaKind); 4] = [
    (r#"text_delta","text":"#, DeltaKind::Text),
    (r#"input_json_delta","partial_json":"#, DeltaKind::InputJson),
    (r#"thinking_delta","thinking":"#, DeltaKind::Thinking),
    (r#"signature_delta","signature":"#, DeltaKind::Signature),
];

/// A piece of a content block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delta<'a> {
    /// What it is a piece of.
    pub kind: DeltaKind,
    /// The content block's place in the message.
    pub index: u32,
    /// The piece as it is written: a valid JSON string, its quotes included.
    pub piece: &'a str,
}

impl<'a> Delta<'a> {
    /// Reads an event's data. What is read is valid JSON, and nothing of it but white space is left out:
    /// whoever builds an event of these parts has the event.
    ///
    /// ```
    /// use trae_native::claude::Delta;
    ///
    /// let data = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"} }"#;
    /// assert_eq!(Delta::read(data).map(|delta| (delta.index, delta.piece)), Some((0, r#""Hi""#)));
    /// ```
    pub fn read(data: &'a str) -> Option<Self> {
        let (index, rest) = index(data.strip_prefix(HEAD)?)?;
        let rest = rest.strip_prefix(MIDDLE)?;
        let (kind, rest) = KINDS.iter().find_map(|(head, kind)| Some((*kind, rest.strip_prefix(head)?)))?;
        let (piece, rest) = rest.split_at_checked(string_end(rest.as_bytes())?)?;
        let rest = rest.trim_start_matches(BLANK).strip_prefix('}')?;
        let rest = rest.trim_start_matches(BLANK).strip_prefix('}')?;
        rest.trim_start_matches(BLANK).is_empty().then_some(Self { kind, index, piece })
    }
}

/// A number as JavaScript would write it again.
fn index(text: &str) -> Option<(u32, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = text.split_at(end);
    if digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    digits.parse().ok().map(|index| (index, rest))
}

/// Where the JSON string that the text begins with ends.
fn string_end(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    if text.first() != Some(&b'"') {
        return None;
    }
    loop {
        let plain = text.get(at..)?;
        let length = memchr::memchr2(b'"', b'\\', plain)?;
        if plain[..length].iter().any(|byte| *byte < 0x20) {
            return None;
        }
        at += length + 1;
        if plain[length] == b'"' {
            return Some(at);
        }
        at += escape(text.get(at..)?)?;
    }
}

/// The length of what follows a backslash.
fn escape(text: &[u8]) -> Option<usize> {
    match text.first()? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(1),
        b'u' => text.get(1..5)?.iter().all(u8::is_ascii_hexdigit).then_some(5),
        _ => None,
    }
}
