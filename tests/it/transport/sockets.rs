//! Sockets that are used again, that die idle, and that are kept by reading on.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, watch};
use trae_native::{ErrorKind, Phase, transport::drain};

use super::*;
use crate::support::peer::{Conn, Peer};

/// Answers once per connection, then closes it in the very moment in which the next request comes.
async fn forgetful(by_reset: bool) -> Peer {
    Peer::start(move |mut conn: Conn| async move {
        conn.request().await;
        conn.write(OK).await;
        conn.request().await;
        if by_reset {
            conn.reset();
        }
    })
    .await
}

#[tokio::test]
async fn a_socket_that_died_idle_is_replaced_and_nobody_notices() {
    for by_reset in [false, true] {
        let peer = forgetful(by_reset).await;
        let transport = transport();
        for _ in 0..3 {
            let res = send(&transport, post(peer.url("/"), "prompt")).await.unwrap();
            assert_eq!(res.attempts, 1);
            assert_eq!(collect(res.body, 9, None).await.unwrap(), "ok");
        }
        let stats = transport.stats();
        assert_eq!((stats.replaced_sockets, stats.requests, peer.connections()), (2, 3, 3));
    }
}

#[tokio::test]
async fn a_request_that_a_pooled_socket_has_held_for_a_second_is_not_sent_twice() {
    for (held, replaced) in [(ms(100), true), (ms(1000), false)] {
        let (tell, mut heard) = mpsc::channel(1);
        let (go, gone) = watch::channel(false);
        let peer = Peer::start(move |mut conn: Conn| {
            let (tell, mut gone) = (tell.clone(), gone.clone());
            async move {
                conn.request().await;
                conn.write(OK).await;
                if conn.index == 0 && conn.request().await.is_some() {
                    tell.send(()).await.unwrap();
                    gone.wait_for(|gone| *gone).await.unwrap();
                }
            }
        })
        .await;
        let transport = transport();
        read(&transport, get(peer.url("/"))).await.unwrap();
        let (answer, ()) = tokio::join!(read(&transport, post(peer.url("/"), "prompt")), async {
            heard.recv().await.unwrap();
            pass(held).await;
            go.send(true).unwrap();
        });
        let replacements = transport.stats().replaced_sockets;
        assert_eq!((replacements > 0, peer.connections()), (replaced, if replaced { 2 } else { 1 }));
        if replaced {
            assert_eq!(answer.unwrap(), "ok");
        } else {
            let err = answer.unwrap_err();
            assert_eq!(
                (err.code(), err.phase(), err.is_retryable()),
                ("CONNECTION_RESET", Phase::FirstByte, true)
            );
        }
    }
}

#[tokio::test]
async fn several_dead_sockets_in_the_pool_are_replaced_one_after_the_other() {
    for method in [Method::GET, Method::POST] {
        several_dead_sockets(method).await;
    }
}

async fn several_dead_sockets(method: Method) {
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let peer = Peer::start(move |mut conn| {
        let count = Arc::clone(&count);
        async move {
            conn.request().await;
            if conn.index < 4 {
                // All four are open before the first is answered, so that the pool holds four.
                count.fetch_add(1, Ordering::SeqCst);
                while count.load(Ordering::SeqCst) < 4 {
                    tokio::time::sleep(ms(1)).await;
                }
            }
            conn.write(OK).await;
            conn.request().await;
        }
    })
    .await;
    let transport = transport();
    let first = || async { read(&transport, get(peer.url("/"))).await.unwrap() };
    tokio::join!(first(), first(), first(), first());
    tokio::time::sleep(ms(20)).await;
    let last = Request { method, ..post(peer.url("/"), "prompt") };
    assert_eq!(read(&transport, last).await.unwrap(), "ok");
    assert_eq!((transport.stats().replaced_sockets, peer.connections()), (4, 5));
}

#[tokio::test]
async fn a_pooled_socket_whose_answer_has_begun_is_not_replaced() {
    for body in ["", "abc"] {
        let peer = Peer::start(move |mut conn: Conn| async move {
            conn.request().await;
            conn.write(OK).await;
            conn.request().await;
            conn.write(format!("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{body}")).await;
        })
        .await;
        let transport = transport();
        read(&transport, get(peer.url("/"))).await.unwrap();
        let err = read(&transport, post(peer.url("/"), "prompt")).await.unwrap_err();
        assert_eq!((err.kind(), err.is_retryable()), (ErrorKind::Incomplete, true), "{err}");
        assert_eq!((peer.connections(), transport.stats().replaced_sockets), (1, 0));
    }
}

