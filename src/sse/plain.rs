//! The commonest block, read without the field parser: an `event:` line or none, one `data:` line, nothing else.
//!
//! Only while every block of the stream was of this form: an id that an earlier block has set belongs to
//! each later event, and only the field parser knows it.

use crate::event::Event;

/// The event of a complete block, its lines ended by LF; `None` where it is of any other form.
pub(super) fn read(block: &[u8]) -> Option<Event> {
    let lines = block.strip_suffix(b"\n\n")?;
    let (name, data) = match lines.strip_prefix(b"event:") {
        None => (None, lines),
        Some(rest) => {
            let end = memchr::memchr(b'\n', rest)?;
            (Some(value(&rest[..end])?), &rest[end + 1..])
        }
    };
    let data = data.strip_prefix(b"data:")?;
    if memchr::memchr(b'\n', data).is_some() {
        return None;
    }
    Some(Event {
        event: name.unwrap_or_default().to_owned(),
        data: value(data)?.to_owned(),
        ..Event::default()
    })
}

/// A field's value; none where it is empty or broken UTF-8, of which the field parser knows the rules.
fn value(field: &[u8]) -> Option<&str> {
    let value = field.strip_prefix(b" ").unwrap_or(field);
    std::str::from_utf8(value).ok().filter(|value| !value.is_empty())
}
