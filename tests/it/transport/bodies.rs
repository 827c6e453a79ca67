//! An answer's content: whole, cut short, too large.

use trae_native::{ErrorKind, Phase};

use super::*;
use crate::support::peer::Peer;

#[tokio::test]
async fn a_body_that_ends_early_is_incomplete() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc",
    ] {
        let peer = Peer::start(move |mut conn| async move {
            conn.request().await;
            conn.write(answer).await;
        })
        .await;
        let mut body = stream(send(&transport(), get(peer.url("/"))).await.unwrap());
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "abc");
        let err = next(&mut body).await.unwrap().unwrap_err();
        assert_eq!((err.kind(), err.phase()), (ErrorKind::Incomplete, Phase::Body), "{answer:?}: {err}");
        assert!(next(&mut body).await.is_none());
    }
}

#[tokio::test]
async fn a_connection_reset_in_the_middle_is_a_reset() {
    let peer = Peer::start(|mut conn| async move {
        conn.request().await;
        conn.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc").await;
        tokio::time::sleep(ms(20)).await;
        conn.reset();
    })
    .await;
    let err = read(&transport(), get(peer.url("/"))).await.unwrap_err();
    assert_eq!((err.kind(), err.phase()), (ErrorKind::Reset, Phase::Body), "{err}");
}

#[tokio::test]
async fn a_body_that_ends_with_its_connection_is_complete() {
    let peer = Peer::start(|mut conn| async move {
        conn.request().await;
        conn.write("HTTP/1.1 200 OK\r\n\r\nabc").await;
    })
    .await;
    assert_eq!(read(&transport(), get(peer.url("/"))).await.unwrap(), "abc");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_read_or_as_soon_as_it_passes() {
    let endless: ByteStream = Box::pin(futures_util::stream::repeat_with(|| Ok(Bytes::from_static(b"abcd"))));
    let announced = collect(Body::Stream(Box::pin(futures_util::stream::pending())), 10, Some(11));
    for result in [announced.await, collect(Body::Stream(endless), 10, None).await] {
        let err = result.unwrap_err();
        assert_eq!((err.kind(), err.phase()), (ErrorKind::TooLarge, Phase::Body));
        assert!(err.message().contains("10 bytes") && err.message().contains("maxResponseBytes"), "{err}");
    }
}

#[tokio::test]
async fn a_body_of_one_piece_is_not_copied_and_of_several_is_joined() {
    let piece = Bytes::from_static(b"abc");
    let one = Body::Stream(Box::pin(futures_util::stream::iter([Ok(piece.clone())])));
    assert_eq!(collect(one, 3, None).await.unwrap().as_ptr(), piece.as_ptr());
    let parts = ["", "ab", "", "cd", "e"].map(|part| Ok(Bytes::from_static(part.as_bytes())));
    let several = Body::Stream(Box::pin(futures_util::stream::iter(parts)));
    assert_eq!(collect(several, 5, Some(5)).await.unwrap(), "abcde");
    assert_eq!(collect(Body::Empty, 0, None).await.unwrap(), "");
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_the_server_back() {
    let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let peer = Peer::start(move |mut conn| {
        let count = Arc::clone(&count);
        async move {
            conn.request().await;
            conn.write("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n").await;
            let piece = vec![b'a'; 65536];
            loop {
                conn.write(&piece).await;
                count.fetch_add(65536, std::sync::atomic::Ordering::SeqCst);
            }
        }
    })
    .await;
    let _body = stream(send(&transport(), get(peer.url("/"))).await.unwrap());
    tokio::time::sleep(ms(200)).await;
    let held = sent.load(std::sync::atomic::Ordering::SeqCst);
    tokio::time::sleep(ms(100)).await;
    assert_eq!(sent.load(std::sync::atomic::Ordering::SeqCst), held, "it still sends");
}
