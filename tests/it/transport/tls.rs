//! TLS and what it agrees on, against the simulator.

use futures_util::future::join_all;
use tokio::runtime::Handle;
use trae_native::{
    ErrorKind, Phase,
    server::simulator::{HttpVersions, Simulator, SimulatorOptions},
    transport::{Http2, TlsOptions, TlsVersion},
};

use super::*;

pub(super) fn simulator(http: HttpVersions) -> Simulator {
    let options = SimulatorOptions { tls: true, http, ..SimulatorOptions::default() };
    Simulator::start(&Handle::current(), options).unwrap()
}

pub(super) fn trust(simulator: &Simulator) -> TlsOptions {
    TlsOptions { ca: vec![simulator.ca_pem().unwrap().into()], ..TlsOptions::default() }
}

fn trusting(simulator: &Simulator) -> Transport {
    Transport::new(TransportOptions { tls: trust(simulator), ..direct() }).unwrap()
}

pub(super) fn hello(simulator: &Simulator) -> Request {
    let url = Url::parse(simulator.url()).unwrap().join("/v1/messages").unwrap();
    let body = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    header(post(url, body), "content-type", "application/json")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_at_a_new_origin_shares_one_http2_connection() {
    let simulator = simulator(HttpVersions::Auto);
    let options = TransportOptions {
        tls: trust(&simulator),
        pool: PoolOptions { max_sockets: 2, ..PoolOptions::default() },
        ..direct()
    };
    let transport = Transport::new(options).unwrap();
    let answers = join_all((0..100).map(|_| send(&transport, hello(&simulator)))).await;
    for answer in answers {
        let answer = answer.unwrap();
        assert_eq!((answer.status.as_u16(), answer.version), (200, http::Version::HTTP_2));
    }
    assert_eq!(transport.stats().connections_opened, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_at_an_http1_origin_gets_its_sockets_and_no_more() {
    let simulator = simulator(HttpVersions::One);
    let options = TransportOptions {
        tls: trust(&simulator),
        pool: PoolOptions { max_sockets: 3, ..PoolOptions::default() },
        ..direct()
    };
    let transport = Transport::new(options).unwrap();
    let answers = join_all((0..20).map(|_| read(&transport, hello(&simulator)))).await;
    assert!(answers.iter().all(Result::is_ok));
    // A connection whose request found a free socket meanwhile is still finished, and kept.
    assert!(transport.stats().connections_opened <= 20);
    assert_eq!(transport.stats().in_flight, 0);
}

#[tokio::test]
async fn after_a_leader_that_fails_the_others_find_out_for_themselves() {
    let simulator = simulator(HttpVersions::Auto);
    let transport = Transport::new(direct()).unwrap();
    let answers = join_all((0..5).map(|_| send(&transport, hello(&simulator)))).await;
    for answer in answers {
        assert_eq!(answer.err().unwrap().kind(), ErrorKind::Tls);
    }
    assert_eq!((transport.stats().in_flight, transport.stats().queued), (0, 0));
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_says_where_to_put_its_authority() {
    let simulator = simulator(HttpVersions::Auto);
    let err = fail(&transport(), hello(&simulator)).await;
    assert_eq!((err.kind(), err.phase()), (ErrorKind::Tls, Phase::Connect));
    assert!(err.message().contains("UnknownIssuer") && err.message().contains("`tls.ca`"), "{err}");
    assert!(err.message().contains("NODE_EXTRA_CA_CERTS") && err.message().contains("127.0.0.1"), "{err}");
}

#[tokio::test]
async fn http2_off_and_the_oldest_version_of_tls_are_obeyed() {
    let simulator = simulator(HttpVersions::Auto);
    let tls = TlsOptions { min_version: Some(TlsVersion::Tls13), ..trust(&simulator) };
    let options = TransportOptions { http2: Http2::Off, tls, ..direct() };
    let res = send(&Transport::new(options).unwrap(), hello(&simulator)).await.unwrap();
    assert_eq!(res.version, http::Version::HTTP_11);
}

#[tokio::test]
async fn http2_only_is_agreed_on_over_tls_or_there_is_no_connection() {
    for (spoken, agreed) in [(HttpVersions::Two, true), (HttpVersions::One, false)] {
        let simulator = simulator(spoken);
        let options = TransportOptions { http2: Http2::Only, tls: trust(&simulator), ..direct() };
        let answer = send(&Transport::new(options).unwrap(), hello(&simulator)).await;
        assert_eq!(answer.is_ok_and(|answer| answer.version == http::Version::HTTP_2), agreed);
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_it_is_asked_for() {
    let options =
        SimulatorOptions { tls: true, client_ca: Some("own".into()), ..SimulatorOptions::default() };
    let simulator = Simulator::start(&Handle::current(), options).unwrap();
    let (cert, key) = simulator.client_identity().unwrap();
    let tls = TlsOptions { cert: Some(cert.into()), key: Some(key.into()), ..trust(&simulator) };
    let known = Transport::new(TransportOptions { tls, ..direct() }).unwrap();
    assert_eq!(send(&known, hello(&simulator)).await.unwrap().status, 200);
    let err = fail(&trusting(&simulator), hello(&simulator)).await;
    assert_eq!(err.kind(), ErrorKind::Tls, "{err:?}");
}
