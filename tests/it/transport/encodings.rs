//! Content encodings, undone as the bytes come.

use async_compression::{
    Level,
    tokio::write::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder},
    zstd::CParameter,
};
use tokio::io::AsyncWriteExt;
use trae_native::{ErrorKind, Phase};

use super::*;
use crate::support::peer::Peer;

/// Compressed pieces, each flushed like an event; the last one ends the data.
async fn pieces<T: AsRef<[u8]>>(encoding: &str, texts: &[T]) -> Vec<Vec<u8>> {
    macro_rules! encode {
        ($encoder:ident) => {{
            let mut encoder = $encoder::new(Vec::new());
            let mut pieces = Vec::new();
            for text in texts {
                encoder.write_all(text.as_ref()).await.unwrap();
                encoder.flush().await.unwrap();
                pieces.push(std::mem::take(encoder.get_mut()));
            }
            encoder.shutdown().await.unwrap();
            pieces.push(encoder.into_inner());
            pieces
        }};
    }
    match encoding {
        "gzip" => encode!(GzipEncoder),
        "deflate" => encode!(ZlibEncoder),
        "br" => encode!(BrotliEncoder),
        _ => encode!(ZstdEncoder),
    }
}

fn whole(encoding: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

async fn encoded(encoding: &str, body: &[u8]) -> Result<Bytes> {
    let peer = Peer::answering(whole(encoding, body)).await;
    read(&transport(), get(peer.url("/"))).await
}

#[tokio::test]
async fn every_encoding_is_undone_and_its_headers_are_gone() {
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let body = pieces(encoding, &["hello ", "world"]).await.concat();
        let peer = Peer::answering(whole(encoding, &body)).await;
        let transport = transport();
        for _ in 0..2 {
            let res = send(&transport, get(peer.url("/"))).await.unwrap();
            assert!(
                !res.headers.contains_key("content-encoding") && !res.headers.contains_key("content-length")
            );
            assert_eq!(collect(res.body, 99, None).await.unwrap(), "hello world", "{encoding}");
        }
        assert_eq!((peer.connections(), transport.stats().in_flight), (1, 0), "{encoding}");
    }
}

#[tokio::test]
async fn a_server_that_flushes_per_event_is_seen_per_event() {
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let pieces = pieces(encoding, &["data: 1\n\n", "data: 2\n\n"]).await;
        let (go, gone) = tokio::sync::watch::channel(0);
        let peer = Peer::start(move |mut conn| {
            let (pieces, mut gone) = (pieces.clone(), gone.clone());
            async move {
                conn.request().await;
                let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\n\r\n");
                conn.write(head).await;
                for (index, piece) in pieces.iter().enumerate() {
                    gone.wait_for(|seen| *seen >= index).await.unwrap();
                    conn.write(piece).await;
                }
            }
        })
        .await;
        let mut body = stream(send(&transport(), get(peer.url("/"))).await.unwrap());
        for event in 1..=2 {
            // The server sends no more before this one was seen.
            assert_eq!(next(&mut body).await.unwrap().unwrap(), format!("data: {event}\n\n"), "{encoding}");
            go.send(event).unwrap();
        }
        assert!(next(&mut body).await.is_none());
    }
}

#[tokio::test]
async fn encodings_upon_encodings_are_undone_up_to_three() {
    let twice = compressed("gzip", &compressed("br", b"hello").await).await;
    assert_eq!(encoded("br, gzip", &twice).await.unwrap(), "hello");
    let err = encoded("gzip, gzip, gzip, gzip", b"x").await.unwrap_err();
    assert_eq!((err.kind(), err.phase()), (ErrorKind::Decode, Phase::Body));
}

#[tokio::test]
async fn an_unknown_encoding_is_left_as_it_is() {
    let peer = Peer::answering(whole("compress", b"xyz")).await;
    let res = send(&transport(), get(peer.url("/"))).await.unwrap();
    assert_eq!(
        (&res.headers["content-encoding"], &res.headers["content-length"]),
        (&"compress".parse().unwrap(), &"3".parse().unwrap())
    );
    assert_eq!(collect(res.body, 9, None).await.unwrap(), "xyz");
}

