//! How many connections the calls to an HTTP/2 origin share, against the simulator, which allows 200 streams.

use std::{
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering},
};

use futures_util::{future::join_all, poll};
use tokio::{io::copy_bidirectional, net::TcpStream, runtime::Handle};
use trae_native::{
    ErrorKind, Phase,
    server::simulator::{Cut, Hang, HttpVersions, Reply, Simulator, SimulatorOptions},
    transport::{Http2, OriginStats, TlsOptions},
};

use super::{
    tls::{simulator, trust},
    *,
};
use crate::support::peer::Peer;

/// A simulator that begins every answer and never ends it.
fn endless(simulator: &Simulator) -> Url {
    simulator.set_default(Reply { hang: Some(Hang::Body), ..Reply::default() }).unwrap();
    Url::parse(simulator.url()).unwrap()
}

fn plain() -> Simulator {
    Simulator::start(&Handle::current(), SimulatorOptions::default()).unwrap()
}

fn only(pool: PoolOptions) -> Transport {
    Transport::new(TransportOptions { http2: Http2::Only, pool, ..direct() }).unwrap()
}

fn agreeing(simulator: &Simulator, pool: PoolOptions) -> Transport {
    Transport::new(TransportOptions { tls: trust(simulator), pool, ..direct() }).unwrap()
}

fn narrow(max_sockets: usize, max_streams: usize) -> PoolOptions {
    PoolOptions { max_sockets, max_streams, ..PoolOptions::default() }
}

async fn begin(transport: &Transport, url: &Url, count: usize) -> Vec<Response> {
    let answers = join_all((0..count).map(|_| send(transport, get(url.clone())))).await;
    answers.into_iter().map(Result::unwrap).collect()
}

