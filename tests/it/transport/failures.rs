//! What went wrong, in words that help and without a secret.

use trae_native::{ErrorKind, Phase};

use super::*;
use crate::support::peer::Peer;

#[tokio::test]
async fn nobody_listening_is_a_refusal_that_names_host_and_port_only() {
    let port = unused_port();
    let url = Url::parse(&format!("http://user:pass@127.0.0.1:{port}/path?key=secret")).unwrap();
    let err = fail(&transport(), get(url)).await;
    assert_eq!((err.kind(), err.phase()), (ErrorKind::Refused, Phase::Connect), "{err}");
    assert!(err.message().contains(&format!("127.0.0.1:{port}")), "{err}");
    let shown = shown(&err);
    assert!(!shown.contains("secret") && !shown.contains("pass@"), "{shown}");
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_a_dns_error() {
    let err = fail(&transport(), get(Url::parse("http://nowhere.invalid/").unwrap())).await;
    assert_eq!((err.kind(), err.phase()), (ErrorKind::Dns, Phase::Connect), "{err}");
    assert!(err.message().contains("nowhere.invalid:80"), "{err}");
}

#[tokio::test]
async fn headers_without_end_are_too_large_and_so_are_too_many() {
    let many = "a: b\r\n".repeat(200);
    let long = format!("a: {}\r\n", "b".repeat(1 << 20));
    for headers in [many, long] {
        let peer = Peer::answering(format!("HTTP/1.1 200 OK\r\n{headers}content-length: 0\r\n\r\n")).await;
        let err = fail(&transport(), get(peer.url("/"))).await;
        assert_eq!((err.kind(), err.phase()), (ErrorKind::TooLarge, Phase::FirstByte), "{err}");
    }
}

#[tokio::test]
async fn a_body_whose_chunks_or_trailers_are_none_is_a_connection_error() {
    let trailers = format!("2\r\nok\r\n0\r\n{}\r\n", "a: b\r\n".repeat(100_000));
    let long = format!("2\r\nok\r\n0\r\na: {}\r\n\r\n", "b".repeat(1 << 20));
    for chunks in [&trailers, &long, "2\r\nok\r\nnone\r\n", "ffffffffffffffffff\r\nok", "2\r\nok\r\n-1\r\n"] {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let peer = Peer::answering(format!("{head}{chunks}")).await;
        let err = read(&transport(), get(peer.url("/"))).await.unwrap_err();
        let begin = &chunks[..20.min(chunks.len())];
        assert_eq!((err.kind(), err.phase()), (ErrorKind::Connection, Phase::Body), "{begin:?}: {err:?}");
        assert!(err.message().contains("not HTTP"), "{err}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_a_connection_error() {
    let peer = Peer::answering("220 mail.example ESMTP\r\n\r\n").await;
    let err = fail(&transport(), get(peer.url("/"))).await;
    assert_eq!(err.kind(), ErrorKind::Connection, "{err}");
    assert!(err.message().contains("not HTTP"), "{err}");
}

#[tokio::test]
async fn tls_to_a_server_that_speaks_none_is_a_tls_error() {
    let peer = Peer::start(|mut conn| async move {
        conn.write("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        conn.closed().await;
    })
    .await;
    let url = Url::parse(&format!("https://127.0.0.1:{}/", peer.port())).unwrap();
    let err = fail(&transport(), get(url)).await;
    assert_eq!((err.kind(), err.phase()), (ErrorKind::Tls, Phase::Connect), "{err}");
    assert!(err.message().contains("not TLS") && err.message().contains("the scheme and the port"), "{err}");
}
