//! The writes that a body consists of: frames, grouped, compressed, cut into pieces, cut short.

use std::iter;

use bytes::{Bytes, BytesMut};

use super::{
    super::reply::{Cut, CutAt, Encoder, HangAt, Prepared},
    PIECE,
};

type Frames = Box<dyn Iterator<Item = Bytes> + Send>;

/// What to hand to the socket, in order.
pub(in super::super) struct Writes {
    frames: Frames,
    per_write: usize,
    encoder: Option<Encoder>,
    /// An encoding that is broken off has no trailer.
    trailer: bool,
    piece: usize,
    pending: Bytes,
    left: u64,
}

impl Writes {
    /// Of a body that is there, compressed already.
    pub fn of_whole(body: Bytes, reply: &Prepared) -> Self {
        let piece = reply.piece.unwrap_or(PIECE);
        Self::new(Box::new(iter::once(body)), reply, None, piece)
    }

    /// Of a stream.
    pub fn of_stream(frames: Frames, reply: &Prepared) -> Self {
        let frames: Frames = match &reply.error_at {
            Some((index, error)) => Box::new(frames.take(*index).chain(iter::once(error.clone()))),
            None => frames,
        };
        let encoder = reply.encoding.map(Encoder::new);
        Self::new(frames, reply, encoder, reply.piece.unwrap_or(usize::MAX))
    }

    fn new(frames: Frames, reply: &Prepared, encoder: Option<Encoder>, piece: usize) -> Self {
        let mut events = usize::MAX;
        let mut left = u64::MAX;
        match reply.cut {
            Some((CutAt::Events(after), _)) => events = after,
            Some((CutAt::Bytes(after), _)) => left = after,
            None => {}
        }
        match reply.hang {
            Some(HangAt::Events(after)) => events = events.min(after),
            Some(HangAt::Body | HangAt::Headers) => events = 0,
            None => {}
        }
        Self {
            frames: Box::new(frames.take(events)),
            per_write: reply.per_write,
            encoder,
            trailer: reply.hang.is_none() && !matches!(reply.cut, Some((_, Cut::Close | Cut::Reset))),
            piece,
            pending: Bytes::new(),
            left,
        }
    }

    /// The next frames, as one.
    fn group(&mut self) -> Option<Bytes> {
        let first = self.frames.next()?;
        if self.per_write == 1 {
            return Some(first);
        }
        let mut group = BytesMut::from(first);
        for frame in self.frames.by_ref().take(self.per_write - 1) {
            group.extend_from_slice(&frame);
        }
        Some(group.freeze())
    }

    fn refill(&mut self) -> Option<()> {
        self.pending = match (self.group(), &mut self.encoder) {
            (Some(group), None) => group,
            (Some(group), Some(encoder)) => encoder.put(&group),
            (None, encoder) => encoder.take().filter(|_| self.trailer)?.finish(),
        };
        Some(())
    }
}

impl Iterator for Writes {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.left == 0 {
            return None;
        }
        while self.pending.is_empty() {
            self.refill()?;
        }
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let write = self.pending.split_to(self.pending.len().min(self.piece).min(left));
        self.left -= write.len() as u64;
        Some(write)
    }
}
