//! Bodies of requests: whole where layers look at them, else as they come, and never more or slower than is allowed.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{
    HeaderMap, Method, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::{answer::Problem, options::UPLOAD};
use crate::{Error, ErrorKind, Phase, Result, body::ByteStream};

/// How a body is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// There is none.
    Empty,
    /// In memory: it is looked at, and may be sent more than once.
    Whole,
    /// As it comes: nobody looks at a file.
    Stream,
}

impl Kind {
    /// How much of it may come.
    pub(super) fn limit(self, whole: u64) -> u64 {
        if self == Self::Stream { UPLOAD.max(whole) } else { whole }
    }
}

/// How this body is taken in: what is JSON, or says nothing of itself, whole.
pub(super) fn kind(method: &Method, headers: &HeaderMap, is_empty: bool) -> Kind {
    if is_empty {
        return Kind::Empty;
    }
    let media = headers.get(CONTENT_TYPE).map(|media| media.as_bytes().to_ascii_lowercase());
    let is_json =
        media.is_none_or(|media| media.starts_with(b"application/json") || media.starts_with(b"text/"));
    if is_json || *method == Method::GET { Kind::Whole } else { Kind::Stream }
}

/// All of a body.
pub(super) async fn whole(mut body: Incoming, limit: u64, pause: Option<Duration>) -> Result<Bytes, Problem> {
    let mut first = Bytes::new();
    let mut read = BytesMut::new();
    while let Some(piece) = next(&mut body, pause).await.transpose()? {
        let size = (first.len() + read.len() + piece.len()) as u64;
        if size > limit {
            return Err(too_large(limit));
        }
        if first.is_empty() && read.is_empty() {
            first = piece;
            continue;
        }
        if read.is_empty() {
            read.extend_from_slice(&std::mem::take(&mut first));
        }
        read.extend_from_slice(&piece);
    }
    // By itself: as it came it holds the buffer of the connection, which can't be used again until then.
    Ok(if read.is_empty() { Bytes::copy_from_slice(&first) } else { read.freeze() })
}

/// What is refused because of its size.
pub(super) fn too_large(limit: u64) -> Problem {
    let option = if limit == UPLOAD { "" } else { " (`limits.requestBytes` of the proxy)" };
    let words = format!("the request has more than {limit} bytes{option}");
    Problem::closing(StatusCode::PAYLOAD_TOO_LARGE, words)
}

/// A body as it comes.
pub(super) fn stream(body: Incoming, pause: Option<Duration>) -> ByteStream {
    Box::pin(stream::try_unfold((body, 0), move |(mut body, mut read)| async move {
        let piece = next(&mut body, pause).await.transpose().map_err(|problem| failed(problem.message))?;
        let Some(piece) = piece else { return Ok(None) };
        read += piece.len() as u64;
        if read > UPLOAD {
            return Err(failed(format!("the request has more than {UPLOAD} bytes")));
        }
        Ok(Some((piece, (body, read))))
    }))
}

fn failed(message: String) -> Error {
    Error::new(ErrorKind::RequestBody, Phase::FirstByte, message)
}

/// The next piece; trailers are not looked at.
async fn next(body: &mut Incoming, pause: Option<Duration>) -> Option<Result<Bytes, Problem>> {
    loop {
        let frame = match pause {
            None => body.frame().await?,
            Some(pause) => {
                let Ok(frame) = tokio::time::timeout(pause, body.frame()).await else {
                    let words = format!("nothing of the request's body came within {} ms", pause.as_millis());
                    return Some(Err(Problem::closing(StatusCode::REQUEST_TIMEOUT, words)));
                };
                frame?
            }
        };
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(bytes)) if bytes.is_empty() => {}
            Ok(Ok(bytes)) => return Some(Ok(bytes)),
            Ok(Err(_)) => {}
            Err(cause) => {
                let words = format!("the request's body broke off: {cause}");
                return Some(Err(Problem::closing(StatusCode::BAD_REQUEST, words)));
            }
        }
    }
}

/// Whether a request says already that its body is larger than is allowed.
pub(super) fn announces_more(headers: &HeaderMap, limit: u64) -> bool {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    length.is_some_and(|length| length > limit)
}
