//! Options that cannot work are refused when the transport is made, and making one costs nothing.

use std::time::Instant;

use trae_native::{
    ErrorKind,
    transport::{Http2, TlsOptions},
};

use super::*;
use crate::support::peer::Peer;

const CERTIFICATE: &[u8] =
    b"-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";

fn refusal(options: TransportOptions) -> String {
    let err = Transport::new(options).err().unwrap();
    assert_eq!(err.kind(), ErrorKind::Config);
    err.message().to_owned()
}

fn tls(tls: TlsOptions) -> TransportOptions {
    TransportOptions { tls, ..direct() }
}

#[test]
fn tls_options_that_cannot_work_are_named() {
    for (options, words) in [
        (TlsOptions { ca: vec![b"no pem".to_vec()], ..Default::default() }, "`tls.ca`"),
        (TlsOptions { ca: vec![CERTIFICATE.to_vec()], ..Default::default() }, "`tls.ca`"),
        (TlsOptions { key: Some(b"k".to_vec()), ..Default::default() }, "`tls.key` needs `tls.cert`"),
        (TlsOptions { cert: Some(b"c".to_vec()), ..Default::default() }, "`tls.cert` needs `tls.key`"),
        (
            TlsOptions {
                cert: Some(CERTIFICATE.to_vec()),
                key: Some(b"secret".to_vec()),
                ..Default::default()
            },
            "private key",
        ),
    ] {
        let message = refusal(tls(options));
        assert!(message.contains(words) && !message.contains("secret"), "{message}");
    }
}

#[test]
fn a_pool_of_no_sockets_or_of_sockets_for_no_call_is_refused() {
    let pool = PoolOptions { max_sockets: 0, ..PoolOptions::default() };
    assert!(refusal(TransportOptions { pool, ..direct() }).contains("`pool.maxSockets`"));
    let pool = PoolOptions { max_streams: 0, ..PoolOptions::default() };
    assert!(refusal(TransportOptions { pool, ..direct() }).contains("`pool.maxStreams`"));
}

#[test]
fn nothing_secret_is_shown_by_debug() {
    let options = TransportOptions {
        proxy: ProxyOptions::Url { url: "http://user:secret@proxy".into(), no_proxy: Vec::new() },
        ..tls(TlsOptions { key: Some(b"secret".to_vec()), ..Default::default() })
    };
    assert!(!format!("{options:?}").contains("secret"));
}

#[tokio::test]
async fn a_file_of_extra_authorities_that_cannot_be_read_is_named_at_the_first_https_call() {
    let options = TlsOptions { extra_ca_file: Some("/nowhere/extra.pem".into()), ..Default::default() };
    let transport = Transport::new(tls(options)).unwrap();
    let err = fail(&transport, get(Url::parse("https://127.0.0.1:1/").unwrap())).await;
    assert_eq!(err.kind(), ErrorKind::Config);
    assert!(err.message().contains("NODE_EXTRA_CA_CERTS names /nowhere/extra.pem"), "{err}");
}

#[tokio::test]
async fn a_transport_for_plain_http_is_made_at_once() {
    let peer = Peer::answering(OK).await;
    read(&transport(), get(peer.url("/"))).await.unwrap();
    let fastest = (0..20)
        .map(|_| {
            let started = Instant::now();
            drop(transport());
            started.elapsed()
        })
        .min()
        .unwrap();
    assert!(fastest < ms(1), "{fastest:?}");
}

#[tokio::test]
async fn http2_only_is_spoken_from_the_first_byte() {
    let (sender, mut heard) = tokio::sync::mpsc::channel(1);
    let peer = Peer::start(move |mut conn| {
        let sender = sender.clone();
        async move {
            let mut preface = [0; 24];
            tokio::io::AsyncReadExt::read_exact(&mut conn.socket, &mut preface).await.unwrap();
            sender.send(preface).await.unwrap();
        }
    })
    .await;
    let transport = Transport::new(TransportOptions { http2: Http2::Only, ..direct() }).unwrap();
    let err = fail(&transport, get(peer.url("/"))).await;
    assert_eq!(&heard.recv().await.unwrap(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(err.kind(), ErrorKind::Reset, "{err}");
}
