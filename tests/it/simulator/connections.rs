//! TLS, HTTP/2, client certificates and the proxy role.

use super::*;

fn secure(simulator: &Simulator) -> reqwest::ClientBuilder {
    let ca = reqwest::Certificate::from_pem(simulator.ca_pem().unwrap().as_bytes()).unwrap();
    reqwest::Client::builder().no_proxy().tls_certs_only([ca])
}

async fn version(client: reqwest::Client, simulator: &Simulator) -> reqwest::Result<reqwest::Version> {
    Ok(client.get(format!("{}/v1/models", simulator.url())).send().await?.version())
}

#[tokio::test]
async fn tls_speaks_the_http_versions_asked_for_and_its_ca_is_to_be_trusted() {
    let cases = [
        (HttpVersions::Auto, reqwest::Version::HTTP_2),
        (HttpVersions::One, reqwest::Version::HTTP_11),
        (HttpVersions::Two, reqwest::Version::HTTP_2),
    ];
    for (http, expected) in cases {
        let simulator = start_with(SimulatorOptions { tls: true, http, ..Default::default() });
        assert_eq!(version(secure(&simulator).build().unwrap(), &simulator).await.unwrap(), expected);
        assert!(version(client(), &simulator).await.is_err());
    }
}

#[tokio::test]
async fn a_stream_over_http_2_is_whole_and_can_be_cut() {
    let simulator = start_with(SimulatorOptions { tls: true, ..Default::default() });
    let replies = r#"[{"events": 500, "paceMs": 0}, {"events": 9, "cutAfterEvents": 2}]"#;
    simulator.script(Reply::list(replies).unwrap()).unwrap();
    let client = secure(&simulator).build().unwrap();
    let send = || client.post(format!("{}/v1/messages", simulator.url())).body("{}").send();
    assert_eq!(kinds(&send().await.unwrap().text().await.unwrap()).len(), 506);
    let mut cut = send().await.unwrap();
    assert!(kinds(&String::from_utf8_lossy(&cut.chunk().await.unwrap().unwrap())).contains(&"message_start"));
    while let Ok(chunk) = cut.chunk().await {
        assert!(chunk.is_some(), "a cut body must not end cleanly");
    }
    assert_eq!(simulator.received()[0].http_version, "2");
}

#[tokio::test]
async fn http_2_is_spoken_in_the_clear_to_those_who_know() {
    let knowing = || reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let simulator = start();
    assert_eq!(version(knowing(), &simulator).await.unwrap(), reqwest::Version::HTTP_2);
    assert_eq!(version(client(), &simulator).await.unwrap(), reqwest::Version::HTTP_11);
    let only_one = start_with(SimulatorOptions { http: HttpVersions::One, ..Default::default() });
    assert!(version(knowing(), &only_one).await.is_err());
}

#[tokio::test]
async fn a_client_certificate_can_be_demanded() {
    let options = SimulatorOptions { tls: true, client_ca: Some("own".to_owned()), ..Default::default() };
    let simulator = start_with(options);
    assert!(version(secure(&simulator).build().unwrap(), &simulator).await.is_err());
    let (cert, key) = simulator.client_identity().unwrap();
    let identity = reqwest::Identity::from_pem(format!("{cert}{key}").as_bytes()).unwrap();
    let client = secure(&simulator).identity(identity).build().unwrap();
    assert_eq!(version(client, &simulator).await.unwrap(), reqwest::Version::HTTP_2);
}

#[tokio::test]
async fn the_proxy_role_forwards_and_tunnels_for_those_who_may() {
    let target = start();
    let secret = start_with(SimulatorOptions { tls: true, ..Default::default() });
    let auth = Some("me:pass".to_owned());
    let proxy = start_with(SimulatorOptions { proxy: true, proxy_auth: auth, ..Default::default() });
    let through = |auth: bool| {
        let to = reqwest::Proxy::all(proxy.url()).unwrap();
        let to = if auth { to.basic_auth("me", "pass") } else { to };
        let ca = reqwest::Certificate::from_pem(secret.ca_pem().unwrap().as_bytes()).unwrap();
        reqwest::Client::builder().proxy(to).tls_certs_only([ca]).build().unwrap()
    };
    let refused = through(false).get(format!("{}/v1/models", target.url())).send().await.unwrap();
    assert_eq!(refused.status(), 407);
    assert_eq!(version(through(true), &target).await.unwrap(), reqwest::Version::HTTP_11);
    assert_eq!(version(through(true), &secret).await.unwrap(), reqwest::Version::HTTP_2);
    assert!(version(through(false), &secret).await.is_err());
    assert_eq!(target.received()[0].path, "/v1/models");
    assert_eq!(target.received()[0].header("proxy-authorization"), None);
    let methods: Vec<_> = proxy.received().iter().map(|it| it.method.clone()).collect();
    assert_eq!(methods, ["GET", "GET", "CONNECT", "CONNECT"]);
    assert!(proxy.received().iter().all(|it| it.proxied));
}
