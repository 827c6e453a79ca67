//! Bytes to server-sent events, by the WHATWG standard: no sockets, no knowledge of payloads.
//!
//! Anyone may import this room; it imports only the nouns. A chunk passes through it in this order:
//!
//! - `lines`: where a line ends, however the bytes were split
//! - `block`: which lines belong to an event, and whether they are too many
//! - `fields`: what the lines say (the crate `eventsource-stream`)
//! - `plain`: the same for the commonest block, at a tenth of the cost
//! - `decoder`: the four above as one pure machine; `events` puts it behind a body
//!
//! Why the framing is ours: `docs/decisions/0001-sse-framing.md`.

mod block;
mod decoder;
mod fields;
mod lines;
mod plain;

pub use crate::event::Event;
pub use decoder::Decoder;

use crate::body::{ByteStream, EventStream, decoded, gathered};

/// The events of a body, none larger than `max_event_bytes`. A block that the end of the body cuts short is no event.
pub fn events(body: ByteStream, max_event_bytes: usize) -> EventStream {
    decoded(body, Decoder::new(max_event_bytes))
}

/// The same, in as few batches as that takes no time: see [`gathered`].
pub fn gathered_events(body: ByteStream, max_event_bytes: usize) -> EventStream {
    gathered(body, Decoder::new(max_event_bytes))
}
