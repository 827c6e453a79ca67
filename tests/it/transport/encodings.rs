//! Content encodings, undone as the bytes come.

use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use tokio::io::AsyncWriteExt;
use trae_native::{ErrorKind, Phase};

use super::*;
use crate::support::peer::Peer;

/// Compressed pieces, each flushed like an event; the last one ends the data.
async fn pieces(encoding: &str, texts: &[&str]) -> Vec<Vec<u8>> {
    macro_rules! encode {
        ($encoder:ident) => {{
            let mut encoder = $encoder::new(Vec::new());
            let mut pieces = Vec::new();
            for text in texts {
                encoder.write_all(text.as_bytes()).await.unwrap();
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
    let once = pieces("br", &["hello"]).await.concat();
    let text = once.clone();
    let mut encoder = GzipEncoder::new(Vec::new());
    encoder.write_all(&text).await.unwrap();
    encoder.shutdown().await.unwrap();
    assert_eq!(encoded("br, gzip", &encoder.into_inner()).await.unwrap(), "hello");
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

#[tokio::test]
async fn what_expands_beyond_all_reason_is_stopped() {
    let zeros = "0".repeat(32 << 20);
    let bomb = pieces("gzip", &[&zeros]).await.concat();
    let err = encoded("gzip", &bomb).await.unwrap_err();
    assert_eq!((err.kind(), err.phase()), (ErrorKind::Decode, Phase::Body), "{err}");
    // The same ratio is fine where it is small.
    let small = pieces("gzip", &[&zeros[..8 << 20]]).await.concat();
    assert_eq!(encoded("gzip", &small).await.unwrap().len(), 8 << 20);
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
