//! Through a proxy: of each kind, with and without a password, and what is said where it refuses.

use trae_native::{ErrorKind, Phase};

use super::*;
use crate::support::{
    peer::Peer,
    socks::{REFUSED_NAME, Socks},
};

/// A password that no message may hold, and that a URL must write in another way.
pub(super) const LOGIN: &str = "user:se@cr/et";
pub(super) const LOGIN_IN_URL: &str = "user:se%40cr%2Fet@";

fn through(url: String) -> Transport {
    around(url, &[])
}

fn around(url: String, direct: &[&str]) -> Transport {
    let no_proxy = direct.iter().map(|&name| name.to_owned()).collect();
    let proxy = ProxyOptions::Url { url, no_proxy };
    Transport::new(TransportOptions { proxy, ..TransportOptions::default() }).unwrap()
}

/// The same server under a name that only a proxy can resolve.
fn named(peer: &Peer, name: &str) -> Url {
    Url::parse(&format!("http://{name}:{}/", peer.port())).unwrap()
}

/// Fails with this kind and these words, at the stage of connecting, and shows no password.
#[track_caller]
pub(super) fn check(err: &Error, kind: ErrorKind, words: &[&str]) {
    assert_eq!((err.kind(), err.phase()), (kind, Phase::Connect), "{err:?}");
    for words in words {
        assert!(err.message().contains(words), "{err} lacks {words:?}");
    }
    for secret in ["se@cr", "se%40cr", "wrong"] {
        assert!(!shown(err).contains(secret), "{}", shown(err));
    }
}

#[tokio::test]
async fn socks5h_leaves_the_name_to_the_proxy_and_socks5_does_not() {
    let server = Peer::answering(OK).await;
    let proxy = Socks::start(None).await;
    let remote = through(format!("socks5h://127.0.0.1:{}", proxy.port()));
    assert_eq!(read(&remote, get(named(&server, "name.invalid"))).await.unwrap(), "ok");
    let local = through(format!("socks5://127.0.0.1:{}", proxy.port()));
    assert_eq!(read(&local, get(named(&server, "localhost"))).await.unwrap(), "ok");
    let asked = proxy.asked();
    assert_eq!(asked[0], format!("name.invalid:{}", server.port()));
    assert!(asked[1] == format!("127.0.0.1:{}", server.port()) || asked[1].starts_with("::1:"), "{asked:?}");
}

#[tokio::test]
async fn a_socks_proxy_gets_its_password_as_it_is_and_carries_many_calls_on_one_connection() {
    let server = Peer::answering(OK).await;
    let proxy = Socks::start(Some(LOGIN)).await;
    let transport = through(format!("socks5h://{LOGIN_IN_URL}127.0.0.1:{}", proxy.port()));
    for _ in 0..3 {
        assert_eq!(read(&transport, post(named(&server, "name.invalid"), "prompt")).await.unwrap(), "ok");
    }
    assert_eq!((proxy.asked().len(), server.connections()), (1, 1));
}

#[tokio::test]
async fn a_socks_proxy_that_refuses_says_why() {
    let locked = Socks::start(Some(LOGIN)).await;
    let http =
        Peer::start(|mut conn| async move { conn.write("HTTP/1.1 400 Bad Request\r\n\r\n").await }).await;
    let at = |login: &str, port: u16| format!("{login}127.0.0.1:{port}");
    for (proxy, name, words) in [
        (at("user:wrong@", locked.port()), "a.invalid", "credentials not accepted"),
        (at("", locked.port()), "a.invalid", "authentication"),
        (at(LOGIN_IN_URL, locked.port()), REFUSED_NAME, "connection refused"),
        (at(LOGIN_IN_URL, unused_port()), "a.invalid", "nobody listens there"),
        (format!("{LOGIN_IN_URL}proxy.invalid:1"), "a.invalid", "a name could not be resolved"),
        (at(LOGIN_IN_URL, http.port()), "a.invalid", "failed parsing server response"),
    ] {
        let err = fail(&through(format!("socks5h://{proxy}")), get(named(&http, name))).await;
        check(&err, ErrorKind::Proxy, &[name, "through the proxy", words, "`proxy`", "password"]);
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
    let transport = through(format!("http://user:pass@127.0.0.1:{}", peer.port()));
    let target = Url::parse("http://a.example/x").unwrap();
    assert_eq!(read(&transport, get(target)).await.unwrap(), "ok");
    let asked = heard.recv().await.unwrap();
    assert!(asked.starts_with("get http://a.example/x http/1.1\r\n"), "{asked}");
    assert!(asked.contains("proxy-authorization: basic dxnlcjpwyxnz\r\n"), "{asked}");
}

#[tokio::test]
async fn what_the_proxy_is_not_for_is_reached_directly() {
    let server = Peer::answering(OK).await;
    // Nobody listens where the proxy should be.
    let transport = around(format!("socks5h://127.0.0.1:{}", unused_port()), &["127.0.0.0/8", "b.invalid"]);
    assert_eq!(read(&transport, get(server.url("/"))).await.unwrap(), "ok");
    let err = fail(&transport, get(named(&server, "a.b.invalid"))).await;
    assert_eq!(err.kind(), ErrorKind::Dns, "reached directly, so its own name is looked up");
    let err = fail(&transport, get(named(&server, "ab.invalid"))).await;
    assert_eq!(err.kind(), ErrorKind::Proxy, "another domain");
}

#[tokio::test]
async fn a_tunnel_that_is_refused_says_why() {
    let refusing =
        |status: &'static str| Peer::answering(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n"));
    let wants_login = refusing("407 Proxy Authentication Required").await;
    let forbids = refusing("403 Forbidden").await;
    let breaks = Peer::start(|mut conn| async move {
        conn.request().await;
    })
    .await;
    for (port, words) in [
        (wants_login.port(), "authorization required"),
        (forbids.port(), "unsuccessful"),
        (breaks.port(), "unexpected end of file"),
        (unused_port(), "nobody listens there"),
    ] {
        let transport = through(format!("http://{LOGIN_IN_URL}127.0.0.1:{port}"));
        let err = fail(&transport, get(Url::parse("https://a.example/").unwrap())).await;
        check(&err, ErrorKind::Proxy, &["a.example:443", "through the proxy", words, "`proxy`", "password"]);
    }
}

#[tokio::test]
async fn a_plain_request_that_its_proxy_cannot_take_is_a_proxy_error() {
    let transport = through(format!("http://{LOGIN_IN_URL}127.0.0.1:{}", unused_port()));
    let err = fail(&transport, get(Url::parse("http://a.example/").unwrap())).await;
    check(&err, ErrorKind::Proxy, &["a.example:80", "nobody listens there", "`proxy`"]);
}
