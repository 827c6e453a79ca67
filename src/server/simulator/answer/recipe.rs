//! What a reply comes to for one request, for whoever writes it on something else than a connection.

use std::{io, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header::CONTENT_LENGTH, request::Parts};

pub use super::body::Ending;
use super::{
    super::{
        options::invalid,
        reply::{Content, Cut, HangAt, Prepared, ReadBody, Reply},
    },
    Source, Writes, content, headers,
};

/// An answer, or the silence in its place.
pub struct Recipe {
    /// How long nothing happens.
    pub delay: Duration,
    /// The answer; `None` is silence.
    pub answer: Option<Written>,
}

/// An answer as it is written.
pub struct Written {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Between two writes.
    pub pace: Duration,
    /// Its body.
    pub writes: Box<dyn Iterator<Item = Bytes> + Send>,
    /// What follows the last of them.
    pub ending: Ending,
}

impl Recipe {
    /// Says whether a reply can be written without a connection.
    pub fn check(reply: Reply) -> io::Result<()> {
        let reply = Prepared::new(reply)?;
        if matches!(reply.content, Content::Raw(_)) || reply.read != ReadBody::Whole {
            let words = "reply: `raw` and `readBody` are about a connection, and a script has none";
            return Err(invalid(words.to_owned()));
        }
        Ok(())
    }

    /// What the reply comes to for this request.
    pub fn of(reply: Reply, head: &Parts, body: &[u8], request_id: &str) -> io::Result<Self> {
        let reply = Prepared::new(reply)?;
        let delay = reply.delay.unwrap_or_default();
        if reply.hang == Some(HangAt::Headers) {
            return Ok(Self { delay, answer: None });
        }
        let (status, source) = content::source(&reply, head, body, request_id);
        let mut headers = headers(HeaderMap::new(), request_id, status, &reply, &source);
        let writes: Box<dyn Iterator<Item = Bytes> + Send> = match source {
            _ if head.method == Method::HEAD => Box::new(std::iter::empty()),
            Source::Whole(bytes, _) => {
                let bytes = reply.encoding.map_or(bytes.clone(), |encoding| encoding.encode(&bytes));
                // A body that ends early on purpose must not have announced its length.
                if !matches!(reply.cut, Some((_, Cut::End))) {
                    headers.entry(CONTENT_LENGTH).or_insert_with(|| bytes.len().into());
                }
                Box::new(Writes::of_whole(bytes, &reply))
            }
            Source::Stream(frames) => Box::new(Writes::of_stream(frames, &reply)),
        };
        let (pace, ending) = (reply.pace.unwrap_or_default(), Ending::of(&reply));
        Ok(Self { delay, answer: Some(Written { status, headers, pace, writes, ending }) })
    }
}
