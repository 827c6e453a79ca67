//! What goes out, and what comes back when all is well.

use std::sync::{Arc, Mutex};

use futures_util::stream;
use trae_native::{ErrorKind, transport::Scripted};

use super::*;
use crate::support::peer::{Asked, Peer};

/// A server that remembers the last request.
async fn listening() -> (Peer, Arc<Mutex<Option<Asked>>>) {
    let last = Arc::new(Mutex::new(None));
    let heard = Arc::clone(&last);
    let peer = Peer::start(move |mut conn| {
        let heard = Arc::clone(&heard);
        async move {
            while let Some(asked) = conn.request().await {
                *heard.lock().unwrap() = Some(asked);
                conn.write(OK).await;
            }
        }
    })
    .await;
    (peer, last)
}

async fn heard(req: impl FnOnce(&Peer) -> Request) -> Asked {
    let (peer, last) = listening().await;
    assert_eq!(read(&transport(), req(&peer)).await.unwrap(), "ok");
    let asked = last.lock().unwrap().take();
    asked.unwrap()
}

#[tokio::test]
async fn a_whole_body_goes_out_with_its_length() {
    let asked = heard(|peer| header(post(peer.url("/v1?q=1"), "hello"), "x-a", "b")).await;
    assert!(asked.head.starts_with("post /v1?q=1 http/1.1\r\n"), "{}", asked.head);
    assert!(asked.head.contains("content-length: 5\r\n") && asked.head.contains("x-a: b\r\n"));
    assert_eq!(asked.body, b"hello");
}

#[tokio::test]
async fn a_post_without_a_body_says_so() {
    let asked = heard(|peer| Request { method: Method::POST, ..get(peer.url("/")) }).await;
    assert!(asked.head.contains("content-length: 0\r\n"), "{}", asked.head);
    let asked = heard(|peer| get(peer.url("/"))).await;
    assert!(!asked.head.contains("content-length"), "{}", asked.head);
}

#[tokio::test]
async fn a_streamed_body_goes_out_in_chunks_or_with_the_length_that_the_caller_set() {
    let body = || -> ByteStream { Box::pin(stream::iter([Ok("hel".into()), Ok("lo".into())])) };
    let asked = heard(|peer| Request { body: Body::Stream(body()), ..post(peer.url("/"), "") }).await;
    assert!(asked.head.contains("transfer-encoding: chunked"));
    assert_eq!(asked.body, b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    let asked = heard(|peer| {
        header(Request { body: Body::Stream(body()), ..post(peer.url("/"), "") }, "content-length", "5")
    })
    .await;
    assert_eq!(asked.body, b"hello");
}

#[tokio::test]
async fn a_body_that_fails_is_the_error_and_not_the_connection_it_broke() {
    let (peer, _) = listening().await;
    let own = || Error::new(ErrorKind::RequestBody, trae_native::Phase::FirstByte, "the file is gone");
    let body = stream::iter([Ok("a".into()), Err(own())]);
    let err =
        fail(&transport(), Request { body: Body::Stream(Box::pin(body)), ..post(peer.url("/"), "") }).await;
    assert_eq!((err.kind(), err.message()), (ErrorKind::RequestBody, "the file is gone"));
}

#[tokio::test]
async fn user_and_password_of_the_url_become_a_header() {
    let asked = heard(|peer| {
        let mut url = peer.url("/");
        url.set_username("user").unwrap();
        url.set_password(Some("pass")).unwrap();
        get(url)
    })
    .await;
    assert!(asked.head.contains("authorization: basic dxnlcjpwyxnz\r\n"), "{}", asked.head);
    assert!(!asked.head.contains("user:pass@"));
}

#[tokio::test]
async fn an_answer_says_who_answered_and_what_took_its_time() {
    let peer = Peer::answering(OK).await;
    let transport = transport();
    let first = send(&transport, get(peer.url("/a?b#c"))).await.unwrap();
    assert_eq!(first.url, peer.url("/a?b#c"));
    assert_eq!((first.status.as_u16(), first.version, first.attempts), (200, http::Version::HTTP_11, 1));
    assert_eq!(first.headers["content-length"], "2");
    let connect = first.timing.connect.unwrap();
    assert!(connect > Duration::ZERO && connect <= first.timing.first_byte.unwrap());
    drop(collect(first.body, 9, None).await.unwrap());
    let second = send(&transport, get(peer.url("/"))).await.unwrap();
    assert_eq!(second.timing.connect, None, "an open socket was used");
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn head_204_and_304_have_no_body_and_leave_the_connection_open() {
    for (method, answer) in [
        (Method::HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 99\r\ncontent-encoding: gzip\r\n\r\n"),
        (Method::GET, "HTTP/1.1 204 No Content\r\n\r\n"),
        (Method::GET, "HTTP/1.1 304 Not Modified\r\ncontent-encoding: gzip\r\n\r\n"),
    ] {
        let peer = Peer::answering(answer).await;
        let transport = transport();
        for _ in 0..2 {
            let res =
                send(&transport, Request { method: method.clone(), ..get(peer.url("/")) }).await.unwrap();
            assert!(matches!(res.body, Body::Empty));
            assert_eq!(transport.stats().in_flight, 0);
        }
        eventually(|| peer.connections() == 1).await;
    }
}

#[tokio::test]
async fn a_script_answers_in_turn_and_remembers_what_it_was_asked() {
    let answer = || Response {
        status: http::StatusCode::OK,
        version: http::Version::HTTP_11,
        headers: HeaderMap::new(),
        body: Body::Full("a".into()),
        url: Url::parse("http://x/").unwrap(),
        timing: trae_native::response::Timing::default(),
        attempts: 1,
        history: Vec::new(),
        extensions: Extensions::new(),
    };
    let script = Scripted::new(vec![Ok(answer()), Err(Error::config("no"))]);
    let url = Url::parse("http://x/1").unwrap();
    assert!(script.call(get(url.clone())).await.is_ok());
    assert_eq!(script.call(get(url.clone())).await.unwrap_err().code(), "CONFIG");
    assert_eq!(script.call(get(url.clone())).await.unwrap_err().code(), "INTERNAL");
    let asked: Vec<Url> = script.take_requests().into_iter().map(|req| req.url).collect();
    assert_eq!(asked, [url.clone(), url.clone(), url]);
}
