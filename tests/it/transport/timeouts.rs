//! Each stage's limit: that it holds, that it says its name, and that it does not strike too early.

use trae_native::{ErrorKind, Phase};

use super::*;
use crate::support::peer::Peer;

async fn silent() -> Peer {
    Peer::start(|mut conn| async move { conn.closed().await }).await
}

/// Sends one byte every `every` milliseconds, `count` times.
async fn dripping(every: u64, count: usize) -> Peer {
    Peer::start(move |mut conn| async move {
        while conn.request().await.is_some() {
            conn.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {count}\r\n\r\n")).await;
            for _ in 0..count {
                tokio::time::sleep(ms(every)).await;
                conn.write("a").await;
            }
        }
    })
    .await
}

fn check(err: &Error, phase: Phase, words: &[&str]) {
    assert_eq!((err.kind(), err.phase()), (ErrorKind::Timeout, phase), "{err}");
    for word in words {
        assert!(err.message().contains(word), "{err}");
    }
}

#[tokio::test]
async fn without_an_answer_the_first_byte_limit_strikes() {
    let peer = silent().await;
    let transport = transport();
    let err = fail(&transport, limited(get(peer.url("/")), |t| t.first_byte = Some(ms(20)))).await;
    check(&err, Phase::FirstByte, &["20 ms", "`timeout.firstByte`", "127.0.0.1"]);
    assert_eq!(transport.stats().in_flight, 0);
}

#[tokio::test]
async fn the_earlier_of_two_limits_is_the_one_that_is_named() {
    let peer = silent().await;
    let both = |first, total| {
        limited(get(peer.url("/")), move |t| {
            t.first_byte = Some(ms(first));
            t.total = Some(ms(total));
        })
    };
    check(&fail(&transport(), both(5000, 20)).await, Phase::Total, &["20 ms", "`timeout.total`"]);
    check(&fail(&transport(), both(20, 5000)).await, Phase::FirstByte, &["20 ms"]);
}

#[tokio::test]
async fn a_connection_that_is_not_made_in_time_is_a_timeout_of_connecting() {
    // A listener whose queue is full accepts no more: the kernel drops what comes after.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut filling = Vec::new();
    while let Ok(Ok(open)) = tokio::time::timeout(ms(100), tokio::net::TcpStream::connect(address)).await {
        filling.push(open);
    }
    let url = Url::parse(&format!("http://{address}/")).unwrap();
    let err = fail(&transport(), limited(get(url), |t| t.connect = Some(ms(30)))).await;
    check(&err, Phase::Connect, &["30 ms", "`timeout.connect`"]);
}

#[tokio::test]
async fn a_body_that_falls_silent_is_an_idle_timeout() {
    let peer = Peer::answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na").await;
    let req = limited(get(peer.url("/")), |t| t.idle = Some(ms(20)));
    let mut body = stream(send(&transport(), req).await.unwrap());
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "a");
    check(&next(&mut body).await.unwrap().unwrap_err(), Phase::Idle, &["20 ms", "`timeout.idle`"]);
    assert!(next(&mut body).await.is_none());
}

#[tokio::test]
async fn a_body_that_keeps_coming_is_not_idle_however_long_it_takes() {
    let peer = dripping(100, 12).await;
    let req = limited(get(peer.url("/")), |t| t.idle = Some(ms(1000)));
    assert_eq!(read(&transport(), req).await.unwrap().len(), 12);
}

#[tokio::test]
async fn a_reader_that_takes_its_time_does_not_make_the_server_idle() {
    let peer = dripping(5, 3).await;
    let req = limited(get(peer.url("/")), |t| t.idle = Some(ms(500)));
    let mut body = stream(send(&transport(), req).await.unwrap());
    next(&mut body).await.unwrap().unwrap();
    tokio::time::sleep(ms(700)).await;
    while let Some(piece) = next(&mut body).await {
        piece.unwrap();
    }
}

#[tokio::test]
async fn the_whole_call_has_a_limit_that_the_body_obeys_too() {
    let peer = dripping(10, 1000).await;
    let req = limited(get(peer.url("/")), |t| {
        t.total = Some(ms(60));
        t.idle = Some(ms(5000));
    });
    let err = read(&transport(), req).await.unwrap_err();
    check(&err, Phase::Total, &["60 ms", "`timeout.total`"]);
}
