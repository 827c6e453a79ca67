//! Undoes content encodings, piece by piece, and stops what expands beyond all reason.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use async_compression::{
    tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder},
    zstd::DParameter,
};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue, header};
use tokio_util::io::{StreamReader, poll_read_buf};

use crate::{Error, ErrorKind, Phase, Result, body::ByteStream};

/// What we can undo, in the order of preference.
pub(super) const ACCEPTED: HeaderValue = HeaderValue::from_static("gzip, br, zstd, deflate");

/// Up to here a body may expand as it likes.
const UNWATCHED: u64 = 10 << 20;
/// JSON compresses tenfold, logs a hundredfold.
const MAX_RATIO: u64 = 200;
const MAX_ENCODINGS: usize = 3;
/// 8 MiB, the most that RFC 9659 allows: by itself the decoder takes 128 MiB at the word of the first bytes.
const ZSTD_WINDOW: u32 = 23;
/// Room for one read, and what may remain of it unused before new room is made.
const ROOM: usize = 16 * 1024;
const LITTLE_ROOM: usize = 2 * 1024;

/// A way to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Gzip,
    Zlib,
    Brotli,
    Zstd,
}

/// What the headers say, in the order in which it was applied. Empty where there is nothing to undo,
/// or something that we cannot.
pub(super) fn encodings(headers: &HeaderMap) -> Result<Vec<Encoding>> {
    let mut found = Vec::new();
    for value in headers.get_all(header::CONTENT_ENCODING) {
        for name in value.to_str().unwrap_or("?").split(',') {
            found.push(match name.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Encoding::Gzip,
                "deflate" => Encoding::Zlib,
                "br" => Encoding::Brotli,
                "zstd" => Encoding::Zstd,
                _ => return Ok(Vec::new()),
            });
        }
    }
    if found.len() > MAX_ENCODINGS {
        return Err(broken("the answer is compressed more than 3 times over"));
    }
    Ok(found)
}

/// Undoes the encodings and removes the headers that no longer hold.
pub(super) fn undo(encodings: &[Encoding], headers: &mut HeaderMap, body: ByteStream) -> ByteStream {
    headers.remove(header::CONTENT_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    let wire = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&wire);
    let pieces = body.inspect(move |piece| {
        if let Ok(bytes) = piece {
            counter.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
    });
    encodings
        .iter()
        .rev()
        .fold(Box::pin(pieces), |body, encoding| Box::pin(Decoded::new(*encoding, body, Arc::clone(&wire))))
}

type Source = StreamReader<Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>, Bytes>;

enum Decoder {
    Gzip(GzipDecoder<Source>),
    Zlib(ZlibDecoder<Source>),
    Brotli(BrotliDecoder<Source>),
    Zstd(ZstdDecoder<Source>),
}

/// One encoding undone.
struct Decoded {
    state: State,
    decoder: Box<Decoder>,
    room: BytesMut,
    given: u64,
    /// What came over the network, before any encoding was undone.
    wire: Arc<AtomicU64>,
}

enum State {
    Decoding,
    /// The data is complete, the body may not be: reading it to its end keeps the connection.
    Ending,
    Ended,
}

impl Decoded {
    fn new(encoding: Encoding, body: ByteStream, wire: Arc<AtomicU64>) -> Self {
        let pieces = body.map(|piece| piece.map_err(io::Error::other));
        let source: Source = StreamReader::new(Box::pin(pieces));
        let decoder = match encoding {
            Encoding::Gzip => {
                let mut decoder = GzipDecoder::new(source);
                decoder.multiple_members(true);
                Decoder::Gzip(decoder)
            }
            Encoding::Zlib => Decoder::Zlib(ZlibDecoder::new(source)),
            Encoding::Brotli => Decoder::Brotli(BrotliDecoder::new(source)),
            Encoding::Zstd => {
                let mut decoder =
                    ZstdDecoder::with_params(source, &[DParameter::window_log_max(ZSTD_WINDOW)]);
                decoder.multiple_members(true);
                Decoder::Zstd(decoder)
            }
        };
        Self { state: State::Decoding, decoder: Box::new(decoder), room: BytesMut::new(), given: 0, wire }
    }

    fn wire_bytes(&self) -> u64 {
        self.wire.load(Ordering::Relaxed)
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        if let State::Decoding = self.state {
            if self.room.capacity() < LITTLE_ROOM {
                self.room.reserve(ROOM);
            }
            match ready!(self.decoder.poll_read(cx, &mut self.room)) {
                Ok(0) => self.state = State::Ending,
                Err(err) => match failure(err) {
                    // A body without a single byte is no broken archive.
                    err if err.kind() == ErrorKind::Decode && self.wire_bytes() == 0 => {
                        self.state = State::Ending;
                    }
                    err => return Poll::Ready(Err(err)),
                },
                Ok(length) => {
                    self.given += length as u64;
                    if self.given > UNWATCHED && self.given / MAX_RATIO > self.wire_bytes() {
                        return Poll::Ready(Err(broken("the compressed answer expands more than 200 times")));
                    }
                    return Poll::Ready(Ok(Some(self.room.split().freeze())));
                }
            }
        }
        while let Some(rest) = ready!(self.decoder.source().poll_next_unpin(cx)) {
            rest.map_err(failure)?;
        }
        Poll::Ready(Ok(None))
    }
}

impl Stream for Decoded {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let this = self.get_mut();
        if let State::Ended = this.state {
            return Poll::Ready(None);
        }
        let piece = ready!(this.poll_piece(cx));
        if !matches!(piece, Ok(Some(_))) {
            this.state = State::Ended;
        }
        Poll::Ready(piece.transpose())
    }
}

impl Decoder {
    fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut BytesMut) -> Poll<io::Result<usize>> {
        match self {
            Self::Gzip(decoder) => poll_read_buf(Pin::new(decoder), cx, room),
            Self::Zlib(decoder) => poll_read_buf(Pin::new(decoder), cx, room),
            Self::Brotli(decoder) => poll_read_buf(Pin::new(decoder), cx, room),
            Self::Zstd(decoder) => poll_read_buf(Pin::new(decoder), cx, room),
        }
    }

    fn source(&mut self) -> &mut Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>> {
        match self {
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Zlib(decoder) => decoder.get_mut(),
            Self::Brotli(decoder) => decoder.get_mut(),
            Self::Zstd(decoder) => decoder.get_mut(),
        }
        .get_mut()
    }
}

/// Either the body's own failure, carried through the decoder, or the decoder's.
fn failure(err: io::Error) -> Error {
    match err.downcast::<Error>() {
        Ok(err) => err,
        Err(err) => broken("the compressed answer is broken").with_source(err),
    }
}

fn broken(message: &str) -> Error {
    Error::new(ErrorKind::Decode, Phase::Body, message)
}