/// In flight, queued and connections in use of the only origin.
fn at(transport: &Transport) -> (usize, usize, usize) {
    let [OriginStats { in_flight, queued, connections, .. }] = transport.stats().origins[..] else {
        panic!("not one origin")
    };
    (in_flight, queued, connections)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_one_connection_is_not_given_run_at_once_over_as_many_as_they_fill() {
    for prescribed in [false, true] {
        let simulator = if prescribed { plain() } else { simulator(HttpVersions::Auto) };
        let url = endless(&simulator);
        let pool = PoolOptions::default();
        let transport = if prescribed { only(pool) } else { agreeing(&simulator, pool) };
        let answers = begin(&transport, &url, 250).await;
        assert!(answers.iter().all(|answer| answer.version == http::Version::HTTP_2));
        assert_eq!(at(&transport), (250, 0, 3));
        let opened = transport.stats().connections_opened;
        assert_eq!((opened, simulator.counters().connections_total), (3, 3), "{prescribed}");
        drop(answers);
        assert_eq!(at(&transport), (0, 0, 0));
        let _answers = begin(&transport, &url, 250).await;
        assert_eq!(simulator.counters().connections_total, 3, "the same ones serve again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_fits_a_connection_opens_one() {
    let simulator = simulator(HttpVersions::Auto);
    let url = endless(&simulator);
    let transport = agreeing(&simulator, PoolOptions::default());
    let _answers = begin(&transport, &url, 100).await;
    assert_eq!((at(&transport), simulator.counters().connections_total), ((100, 0, 1), 1));
}

#[tokio::test]
async fn where_all_connections_are_full_a_call_waits_is_counted_and_gives_up_as_over_http1() {
    let simulator = simulator(HttpVersions::Auto);
    let url = endless(&simulator);
    let transport = agreeing(&simulator, PoolOptions { queue_limit: 1, ..narrow(1, 10) });
    let mut answers = begin(&transport, &url, 1).await;
    answers.extend(begin(&transport, &url, 9).await);
    let late = fail(&transport, limited(get(url.clone()), |t| t.queue = Some(ms(15)))).await;
    assert_eq!((late.kind(), late.phase()), (ErrorKind::Timeout, Phase::Queue), "{late}");
    {
        let mut eleventh = pin!(transport.call(get(url.clone())));
        assert!(poll!(&mut eleventh).is_pending());
        assert_eq!(at(&transport), (10, 1, 1));
        let full = fail(&transport, get(url.clone())).await;
        assert_eq!((full.kind(), full.phase()), (ErrorKind::QueueFull, Phase::Queue), "{full}");
        answers.pop();
        let answer = tokio::time::timeout(PATIENCE, eleventh).await.unwrap().unwrap();
        assert_eq!(at(&transport), (10, 0, 1));
        answers.push(answer);
    }
    {
        let mut aborted = pin!(transport.call(get(url.clone())));
        assert!(poll!(&mut aborted).is_pending());
    }
    assert_eq!(at(&transport), (10, 0, 1), "one that is given up leaves the queue");
    assert_eq!(simulator.counters().connections_total, 1);
}

#[tokio::test]
async fn a_crowd_that_comes_when_the_connection_has_gone_opens_one() {
    let simulator = simulator(HttpVersions::Auto);
    let cut = Reply { cut_after_bytes: Some(1), cut: Some(Cut::Close), ..Reply::text("some words") };
    simulator.script(vec![cut]).unwrap();
    let url = endless(&simulator);
    let transport = agreeing(&simulator, PoolOptions::default());
    assert!(read(&transport, get(url.clone())).await.is_err());
    eventually(|| simulator.counters().connections_open == 0).await;
    let _answers = begin(&transport, &url, 100).await;
    assert_eq!((at(&transport), simulator.counters().connections_total), ((100, 0, 1), 2));
}

#[tokio::test]
async fn a_connection_that_is_slow_to_open_holds_back_only_what_fits_it() {
    let simulator = simulator(HttpVersions::Auto);
    endless(&simulator);
    let port = simulator.port();
    let relay = Peer::start(move |mut conn| async move {
        if conn.index == 1 {
            return conn.closed().await;
        }
        let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // A test that is over breaks off.
        let _ = copy_bidirectional(&mut conn.socket, &mut server).await;
    })
    .await;
    let url = Url::parse(&format!("https://127.0.0.1:{}/", relay.port())).unwrap();
    let transport = agreeing(&simulator, narrow(3, 2));
    let _first = begin(&transport, &url, 2).await;
    let mut slow = pin!(transport.call(get(url.clone())));
    assert!(poll!(&mut slow).is_pending());
    let mut fits = pin!(transport.call(get(url.clone())));
    assert!(poll!(&mut fits).is_pending());
    assert_eq!(at(&transport), (3, 1, 2));
    let (_fits, _beyond) = tokio::join!(tokio::time::timeout(PATIENCE, fits), begin(&transport, &url, 1));
    assert!(poll!(&mut slow).is_pending());
    assert_eq!((at(&transport), relay.connections()), ((5, 0, 3), 3));
}

#[tokio::test]
async fn where_nothing_can_be_opened_nobody_waits_for_the_time_limits_of_all_before() {
    let open = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (count, peak) = (Arc::clone(&open), Arc::clone(&most));
    let silent = Peer::start(move |mut conn| {
        let (count, peak) = (Arc::clone(&count), Arc::clone(&peak));
        async move {
            peak.fetch_max(count.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            conn.closed().await;
            count.fetch_sub(1, Ordering::SeqCst);
        }
    })
    .await;
    let url = Url::parse(&format!("https://127.0.0.1:{}/", silent.port())).unwrap();
    let transport = transport();
    let ask = || limited(get(url.clone()), |t| t.connect = Some(ms(200)));
    for err in join_all((0..20).map(|_| fail(&transport, ask()))).await {
        assert_eq!((err.kind(), err.phase()), (ErrorKind::Timeout, Phase::Connect), "{err}");
    }
    assert_eq!(silent.connections(), 20);
    assert!(most.load(Ordering::SeqCst) > 10, "they tried one after the other");
}

#[tokio::test]
async fn sockets_that_are_not_kept_are_not_shared_and_their_limit_holds() {
    for pool in [
        PoolOptions { keep_alive: false, queue_limit: 0, ..narrow(2, 10) },
        PoolOptions { max_free_sockets: 0, queue_limit: 0, ..narrow(2, 10) },
    ] {
        let simulator = simulator(HttpVersions::Two);
        let url = endless(&simulator);
        let transport = agreeing(&simulator, pool);
        let _answers = begin(&transport, &url, 2).await;
        assert_eq!((at(&transport), simulator.counters().connections_open), ((2, 0, 2), 2));
        assert_eq!(fail(&transport, get(url)).await.kind(), ErrorKind::QueueFull);
    }
}

#[tokio::test]
async fn all_lanes_trust_what_was_read_for_the_first() {
    let simulator = simulator(HttpVersions::Auto);
    let url = endless(&simulator);
    let file = std::env::temp_dir().join(format!("lanes-{}.pem", simulator.port()));
    std::fs::write(&file, simulator.ca_pem().unwrap()).unwrap();
    let tls = TlsOptions { extra_ca_file: Some(file.clone()), ..TlsOptions::default() };
    let transport = Transport::new(TransportOptions { tls, pool: narrow(2, 1), ..direct() }).unwrap();
    let _first = begin(&transport, &url, 1).await;
    std::fs::remove_file(file).unwrap();
    let _second = begin(&transport, &url, 1).await;
    assert_eq!(at(&transport), (2, 0, 2));
}

#[tokio::test]
async fn an_origin_that_was_forgotten_while_its_connection_lived_serves_many_at_once() {
    let simulator = simulator(HttpVersions::Auto);
    let url = endless(&simulator);
    let peer = Peer::answering(OK).await;
    let proxy = ProxyOptions::Url { url: peer.url("/").into(), no_proxy: vec!["127.0.0.1".into()] };
    let transport = Transport::new(TransportOptions { tls: trust(&simulator), proxy, ..direct() }).unwrap();
    drop(begin(&transport, &url, 1).await);
    for number in 0..1024 {
        let other = Url::parse(&format!("http://{number}.example/")).unwrap();
        read(&transport, get(other)).await.unwrap();
    }
    let known = |stats: &OriginStats| url.as_str().starts_with(&stats.origin);
    assert!(!transport.stats().origins.iter().any(known), "it is forgotten");
    let _answers = begin(&transport, &url, 3).await;
    let stats = transport.stats().origins.into_iter().find(known).unwrap();
    assert_eq!((stats.in_flight, stats.queued, stats.connections), (3, 0, 1));
    assert_eq!(simulator.counters().connections_total, 1);
}
