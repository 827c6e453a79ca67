//! What streams that share an HTTP/2 connection do to each other: as little as can be.

use futures_util::future::join_all;
use tokio::runtime::Handle;
use trae_native::{
    server::simulator::{Reply, Simulator, SimulatorOptions},
    transport::Http2,
};

use super::*;

/// Twice what one reader may leave unread.
const BODY: usize = 2 << 20;

/// What one unread answer may occupy: its window, and what the server has in hand.
const HELD: u64 = BODY as u64 * 3 / 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_do_not_read_hold_back_their_own_streams_only() {
    let simulator = Simulator::start(&Handle::current(), SimulatorOptions::default()).unwrap();
    let body = Some("x".repeat(BODY).into());
    simulator.set_default(Reply { body, bytes_per_write: Some(16 << 10), ..Reply::default() }).unwrap();
    let url = Url::parse(simulator.url()).unwrap();
    let transport = Transport::new(TransportOptions { http2: Http2::Only, ..direct() }).unwrap();

    // Together more than any window of a connection that would be shared out among its streams.
    let mut unread = Vec::new();
    for _ in 0..30 {
        unread.push(send(&transport, get(url.clone())).await.unwrap());
    }
    for _ in 0..3 {
        assert_eq!(read(&transport, get(url.clone())).await.unwrap().len(), BODY);
    }
    for (index, received) in simulator.received().iter().take(30).enumerate() {
        assert!(received.bytes_written <= HELD, "{index}: {} bytes for nobody", received.bytes_written);
    }
    // What was held back comes when it is wanted.
    let late = unread.pop().unwrap();
    assert_eq!(collect(late.body, 64 << 20, None).await.unwrap().len(), BODY);
    assert_eq!(simulator.counters().connections_total, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_beyond_the_streams_that_the_server_allows_wait_for_their_turn() {
    let simulator = Simulator::start(&Handle::current(), SimulatorOptions::default()).unwrap();
    // The simulator allows 200 streams at once, of which the transport knows nothing.
    simulator.set_default(Reply { body: Some("ok".into()), delay_ms: 20, ..Reply::default() }).unwrap();
    let url = Url::parse(simulator.url()).unwrap();
    let pool = PoolOptions { max_streams: 500, ..PoolOptions::default() };
    let transport = Transport::new(TransportOptions { http2: Http2::Only, pool, ..direct() }).unwrap();
    let answers = join_all((0..500).map(|_| read(&transport, get(url.clone())))).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap() == "ok"));
    assert_eq!((simulator.counters().connections_total, transport.stats().in_flight), (1, 0));
}
