//! Bytes to server-sent events, by the WHATWG standard: no sockets, no knowledge of payloads.
//!
//! Anyone may import this room; it imports only the nouns. A chunk passes through it in this order:
//!
//! - `lines`: where a line ends, however the bytes were split
//! - `block`: which lines belong to an event, and whether they are too many
//! - `fields`: what the lines say (the crate `eventsource-stream`)
//! - `plain`: the same for the commonest block, at a tenth of the cost
//! - `decoder`: the four above as one pure machine; `stream` puts it behind a body
//!
//! Why the framing is ours: `docs/decisions/0001-sse-framing.md`.

mod block;
mod decoder;
mod fields;
mod lines;
mod plain;
mod stream;

pub use crate::event::Event;
pub use decoder::Decoder;
pub use stream::events;