#[tokio::test]
async fn a_new_connection_that_breaks_is_not_replaced() {
    let peer = Peer::start(|mut conn| async move {
        conn.request().await;
    })
    .await;
    let transport = transport();
    let err = fail(&transport, get(peer.url("/"))).await;
    assert_eq!((err.kind(), peer.connections()), (ErrorKind::Reset, 1));
}

#[tokio::test]
async fn a_body_that_passes_once_is_not_sent_twice() {
    let peer = forgetful(false).await;
    let transport = transport();
    read(&transport, get(peer.url("/"))).await.unwrap();
    let body: ByteStream = Box::pin(futures_util::stream::iter([Ok("a".into())]));
    let err = fail(&transport, Request { body: Body::Stream(body), ..post(peer.url("/"), "") }).await;
    assert_eq!((err.kind(), transport.stats().replaced_sockets), (ErrorKind::Reset, 0));
}

#[tokio::test]
async fn without_keep_alive_every_request_has_a_socket_of_its_own() {
    let peer = Peer::answering(OK).await;
    let transport = pooled(PoolOptions { keep_alive: false, ..PoolOptions::default() });
    for _ in 0..3 {
        read(&transport, get(peer.url("/"))).await.unwrap();
    }
    assert_eq!((peer.connections(), transport.stats().connections_opened), (3, 3));
}

#[tokio::test]
async fn an_idle_socket_is_given_up_after_its_time() {
    let peer = Peer::answering(OK).await;
    let transport = pooled(PoolOptions { idle_timeout: ms(20), ..PoolOptions::default() });
    read(&transport, get(peer.url("/"))).await.unwrap();
    tokio::time::sleep(ms(60)).await;
    read(&transport, get(peer.url("/"))).await.unwrap();
    assert_eq!((peer.connections(), transport.stats().replaced_sockets), (2, 0));
}

/// Sends `total` bytes with a pause in the middle.
async fn halting(total: usize) -> Peer {
    Peer::start(move |mut conn| async move {
        while conn.request().await.is_some() {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {total}\r\n\r\n");
            conn.write(head + &"a".repeat(total / 2)).await;
            tokio::time::sleep(ms(10)).await;
            conn.write("a".repeat(total - total / 2)).await;
        }
    })
    .await
}

#[tokio::test]
async fn an_abandoned_body_with_little_left_is_read_on_to_keep_the_connection() {
    let peer = halting(100_000).await;
    let transport = transport();
    let mut body = stream(send(&transport, get(peer.url("/"))).await.unwrap());
    next(&mut body).await.unwrap().unwrap();
    drop(body);
    assert_eq!(transport.stats().in_flight, 1, "the place is held until the socket is free");
    eventually(|| transport.stats().in_flight == 0).await;
    read(&transport, get(peer.url("/"))).await.unwrap();
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn a_body_dropped_after_its_last_byte_frees_its_connection_at_once() {
    let peer = Peer::answering(OK).await;
    let transport = transport();
    for _ in 0..3 {
        let mut body = stream(send(&transport, get(peer.url("/"))).await.unwrap());
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "ok");
        drop(body);
        assert_eq!(transport.stats().in_flight, 0);
        tokio::time::sleep(ms(5)).await;
    }
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn an_abandoned_body_with_much_left_is_given_up_at_once() {
    let peer = halting(1 << 20).await;
    let transport = transport();
    let mut body = stream(send(&transport, get(peer.url("/"))).await.unwrap());
    next(&mut body).await.unwrap().unwrap();
    drop(body);
    assert_eq!(transport.stats().in_flight, 0);
}

#[tokio::test]
async fn a_stream_without_a_length_is_read_on_only_when_asked_for() {
    for asked in [false, true] {
        let peer = Peer::start(|mut conn| async move {
            while conn.request().await.is_some() {
                conn.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n").await;
                tokio::time::sleep(ms(10)).await;
                conn.write("0\r\n\r\n").await;
            }
        })
        .await;
        let transport = transport();
        let mut body = stream(send(&transport, get(peer.url("/"))).await.unwrap());
        next(&mut body).await.unwrap().unwrap();
        if asked {
            drain(body);
        } else {
            drop(body);
        }
        eventually(|| transport.stats().in_flight == 0).await;
        read(&transport, get(peer.url("/"))).await.unwrap();
        assert_eq!(peer.connections(), if asked { 1 } else { 2 });
    }
}
