//! Bytes to rows of JSON, one to a line (<https://jsonlines.org>): no sockets, no knowledge of what is in them.
//!
//! Anyone may import this room; it imports only the nouns. A row is an [`Event`] that has data and nothing else, so
//! that whatever carries events carries rows too.

mod decoder;

pub use decoder::Decoder;

use crate::body::{ByteStream, EventStream, decoded};

/// The rows of a body, none larger than `max_event_bytes`. One that a failure cuts short is none.
pub fn rows(body: ByteStream, max_event_bytes: usize) -> EventStream {
    decoded(body, Decoder::new(max_event_bytes))
}
