//! Undoes content encodings as the bytes come, and stops those that expand beyond all reason.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};
use futures_util::{StreamExt, TryStreamExt};
use http::{HeaderMap, HeaderValue, header};
use tokio::io::{AsyncRead, BufReader};
use tokio_util::io::{ReaderStream, StreamReader};

use crate::{Error, ErrorKind, Phase, Result, body::ByteStream};

/// What we can undo, best first.
pub(super) const ACCEPTED: HeaderValue = HeaderValue::from_static("gzip, br, zstd, deflate");

/// A body may grow to this size whatever its ratio.
const HARMLESS: u64 = 10 << 20;
/// Beyond it, this many bytes out of one are taken for an attack: text compresses 3 to 20 times.
const RATIO: u64 = 200;
/// Encodings upon encodings.
const MOST_LAYERS: usize = 3;

/// The body without its encodings, and headers that say so. Unknown encodings are left alone.
pub(super) fn decode(body: ByteStream, headers: &mut HeaderMap) -> Result<ByteStream> {
    let Some(layers) = layers(headers) else { return Ok(body) };
    if layers.len() > MOST_LAYERS {
        let message = format!("the answer is encoded {} times over; at most {MOST_LAYERS} are undone", layers.len());
        return Err(Error::new(ErrorKind::Decode, Phase::Body, message));
    }
    headers.remove(header::CONTENT_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    let compressed = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&compressed);
    let counted: ByteStream = Box::pin(body.inspect_ok(move |chunk| {
        count.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    }));
    // Encodings are listed in the order in which they were put on.
    let plain = layers.into_iter().rev().fold(counted, undo);
    let mut decoded = 0;
    Ok(Box::pin(plain.map(move |chunk| {
        let chunk = chunk?;
        decoded += chunk.len() as u64;
        let sent = compressed.load(Ordering::Relaxed).max(1);
        if decoded > HARMLESS && decoded / sent > RATIO {
            let message = format!("{sent} compressed bytes have become {decoded}: this is taken for an attack");
            return Err(Error::new(ErrorKind::Decode, Phase::Body, message));
        }
        Ok(chunk)
    })))
}

#[derive(Debug, Clone, Copy)]
enum Layer {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

fn layers(headers: &HeaderMap) -> Option<Vec<Layer>> {
    let text = headers.get(header::CONTENT_ENCODING)?.to_str().ok()?;
    let names = text.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| name != "identity");
    let layers: Option<Vec<Layer>> = names
        .map(|name| match name.as_str() {
            "gzip" | "x-gzip" => Some(Layer::Gzip),
            "deflate" => Some(Layer::Deflate),
            "br" => Some(Layer::Brotli),
            "zstd" => Some(Layer::Zstd),
            _ => None,
        })
        .collect();
    layers.filter(|layers| !layers.is_empty())
}

fn undo(body: ByteStream, layer: Layer) -> ByteStream {
    // Our own error travels through io::Error and comes out as it was.
    let reader = BufReader::new(StreamReader::new(body.map_err(io::Error::other)));
    match layer {
        Layer::Gzip => {
            let mut decoder = GzipDecoder::new(reader);
            decoder.multiple_members(true);
            stream(decoder)
        }
        Layer::Deflate => stream(ZlibDecoder::new(reader)),
        Layer::Brotli => stream(BrotliDecoder::new(reader)),
        Layer::Zstd => stream(ZstdDecoder::new(reader)),
    }
}

fn stream(decoder: impl AsyncRead + Send + 'static) -> ByteStream {
    Box::pin(ReaderStream::with_capacity(decoder, 16 << 10).map_err(|cause| match cause.downcast::<Error>() {
        Ok(error) => error,
        Err(cause) => {
            let message = "the answer's compressed body is broken";
            Error::new(ErrorKind::Decode, Phase::Body, message).with_source(cause)
        }
    }))
}
