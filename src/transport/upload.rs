//! A request's body on its way out.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;

use crate::{
    Error, ErrorKind, Phase, Result,
    body::{Body, ByteStream},
};

/// What is kept of a body, to send it again. Unlike a [`Body`] it can be shared between threads.
pub(super) enum Kept {
    Nothing,
    All(Bytes),
    /// It passes only once.
    Gone,
}

impl Kept {
    pub fn of(body: &Body) -> Self {
        match body {
            Body::Empty => Self::Nothing,
            Body::Full(bytes) => Self::All(bytes.clone()),
            Body::Stream(_) | Body::Events(_) => Self::Gone,
        }
    }

    /// The body once more.
    pub fn replay(&self) -> Option<Body> {
        match self {
            Self::Nothing => Some(Body::Empty),
            Self::All(bytes) => Some(Body::Full(bytes.clone())),
            Self::Gone => None,
        }
    }
}

/// Where the failure of a body is kept: what the connection reports for it says nothing.
#[derive(Clone, Default)]
pub(super) struct Fault(Arc<Mutex<Option<Error>>>);

impl Fault {
    /// The body's failure, if that is why the request failed.
    pub fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, err: Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(err);
    }
}

/// A placeholder for the failure that is kept aside.
#[derive(Debug, thiserror::Error)]
#[error("the request's body failed")]
pub(super) struct Failed;

/// The pieces of a body. Its own failure ends the request and is kept in `fault`; so is a length that is not
/// the one that the headers have announced: the connection would cut the body or wait for more without a word.
pub(super) fn pieces(
    body: ByteStream,
    fault: &Fault,
    announced: Option<u64>,
) -> impl Stream<Item = Result<Bytes, Failed>> + Send + use<> {
    let fault = fault.clone();
    let fail = move |err: Error| {
        fault.keep(if err.kind() == ErrorKind::RequestBody {
            err
        } else {
            let message = format!("the request's body failed: {}", err.message());
            Error::new(ErrorKind::RequestBody, Phase::FirstByte, message).with_source(err)
        });
        Failed
    };
    let state = Some((body, 0_u64, fail));
    futures_util::stream::unfold(state, move |state| async move {
        let (mut body, sent, fail) = state?;
        let piece = match body.next().await {
            Some(Ok(piece)) => piece,
            Some(Err(err)) => return Some((Err(fail(err)), None)),
            None if announced.is_some_and(|length| sent < length) => {
                return Some((Err(fail(other_length("shorter"))), None));
            }
            None => return None,
        };
        let sent = sent + piece.len() as u64;
        // With the last byte announced the connection stops reading, so what is beyond it is looked for before.
        let longer = match announced {
            Some(length) if sent == length => {
                body.by_ref().any(|more| std::future::ready(more.is_ok_and(|more| !more.is_empty()))).await
            }
            Some(length) => sent > length,
            None => false,
        };
        if longer {
            return Some((Err(fail(other_length("longer"))), None));
        }
        Some((Ok(piece), Some((body, sent, fail))))
    })
}

fn other_length(what: &str) -> Error {
    let message = format!("the request's body is {what} than its `content-length` says");
    Error::new(ErrorKind::RequestBody, Phase::FirstByte, message)
}
