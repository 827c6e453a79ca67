//! TLS through a proxy, and TLS to the proxy itself, against simulators in both roles.

use tokio::runtime::Handle;
use trae_native::{
    ErrorKind,
    server::simulator::{HttpVersions, Simulator, SimulatorOptions},
    transport::TlsOptions,
};

use super::{
    proxies::{LOGIN, LOGIN_IN_URL, check},
    tls::{hello, simulator, trust},
    *,
};
use crate::support::socks::Socks;

const WRONG_IN_URL: &str = "user:wrong@";

/// A proxy that asks for the password, itself over TLS or not.
fn proxy(tls: bool) -> Simulator {
    let options = SimulatorOptions {
        tls,
        http: HttpVersions::One,
        proxy: true,
        proxy_auth: Some(LOGIN.into()),
        ..SimulatorOptions::default()
    };
    Simulator::start(&Handle::current(), options).unwrap()
}

fn at(proxy: &Simulator, login: &str) -> String {
    proxy.url().replace("://", &format!("://{login}"))
}

fn through(url: String, tls: TlsOptions) -> Transport {
    let proxy = ProxyOptions::Url { url, no_proxy: Vec::new() };
    Transport::new(TransportOptions { proxy, tls, ..direct() }).unwrap()
}

/// Trusts them all.
fn trust_all(simulators: &[&Simulator]) -> TlsOptions {
    let ca = simulators.iter().filter_map(|simulator| simulator.ca_pem()).map(Into::into).collect();
    TlsOptions { ca, ..TlsOptions::default() }
}

#[tokio::test]
async fn an_encrypted_call_goes_through_a_tunnel_with_the_proxys_password() {
    let target = simulator(HttpVersions::Auto);
    for over_tls in [false, true] {
        let proxy = proxy(over_tls);
        let trusted = || trust_all(&[&target, &proxy]);
        let transport = through(at(&proxy, LOGIN_IN_URL), trusted());
        for _ in 0..2 {
            let res = send(&transport, hello(&target)).await.unwrap();
            assert_eq!((res.status.as_u16(), res.version), (200, http::Version::HTTP_2));
        }
        let [received] = &proxy.received()[..] else { panic!("one tunnel serves both calls") };
        assert_eq!((received.method.as_str(), received.proxied), ("CONNECT", true));
        for login in [WRONG_IN_URL, ""] {
            let err = fail(&through(at(&proxy, login), trusted()), hello(&target)).await;
            check(&err, ErrorKind::Proxy, &["authorization required"]);
        }
    }
}

#[tokio::test]
async fn a_plain_call_goes_encrypted_to_a_proxy_that_speaks_tls() {
    let target = Simulator::start(&Handle::current(), SimulatorOptions::default()).unwrap();
    let proxy = proxy(true);
    let transport = through(at(&proxy, LOGIN_IN_URL), trust(&proxy));
    assert_eq!(send(&transport, hello(&target)).await.unwrap().status, 200);
    assert_eq!((proxy.counters().requests, target.counters().requests), (1, 1));
    // A plain proxy that refuses answers as the server would: there is no tunnel that could fail.
    let refused = send(&through(at(&proxy, WRONG_IN_URL), trust(&proxy)), hello(&target)).await.unwrap();
    assert_eq!((refused.status.as_u16(), target.counters().requests), (407, 1));
}

#[tokio::test]
async fn a_proxy_whose_certificate_nobody_trusts_is_named_and_not_its_target() {
    let target = simulator(HttpVersions::Auto);
    let plain = Simulator::start(&Handle::current(), SimulatorOptions::default()).unwrap();
    let proxy = proxy(true);
    for target in [&target, &plain] {
        let err = fail(&through(at(&proxy, LOGIN_IN_URL), trust_all(&[target])), hello(target)).await;
        check(&err, ErrorKind::Tls, &["the certificate of the proxy is not trusted"]);
    }
    let err = fail(&through(at(&proxy, LOGIN_IN_URL), trust(&proxy)), hello(&target)).await;
    check(&err, ErrorKind::Tls, &[&format!("the certificate of 127.0.0.1:{} is not trusted", target.port())]);
}

#[tokio::test]
async fn an_encrypted_call_goes_through_a_socks_proxy() {
    let target = simulator(HttpVersions::Auto);
    let proxy = Socks::start(Some(LOGIN)).await;
    let transport = through(format!("socks5h://{LOGIN_IN_URL}127.0.0.1:{}", proxy.port()), trust(&target));
    let mut req = hello(&target);
    req.url.set_host(Some("localhost")).unwrap();
    let res = send(&transport, req).await.unwrap();
    assert_eq!((res.status.as_u16(), res.version), (200, http::Version::HTTP_2));
    assert_eq!(proxy.asked(), [format!("localhost:{}", target.port())]);
}
