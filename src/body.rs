//! What a request or a response carries: nothing, bytes, a stream of bytes, or a stream of events.

use std::{fmt, pin::Pin};

use bytes::Bytes;
use futures_core::Stream;

use crate::{Result, event::Event};

/// Bytes as they come. Dropping it ends the transfer.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// Events as they come, those of one network read together. Dropping it ends the transfer.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<Vec<Event>>> + Send>>;

/// A request's or a response's content.
#[derive(Default)]
pub enum Body {
    /// No content.
    #[default]
    Empty,
    /// All of it, in memory: can be sent again.
    Full(Bytes),
    /// Bytes that pass once.
    Stream(ByteStream),
    /// Server-sent events that pass once; responses only.
    Events(EventStream),
}

impl Body {
    /// A second copy for another attempt, or `None` where the content passes only once.
    pub fn replay(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Full(bytes) => Some(Self::Full(bytes.clone())),
            Self::Stream(_) | Self::Events(_) => None,
        }
    }
}

/// Says the kind and size, never the content: a prompt is nobody's business.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
            Self::Events(_) => f.write_str("Events"),
        }
    }
}
