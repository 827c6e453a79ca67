//! Encodes a body that is written piece by piece, so that each piece can be read by itself.

use async_compression::tokio::write::{GzipEncoder, ZlibEncoder, ZstdEncoder};
use bytes::Bytes;
use futures_util::FutureExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{Encoding, brotli::Stored};

/// A compressor that writes to memory: its futures are always ready.
pub(in super::super) enum Encoder {
    Gzip(GzipEncoder<Vec<u8>>),
    Br(Stored),
    Zstd(ZstdEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
}

impl Encoding {
    /// The name in `content-encoding`.
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Br => "br",
            Self::Zstd => "zstd",
            Self::Deflate => "deflate",
        }
    }

    pub(in super::super) fn encode(self, bytes: &[u8]) -> Bytes {
        let mut encoder = Encoder::new(self);
        let mut whole = encoder.put(bytes).to_vec();
        whole.extend_from_slice(&encoder.finish());
        whole.into()
    }
}

impl Encoder {
    pub fn new(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Gzip => Self::Gzip(GzipEncoder::new(Vec::new())),
            Encoding::Br => Self::Br(Stored::default()),
            Encoding::Zstd => Self::Zstd(ZstdEncoder::new(Vec::new())),
            Encoding::Deflate => Self::Deflate(ZlibEncoder::new(Vec::new())),
        }
    }

    /// Compresses and flushes: what comes back decodes to all that was put in so far.
    pub fn put(&mut self, bytes: &[u8]) -> Bytes {
        match self {
            Self::Gzip(encoder) => put(encoder, bytes, GzipEncoder::get_mut),
            Self::Br(encoder) => encoder.put(bytes).into(),
            Self::Zstd(encoder) => put(encoder, bytes, ZstdEncoder::get_mut),
            Self::Deflate(encoder) => put(encoder, bytes, ZlibEncoder::get_mut),
        }
    }

    /// The trailer.
    pub fn finish(&mut self) -> Bytes {
        match self {
            Self::Gzip(encoder) => finish(encoder, GzipEncoder::get_mut),
            Self::Br(encoder) => encoder.finish().into(),
            Self::Zstd(encoder) => finish(encoder, ZstdEncoder::get_mut),
            Self::Deflate(encoder) => finish(encoder, ZlibEncoder::get_mut),
        }
    }
}

fn put<E: AsyncWrite + Unpin>(encoder: &mut E, bytes: &[u8], out: fn(&mut E) -> &mut Vec<u8>) -> Bytes {
    // Memory accepts every write at once and without fail, so neither outcome can carry news.
    let _ = encoder.write_all(bytes).now_or_never();
    let _ = encoder.flush().now_or_never();
    std::mem::take(out(encoder)).into()
}

fn finish<E: AsyncWrite + Unpin>(encoder: &mut E, out: fn(&mut E) -> &mut Vec<u8>) -> Bytes {
    let _ = encoder.shutdown().now_or_never();
    std::mem::take(out(encoder)).into()
}