#[tokio::test]
async fn broken_and_truncated_data_are_errors_of_decoding_and_no_data_is_none() {
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let good = pieces(encoding, &["hello world, hello world"]).await.concat();
        let truncated = &good[..good.len() / 2];
        for bad in [truncated, b"this is not compressed at all"] {
            let err = encoded(encoding, bad).await.unwrap_err();
            assert_eq!((err.kind(), err.phase()), (ErrorKind::Decode, Phase::Body), "{encoding}: {err}");
        }
        let peer = Peer::start(move |mut conn| async move {
            conn.request().await;
            conn.write(format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\n\r\n")).await;
        })
        .await;
        assert_eq!(read(&transport(), get(peer.url("/"))).await.unwrap(), "", "{encoding}");
    }
}

async fn compressed(encoding: &str, data: &[u8]) -> Vec<u8> {
    pieces(encoding, &[data]).await.concat()
}

#[tokio::test]
async fn what_expands_beyond_all_reason_is_stopped_in_every_encoding() {
    let zeros = vec![b'0'; 16 << 20];
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let bomb = compressed(encoding, &zeros).await;
        let err = encoded(encoding, &bomb).await.unwrap_err();
        assert_eq!((err.kind(), err.phase()), (ErrorKind::Decode, Phase::Body), "{encoding}: {err}");
        assert!(err.message().contains("expands more than 200 times") && !err.is_retryable(), "{err}");
        // The same ratio is fine where it is small.
        let small = compressed(encoding, &zeros[..8 << 20]).await;
        assert_eq!(encoded(encoding, &small).await.unwrap().len(), 8 << 20, "{encoding}");
    }
}

#[tokio::test]
async fn a_bomb_within_a_bomb_is_stopped_by_what_came_over_the_network() {
    let zeros = vec![b'0'; 16 << 20];
    for (inner, outer) in [("gzip", "gzip"), ("br", "gzip"), ("zstd", "br"), ("deflate", "zstd")] {
        let once = compressed(inner, &zeros).await;
        let twice = compressed(outer, &once).await;
        let err = encoded(&format!("{inner}, {outer}"), &twice).await.unwrap_err();
        assert_eq!((err.kind(), err.phase()), (ErrorKind::Decode, Phase::Body), "{inner}, {outer}: {err}");
        assert!(err.message().contains("expands"), "{err}");
    }
}

#[tokio::test]
async fn a_window_larger_than_the_standard_allows_is_not_made_room_for() {
    for (window, fits) in [(23, true), (24, false), (27, false)] {
        let mut encoder = ZstdEncoder::with_quality_and_params(
            Vec::new(),
            Level::Default,
            &[CParameter::window_log(window)],
        );
        encoder.write_all(b"hello").await.unwrap();
        encoder.flush().await.unwrap();
        encoder.shutdown().await.unwrap();
        let answer = encoded("zstd", &encoder.into_inner()).await;
        assert_eq!(answer.as_deref().ok(), fits.then_some(&b"hello"[..]), "{window}: {answer:?}");
        assert!(fits || answer.unwrap_err().kind() == ErrorKind::Decode);
    }
}

#[tokio::test]
async fn a_compressed_body_that_breaks_off_keeps_its_own_error() {
    let body = pieces("gzip", &["hello", "world"]).await.concat();
    let answer = [
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", body.len())
            .into_bytes(),
        body[..15].to_vec(),
    ]
    .concat();
    let peer = Peer::start(move |mut conn| {
        let answer = answer.clone();
        async move {
            conn.request().await;
            conn.write(answer).await;
        }
    })
    .await;
    let err = read(&transport(), get(peer.url("/"))).await.unwrap_err();
    assert_eq!(err.kind(), ErrorKind::Incomplete, "{err}");
}

#[tokio::test]
async fn we_ask_for_what_we_can_undo_unless_the_caller_asks_otherwise() {
    for (own, expected) in [(None, "gzip, br, zstd, deflate"), (Some("identity"), "identity")] {
        let (sender, mut heard) = tokio::sync::mpsc::channel(1);
        let peer = Peer::start(move |mut conn| {
            let sender = sender.clone();
            async move {
                let asked = conn.request().await.unwrap();
                sender.send(asked.head).await.unwrap();
                conn.write(OK).await;
            }
        })
        .await;
        let req = get(peer.url("/"));
        read(&transport(), own.map_or_else(|| get(peer.url("/")), |own| header(req, "accept-encoding", own)))
            .await
            .unwrap();
        assert!(heard.recv().await.unwrap().contains(&format!("accept-encoding: {expected}\r\n")));
    }
}
