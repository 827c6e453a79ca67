//! Redirects over the wire; the rules themselves are tested beside them.

use std::sync::Mutex;

use trae_native::ErrorKind;

use super::*;
use crate::support::peer::Peer;

type Heads = Arc<Mutex<Vec<String>>>;

/// Redirects `/from` to `target` with `status`, answers anything else, and remembers what it was asked.
async fn moving(status: u16, target: String) -> (Peer, Heads) {
    let heads = Heads::default();
    let memory = Arc::clone(&heads);
    let peer = Peer::start(move |mut conn| {
        let (memory, target) = (Arc::clone(&memory), target.clone());
        async move {
            while let Some(asked) = conn.request().await {
                let moved = asked.head.contains(" /from ");
                let body = String::from_utf8(asked.body).unwrap();
                memory.lock().unwrap().push(asked.head + &body);
                if moved {
                    let head = format!(
                        "HTTP/1.1 {status} Moved\r\nlocation: {target}\r\ncontent-length: 5\r\n\r\nmoved"
                    );
                    conn.write(head).await;
                } else {
                    conn.write(OK).await;
                }
            }
        }
    })
    .await;
    (peer, heads)
}

#[tokio::test]
async fn a_redirect_to_the_same_origin_is_followed_on_the_same_connection() {
    let (peer, heads) = moving(307, "/to?x=1".into()).await;
    let transport = transport();
    let res = send(&transport, header(post(peer.url("/from"), "prompt"), "x-api-key", "k")).await.unwrap();
    assert_eq!((res.status.as_u16(), res.url), (200, peer.url("/to?x=1")));
    let heads = heads.lock().unwrap();
    assert!(heads[1].starts_with("post /to?x=1 ") && heads[1].ends_with("prompt"), "{}", heads[1]);
    assert!(heads[1].contains("x-api-key: k"));
    assert_eq!((transport.stats().requests, peer.connections()), (1, 1));
}

#[tokio::test]
async fn no_credential_goes_to_another_origin() {
    let (other, heads) = moving(200, String::new()).await;
    let (peer, _) = moving(307, other.url("/to").into()).await;
    let req = |redirect| {
        let req = header(post(peer.url("/from"), "prompt"), "x-api-key", "k");
        let req = header(header(req, "authorization", "k"), "x-team", "k");
        with(req, |options| {
            options.redirect = redirect;
            options.secret_headers = vec![HeaderName::from_static("x-team")];
        })
    };
    let err = fail(&transport(), req(Redirect::SameOrigin)).await;
    assert_eq!(err.kind(), ErrorKind::Redirect);
    assert!(heads.lock().unwrap().is_empty());
    assert_eq!(read(&transport(), req(Redirect::Follow)).await.unwrap(), "ok");
    let heads = heads.lock().unwrap();
    assert!(!heads[0].contains(": k\r\n") && heads[0].ends_with("prompt"), "{}", heads[0]);
}

#[tokio::test]
async fn a_303_is_fetched_without_the_body() {
    let (peer, heads) = moving(303, "/to".into()).await;
    let req = header(post(peer.url("/from"), "prompt"), "content-type", "text/plain");
    read(&transport(), req).await.unwrap();
    let heads = heads.lock().unwrap();
    assert!(heads[1].starts_with("get /to "), "{}", heads[1]);
    assert!(!heads[1].contains("content-") && heads[1].ends_with("\r\n\r\n"), "{}", heads[1]);
}

#[tokio::test]
async fn a_manual_redirect_is_the_answer_and_a_loop_is_an_error() {
    let (peer, _) = moving(302, "/from".into()).await;
    let manual = with(get(peer.url("/from")), |options| options.redirect = Redirect::Manual);
    assert_eq!(send(&transport(), manual).await.unwrap().status, 302);
    let err = fail(&transport(), get(peer.url("/from"))).await;
    assert_eq!(err.kind(), ErrorKind::Redirect, "{err}");
}
