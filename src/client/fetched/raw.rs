//! The bytes that events were made of, beside them.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures_util::StreamExt;

use crate::body::ByteStream;

/// The bytes of a stream of events, read and not yet handed over.
#[derive(Clone, Default)]
pub(super) struct Raw(Arc<Mutex<Pieces>>);

#[derive(Default)]
struct Pieces {
    all: Vec<Bytes>,
    size: usize,
}

impl Raw {
    /// Keeps a copy of what passes; it shares the memory.
    pub(super) fn beside(self, body: ByteStream) -> ByteStream {
        Box::pin(body.inspect(move |piece| {
            if let Ok(piece) = piece {
                let mut pieces = self.lock();
                pieces.size += piece.len();
                pieces.all.push(piece.clone());
            }
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Pieces> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn size(&self) -> usize {
        self.lock().size
    }

    /// All of them, as one.
    pub(super) fn take(&self) -> Option<Bytes> {
        let Pieces { all, .. } = mem::take(&mut *self.lock());
        (!all.is_empty()).then(|| joined(all))
    }
}

/// Several pieces as one.
pub(super) fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    match pieces.len() {
        1 => pieces.remove(0),
        _ => pieces.concat().into(),
    }
}
