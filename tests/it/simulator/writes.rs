//! How answers are written: pieces, compression, cuts, silence.

use super::*;
use async_compression::tokio::write::{BrotliDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};

#[tokio::test]
async fn one_byte_writes_arrive_as_one_chunk_each() {
    let simulator = scripted(
        &json!([{ "sse": "data: x\n\n", "bytesPerWrite": 1, "headers": { "connection": "close" } }]),
    );
    let (raw, _) = read_to_end(&mut send(&simulator, "{}").await).await;
    assert!(raw.ends_with("1\r\nd\r\n1\r\na\r\n1\r\nt\r\n1\r\na\r\n1\r\n:\r\n1\r\n \r\n1\r\nx\r\n1\r\n\n\r\n1\r\n\n\r\n0\r\n\r\n"), "{raw}");
}

#[tokio::test]
async fn events_can_share_a_write() {
    let simulator = scripted(
        &json!([{ "sse": "a\n\nb\n\nc\n\n", "eventsPerWrite": 2, "paceMs": 0, "headers": { "connection": "close" } }]),
    );
    let (raw, _) = read_to_end(&mut send(&simulator, "{}").await).await;
    assert!(raw.ends_with("\r\n\r\n6\r\na\n\nb\n\n\r\n3\r\nc\n\n\r\n0\r\n\r\n"), "{raw}");
}

#[tokio::test]
async fn a_body_that_is_cut_by_a_close_has_no_end() {
    let simulator =
        scripted(&json!([{ "events": 9, "cutAfterEvents": 1 }, { "body": "123456", "cutAfterBytes": 3 }]));
    let (raw, ended) = read_to_end(&mut send(&simulator, "{}").await).await;
    ended.unwrap();
    assert_eq!(kinds(&raw), ["message_start"]);
    assert!(!raw.ends_with("0\r\n\r\n"));
    let (raw, _) = read_to_end(&mut send(&simulator, "{}").await).await;
    assert!(raw.contains("content-length: 6") && raw.ends_with("\r\n\r\n123"));
    assert!(simulator.received().iter().all(|it| !it.aborted));
    assert_eq!(simulator.received()[1].bytes_written, 3);
}

#[tokio::test]
async fn a_body_that_is_cut_by_a_reset_ends_in_an_error() {
    let simulator = scripted(&json!([{ "body": "123456", "cutAfterBytes": 0, "cut": "reset" }]));
    let (_, ended) = read_to_end(&mut send(&simulator, "{}").await).await;
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_body_can_end_early_as_if_that_were_all() {
    let simulator = scripted(&json!([{ "body": "123456", "cutAfterBytes": 2, "cut": "end" }]));
    assert_eq!(post(&simulator, "/v1/messages", &json!({})).await.text().await.unwrap(), "12");
}

#[tokio::test]
async fn an_answer_can_fall_silent_before_the_headers_the_body_or_the_next_event() {
    let simulator = scripted(&json!([
        { "hang": "headers" }, { "hang": "body", "text": "never" }, { "events": 9, "hangAfterEvents": 2 },
    ]));
    let mut headers = send(&simulator, "{}").await;
    assert!(silent(&mut headers).await);
    let mut body = send(&simulator, "{}").await;
    assert!(read_until(&mut body, "\r\n\r\n").await.contains("content-length"));
    assert!(silent(&mut body).await);
    let mut events = send(&simulator, "{}").await;
    let seen = read_until(&mut events, "content_block_start\"").await;
    assert_eq!(kinds(&seen), ["message_start", "content_block_start"]);
    assert_eq!(simulator.counters().connections_open, 3);
    drop((headers, body, events));
    eventually("all are gone", || simulator.counters().connections_open == 0).await;
    assert_eq!(simulator.counters().aborted, 3);
    assert!(simulator.received().iter().all(|it| it.aborted && !it.complete));
}

#[tokio::test]
async fn every_event_of_a_compressed_stream_can_be_read_when_it_is_written() {
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        let reply = json!({ "sse": "data: 1\n\ndata: 2\n\n", "encoding": encoding, "hangAfterEvents": 1 });
        let simulator = scripted(&json!([reply]));
        let mut answer = post(&simulator, "/v1/messages", &json!({})).await;
        assert_eq!(answer.headers()["content-encoding"], encoding);
        let mut seen = Vec::new();
        while seen.len() < 9 {
            let chunk = timeout(Duration::from_secs(5), answer.chunk()).await.unwrap().unwrap().unwrap();
            seen.extend(decoded(encoding, &chunk).await);
        }
        assert_eq!(seen, b"data: 1\n\n", "{encoding}");
    }
}

#[tokio::test]
async fn a_compressed_answer_is_whole() {
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        let simulator = scripted(&json!([{ "text": "whole", "encoding": encoding, "bytesPerWrite": 3 }]));
        let answer = post(&simulator, "/v1/messages", &json!({})).await.bytes().await.unwrap();
        assert!(String::from_utf8(decoded(encoding, &answer).await).unwrap().contains("whole"));
    }
}

async fn decoded(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    macro_rules! decode {
        ($decoder:ident) => {{
            let mut decoder = $decoder::new(Vec::new());
            decoder.write_all(bytes).await.unwrap();
            decoder.flush().await.unwrap();
            decoder.into_inner()
        }};
    }
    match encoding {
        "gzip" => decode!(GzipDecoder),
        "br" => decode!(BrotliDecoder),
        "zstd" => decode!(ZstdDecoder),
        _ => decode!(ZlibDecoder),
    }
}
