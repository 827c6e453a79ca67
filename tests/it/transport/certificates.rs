//! Whom we trust and what we show, where a handshake fails over it.

use rcgen::{CertificateParams, KeyPair};
use tokio::runtime::Handle;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig, SupportedProtocolVersion,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, pem::PemObject},
        version::{TLS12, TLS13},
    },
};
use trae_native::{
    ErrorKind, Phase,
    server::simulator::{HttpVersions, Simulator, SimulatorOptions},
    transport::{Http2, TlsOptions, TlsVersion},
};

use super::{
    tls::{hello, simulator, trust},
    *,
};
use crate::support::peer::Peer;

/// A certificate for this name that signs itself, and its key.
fn own(name: &str, valid: bool) -> (rcgen::Certificate, KeyPair) {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    if !valid {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap(), key)
}

/// A server with its own certificate that speaks this version of TLS only; and what to trust to reach it.
async fn speaking(
    version: &'static SupportedProtocolVersion,
    (cert, key): (rcgen::Certificate, KeyPair),
) -> (Peer, TlsOptions) {
    let private = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], private)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let peer = Peer::start(move |conn| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(conn.socket).await else { return };
            let mut request = [0; 1024];
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut request).await;
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, OK.as_bytes()).await;
        }
    })
    .await;
    (peer, TlsOptions { ca: vec![cert.pem().into()], ..TlsOptions::default() })
}

fn with_tls(tls: TlsOptions) -> Transport {
    Transport::new(TransportOptions { tls, ..direct() }).unwrap()
}

fn secure(peer: &Peer, host: &str) -> Request {
    get(Url::parse(&format!("https://{host}:{}/", peer.port())).unwrap())
}

#[track_caller]
fn check(err: &Error, words: &[&str]) {
    assert_eq!((err.kind(), err.phase()), (ErrorKind::Tls, Phase::Connect), "{err:?}");
    assert!(!err.is_retryable());
    for words in words {
        assert!(err.message().contains(words), "{err} lacks {words:?}");
    }
}

#[tokio::test]
async fn a_server_that_speaks_only_what_is_too_old_is_refused_and_the_option_named() {
    let (peer, trusted) = speaking(&TLS12, own("127.0.0.1", true)).await;
    let at_least = |min_version| with_tls(TlsOptions { min_version, ..trusted.clone() });
    for enough in [None, Some(TlsVersion::Tls12)] {
        assert_eq!(read(&at_least(enough), secure(&peer, "127.0.0.1")).await.unwrap(), "ok");
    }
    let err = fail(&at_least(Some(TlsVersion::Tls13)), secure(&peer, "127.0.0.1")).await;
    check(&err, &["127.0.0.1", "version of TLS", "`tls.minVersion`"]);
}

#[tokio::test]
async fn a_certificate_that_is_out_of_date_or_of_another_name_is_not_blamed_on_its_authority() {
    let (old, trusted) = speaking(&TLS13, own("127.0.0.1", false)).await;
    let expired = fail(&with_tls(trusted), secure(&old, "127.0.0.1")).await;
    let (other, trusted) = speaking(&TLS13, own("127.0.0.1", true)).await;
    let misnamed = fail(&with_tls(trusted), secure(&other, "localhost")).await;
    for (err, words) in [(expired, "xpired"), (misnamed, "not valid for")] {
        check(&err, &["the certificate of", "is not trusted", words]);
        assert!(!err.message().contains("tls.ca"), "{err}");
    }
}

fn asking() -> Simulator {
    let options =
        SimulatorOptions { tls: true, client_ca: Some("own".into()), ..SimulatorOptions::default() };
    Simulator::start(&Handle::current(), options).unwrap()
}

#[tokio::test]
async fn a_server_that_asks_for_a_client_certificate_and_gets_none_or_a_wrong_one_is_a_tls_error() {
    let simulator = asking();
    let (stranger, key) = own("stranger", true);
    let wrong = TlsOptions {
        cert: Some(stranger.pem().into()),
        key: Some(key.serialize_pem().into()),
        ..trust(&simulator)
    };
    for http2 in [Http2::Auto, Http2::Off] {
        for tls in [trust(&simulator), wrong.clone()] {
            let transport = Transport::new(TransportOptions { http2, tls, ..direct() }).unwrap();
            let err = fail(&transport, hello(&simulator)).await;
            check(&err, &["127.0.0.1", "client certificate", "`tls.cert`", "`tls.key`"]);
        }
    }
    assert_eq!(simulator.counters().requests, 0);
}

#[test]
fn a_key_of_another_certificate_is_refused_when_the_transport_is_made() {
    let ((cert, _), (_, key)) = (own("a", true), own("b", true));
    let (cert, key) = (Some(cert.pem().into()), Some(key.serialize_pem().into()));
    let tls = TlsOptions { cert, key, ..TlsOptions::default() };
    let err = Transport::new(TransportOptions { tls, ..direct() }).err().unwrap();
    assert_eq!((err.kind(), err.phase()), (ErrorKind::Config, Phase::Prepare));
    assert_eq!(err.message(), "`tls.key` is not the private key of `tls.cert`");
    assert!(!shown(&err).contains("PRIVATE"));
}

/// What is found in bundles that have grown for years; `{}` stands for a certificate.
const ODDITIES: [&str; 9] = [
    "# Some authority\r\n=================\n",
    "Caf\u{e9} Root CA, \u{2028} 2031\n",
    "-----BEGIN CERTIFICATE-----\nthis is not base64 !!!\n-----END CERTIFICATE-----\n",
    "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n",
    "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    // Cut short: it must not take the next one with it.
    "-----BEGIN CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n",
    "-----BEGIN PRIVATE KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PRIVATE KEY-----\n",
    "-----BEGIN CERTIFICATE----\n",
    "-----END CERTIFICATE-----\n",
];

#[tokio::test]
async fn extra_authorities_come_from_a_large_bundle_whatever_else_is_in_it() {
    let simulator = simulator(HttpVersions::Auto);
    let mut bundle = Vec::new();
    for index in 0..150 {
        bundle.extend_from_slice(ODDITIES[index % ODDITIES.len()].as_bytes());
        bundle.extend_from_slice(
            own(&format!("authority-{index}"), true).0.pem().replace('\n', "\r\n").as_bytes(),
        );
    }
    for oddity in ODDITIES {
        bundle.extend_from_slice(b"\xe9\n");
        bundle.extend_from_slice(oddity.as_bytes());
        let file = std::env::temp_dir().join(format!("extra-{}.pem", simulator.port()));
        std::fs::write(&file, [&bundle[..], simulator.ca_pem().unwrap().as_bytes()].concat()).unwrap();
        let tls = TlsOptions { extra_ca_file: Some(file.clone()), ..TlsOptions::default() };
        let answer = send(&with_tls(tls), hello(&simulator)).await;
        std::fs::remove_file(file).unwrap();
        assert_eq!(answer.unwrap().status, 200, "after {oddity:?}");
    }
}
