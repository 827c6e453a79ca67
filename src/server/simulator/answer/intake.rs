//! Reads a request's body: wholly, slowly or not at all.

use std::{future::pending, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::super::{
    record::Exchange,
    reply::ReadBody,
    wire::{Line, Takeover},
};

/// The API's own limit. More is read to its end, but not held.
const LIMIT: usize = 32 * 1024 * 1024;

/// 64 KiB in 50 ms.
const SLOW: f64 = 0.05 / 65536.0;

pub(super) enum Intake {
    Body(Bytes),
    TooLarge,
    Unread(Incoming),
}

/// `own` is the connection, where it is this request's alone.
pub(super) async fn read(
    exchange: &mut Exchange,
    own: Option<&Line>,
    body: Incoming,
    how: ReadBody,
) -> Intake {
    let read = match how {
        ReadBody::Never => return Intake::Unread(body),
        ReadBody::Whole => collect(exchange, own, body, None).await,
        ReadBody::Slow => collect(exchange, own, body, Some(SLOW)).await,
    };
    read.map_or(Intake::TooLarge, Intake::Body)
}

/// The body, unless it is too large.
pub(super) async fn whole(exchange: &mut Exchange, own: Option<&Line>, body: Incoming) -> Option<Bytes> {
    collect(exchange, own, body, None).await
}

async fn collect(
    exchange: &mut Exchange,
    own: Option<&Line>,
    mut body: Incoming,
    per_byte: Option<f64>,
) -> Option<Bytes> {
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            // The client is gone, and this future will be. A connection of HTTP/1 waits for its answer all the same.
            if let Some(line) = own {
                line.take_over(Takeover::Close);
            }
            return pending().await;
        };
        let Ok(data) = frame.into_data() else { continue };
        exchange.read(&data);
        length += data.len();
        if let Some(per_byte) = per_byte {
            #[expect(clippy::cast_precision_loss, reason = "a chunk is far smaller than 2^52 bytes")]
            tokio::time::sleep(Duration::from_secs_f64(per_byte * data.len() as f64)).await;
        }
        if length > LIMIT {
            more = BytesMut::new();
        } else if first.is_empty() {
            // Most bodies are one chunk, which is then never copied.
            first = data;
        } else {
            more.extend_from_slice(if more.is_empty() { &first } else { &[] });
            more.extend_from_slice(&data);
        }
    }
    (length <= LIMIT).then(|| if more.is_empty() { first } else { more.freeze() })
}
