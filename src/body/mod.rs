//! What a request or a response carries: nothing, bytes, a stream of bytes, or a stream of events.

mod decoded;

use std::{fmt, future::poll_fn, pin::Pin};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;

pub use decoded::{Decode, decoded, gathered};

use crate::{Error, ErrorKind, Phase, Result, event::Event};

/// Parts of a content as they come. Dropping it ends the transfer.
pub type Items<T> = Pin<Box<dyn Stream<Item = Result<T>> + Send>>;

/// Bytes as they come.
pub type ByteStream = Items<Bytes>;

/// Events as they come, those of one network read together.
pub type EventStream = Items<Vec<Event>>;

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

/// All of a content, at most `limit` bytes. `content_length` is what the answer announced, if anything.
pub async fn collect(body: Body, limit: u64, content_length: Option<u64>) -> Result<Bytes> {
    if content_length.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let mut stream = match body {
        Body::Empty => return Ok(Bytes::new()),
        Body::Full(bytes) if bytes.len() as u64 > limit => return Err(too_large(limit)),
        Body::Full(bytes) => return Ok(bytes),
        Body::Stream(stream) => stream,
        Body::Events(_) => {
            return Err(Error::new(ErrorKind::Internal, Phase::Body, "a stream of events was read as bytes"));
        }
    };
    let mut whole = Bytes::new();
    let mut buffer = BytesMut::new();
    let mut read = 0;
    while let Some(bytes) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await.transpose()? {
        read += bytes.len() as u64;
        if read > limit {
            return Err(too_large(limit));
        }
        if read == bytes.len() as u64 {
            whole = bytes;
            continue;
        }
        if !whole.is_empty() {
            // Believed only up to a point: the length is what the other side says.
            let expected = content_length.unwrap_or(0).min(1 << 20).max(read);
            buffer.reserve(usize::try_from(expected).unwrap_or_default());
            buffer.extend_from_slice(&std::mem::take(&mut whole));
        }
        buffer.extend_from_slice(&bytes);
    }
    Ok(if buffer.is_empty() { whole } else { buffer.freeze() })
}

fn too_large(limit: u64) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        Phase::Body,
        format!("the answer's body is larger than {limit} bytes (`maxResponseBytes`)"),
    )
}
