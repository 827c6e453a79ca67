//! What went wrong, in words that help and without a secret.

use std::error::Error as _;

use trae_native::{ErrorKind, Phase};

use super::*;
use crate::support::peer::Peer;

/// A port on which nobody listens any more.
fn unused_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn nobody_listening_is_a_refusal_that_names_host_and_port_only() {
    let port = unused_port();
    let url = Url::parse(&format!("http://user:pass@127.0.0.1:{port}/path?key=secret")).unwrap();
    let err = fail(&transport(), get(url)).await;
    assert_eq!((err.kind(), err.phase()), (ErrorKind::Refused, Phase::Connect), "{err}");
    assert!(err.message().contains(&format!("127.0.0.1:{port}")), "{err}");
    let mut chain = vec![format!("{err} {err:?}")];
    let mut source = err.source();
    assert!(source.is_some());
    while let Some(cause) = source {
        chain.push(format!("{cause} {cause:?}"));
        source = cause.source();
    }
    let chain = chain.join("\n");
    assert!(!chain.contains("secret") && !chain.contains("pass@"), "{chain}");
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
}

#[tokio::test]
async fn what_fails_on_the_way_through_a_proxy_is_a_proxy_error_without_its_password() {
    let port = unused_port();
    let proxy = |url: String| {
        Transport::new(TransportOptions {
            proxy: ProxyOptions::Url { url, no_proxy: Vec::new() },
            ..TransportOptions::default()
        })
        .unwrap()
    };
    let refusing =
        Peer::answering("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n").await;
    for (url, target) in [
        (format!("http://user:secret@127.0.0.1:{port}"), "http://a.example/"),
        (format!("socks5h://user:secret@127.0.0.1:{port}"), "http://a.example/"),
        (format!("http://user:secret@127.0.0.1:{}", refusing.port()), "https://a.example/"),
    ] {
        let err = fail(&proxy(url), get(Url::parse(target).unwrap())).await;
        assert_eq!((err.kind(), err.phase()), (ErrorKind::Proxy, Phase::Connect), "{err} {err:?}");
        assert!(!format!("{err} {err:?}").contains("secret"));
    }
}

#[tokio::test]
async fn a_plain_request_goes_through_its_proxy_with_the_whole_url_and_the_password() {
    let (sender, mut heard) = tokio::sync::mpsc::channel(1);
    let peer = Peer::start(move |mut conn| {
        let sender = sender.clone();
        async move {
            while let Some(asked) = conn.request().await {
                sender.send(asked.head).await.unwrap();
                conn.write(OK).await;
            }
        }
    })
    .await;
    let options = TransportOptions {
        proxy: ProxyOptions::Url {
            url: format!("http://user:pass@127.0.0.1:{}", peer.port()),
            no_proxy: vec!["direct.invalid".into()],
        },
        ..TransportOptions::default()
    };
    let transport = Transport::new(options).unwrap();
    let target = Url::parse("http://a.example/x").unwrap();
    assert_eq!(read(&transport, get(target)).await.unwrap(), "ok");
    let asked = heard.recv().await.unwrap();
    assert!(asked.starts_with("get http://a.example/x http/1.1\r\n"), "{asked}");
    assert!(asked.contains("proxy-authorization: basic dxnlcjpwyxnz\r\n"), "{asked}");
    let err = fail(&transport, get(Url::parse("http://direct.invalid/").unwrap())).await;
    assert_eq!(err.kind(), ErrorKind::Dns, "reached directly, so its own name is looked up");
}
