//! How many requests are under way at once, and what becomes of the rest.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use trae_native::{ErrorKind, Phase};

use super::*;
use crate::support::peer::Peer;

const HEAD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n";

/// A server that begins its answer and never ends it.
async fn endless() -> Peer {
    Peer::start(|mut conn| async move {
        while conn.request().await.is_some() {
            conn.write(HEAD).await;
        }
    })
    .await
}

fn narrow(max_sockets: usize, queue_limit: usize) -> Transport {
    pooled(PoolOptions { max_sockets, queue_limit, ..PoolOptions::default() })
}

#[tokio::test]
async fn no_more_than_max_sockets_are_open_and_everyone_gets_a_turn() {
    let now = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (count, peak) = (Arc::clone(&now), Arc::clone(&most));
    let peer = Peer::start(move |mut conn| {
        let (count, peak) = (Arc::clone(&count), Arc::clone(&peak));
        async move {
            while conn.request().await.is_some() {
                peak.fetch_max(count.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(ms(1)).await;
                count.fetch_sub(1, Ordering::SeqCst);
                conn.write(OK).await;
            }
        }
    })
    .await;
    let transport = narrow(3, 100);
    let answers = join_all((0..30).map(|_| read(&transport, get(peer.url("/"))))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap() == "ok"));
    assert!(most.load(Ordering::SeqCst) <= 3);
    assert_eq!((transport.stats().in_flight, transport.stats().queued), (0, 0));
}

#[tokio::test]
async fn a_place_is_held_until_the_body_is_dropped_and_then_goes_to_the_next() {
    let peer = endless().await;
    let transport = Arc::new(narrow(1, 10));
    let first = send(&transport, get(peer.url("/"))).await.unwrap();
    let waiting = tokio::spawn({
        let (transport, url) = (Arc::clone(&transport), peer.url("/"));
        async move { send(&transport, get(url)).await }
    });
    eventually(|| transport.stats().queued == 1).await;
    tokio::time::sleep(ms(20)).await;
    drop(first);
    let second = waiting.await.unwrap().unwrap();
    assert!(second.timing.queued >= ms(20), "{:?}", second.timing);
    assert_eq!((transport.stats().in_flight, transport.stats().queued), (1, 0));
}

#[tokio::test]
async fn a_body_read_to_its_end_gives_its_place_back_though_it_is_still_held() {
    let peer = Peer::answering(OK).await;
    let transport = narrow(1, 0);
    let mut body = stream(send(&transport, get(peer.url("/"))).await.unwrap());
    while next(&mut body).await.is_some() {}
    assert_eq!(read(&transport, get(peer.url("/"))).await.unwrap(), "ok");
}

#[tokio::test]
async fn a_full_queue_says_its_limit_and_its_option() {
    let peer = endless().await;
    let transport = narrow(1, 0);
    let _held = send(&transport, get(peer.url("/"))).await.unwrap();
    let err = fail(&transport, get(peer.url("/secret?key=1"))).await;
    assert_eq!((err.kind(), err.phase()), (ErrorKind::QueueFull, Phase::Queue));
    assert!(err.message().contains("0 requests") && err.message().contains("pool.queueLimit"), "{err}");
    assert!(!err.message().contains("secret"));
}

#[tokio::test]
async fn waiting_has_a_limit_and_a_call_that_gives_up_leaves_the_queue() {
    let peer = endless().await;
    let transport = narrow(1, 10);
    let held = send(&transport, get(peer.url("/"))).await.unwrap();
    let err = fail(&transport, limited(get(peer.url("/")), |t| t.queue = Some(ms(15)))).await;
    assert_eq!((err.kind(), err.phase()), (ErrorKind::Timeout, Phase::Queue));
    assert!(err.message().contains("15 ms") && err.message().contains("`pool.queueTimeout`"), "{err}");
    let err = fail(&transport, limited(get(peer.url("/")), |t| t.total = Some(ms(15)))).await;
    assert_eq!(err.phase(), Phase::Total);
    assert_eq!(transport.stats().queued, 0);
    drop(held);
    assert!(send(&transport, get(peer.url("/"))).await.is_ok(), "nobody who left was given the place");
}

#[tokio::test]
async fn a_call_cancelled_while_it_is_given_a_place_passes_it_on() {
    let peer = endless().await;
    let transport = Arc::new(narrow(1, 10));
    for _ in 0..20 {
        let held = send(&transport, get(peer.url("/"))).await.unwrap();
        let waiting = tokio::spawn({
            let (transport, url) = (Arc::clone(&transport), peer.url("/"));
            async move { send(&transport, get(url)).await }
        });
        eventually(|| transport.stats().queued == 1).await;
        drop(held);
        waiting.abort();
        let _ = waiting.await;
        eventually(|| transport.stats().in_flight == 0).await;
    }
}

#[tokio::test]
async fn each_origin_has_its_own_gate() {
    let (a, b) = (endless().await, endless().await);
    let transport = narrow(1, 0);
    let _a = send(&transport, get(a.url("/"))).await.unwrap();
    let _b = send(&transport, get(b.url("/"))).await.unwrap();
    let stats = transport.stats();
    assert_eq!((stats.in_flight, stats.connections_opened, stats.requests), (2, 2, 2));
    assert_eq!(stats.origins.len(), 2);
    assert_eq!(stats.origins.iter().filter(|origin| origin.in_flight == 1).count(), 2);
}
