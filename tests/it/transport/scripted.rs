//! A network that is played, and a clock that moves when it is told to.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::time::{Instant, sleep};
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::{Body, collect},
    pipeline::{BoxFuture, Endpoint},
    request::Request,
    transport::{Arrived, Ending, Outcome, Peer, Scene, Staged, VirtualTime},
};
use url::Url;

use super::limited;

const STACK: usize = 2 << 20;

/// Gives each piece a gap, in ms.
struct Play {
    delay: u64,
    gaps: Vec<u64>,
    ending: Ending,
}

impl Peer for Play {
    fn answer(&self, _: Arrived) -> BoxFuture<'_, Result<Scene>> {
        let gaps = self.gaps.clone();
        let pieces = gaps.into_iter().map(|gap| (Duration::from_millis(gap), Bytes::from_static(b"x")));
        let outcome = Outcome::Answer {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            pieces: Box::new(pieces),
            ending: self.ending,
        };
        let delay = Duration::from_millis(self.delay);
        Box::pin(async move { Ok(Scene { delay, outcome }) })
    }
}

fn asked() -> Request {
    limited(super::get(Url::parse("http://h/").unwrap()), |timeouts| {
        timeouts.idle = Some(Duration::from_secs(300));
    })
}

async fn played(play: Play) -> (Result<Bytes>, u128) {
    let started = Instant::now();
    let res = Staged(play).call(asked()).await;
    let content = match res {
        Ok(res) => collect(res.body, 100, None).await,
        Err(error) => Err(error),
    };
    (content, started.elapsed().as_millis())
}

#[tokio::test(start_paused = true)]
async fn an_answer_takes_its_delay_and_the_gaps_between_its_pieces() {
    let (content, took) =
        played(Play { delay: 1000, gaps: vec![0, 200, 300], ending: Ending::Complete }).await;
    assert_eq!((content.unwrap(), took), (Bytes::from_static(b"xxx"), 1500));
}

#[tokio::test(start_paused = true)]
async fn a_gap_beyond_the_idle_limit_ends_the_content_when_the_limit_passes() {
    let (content, took) = played(Play { delay: 0, gaps: vec![0, 900_000], ending: Ending::Complete }).await;
    let error: Error = content.unwrap_err();
    assert_eq!((error.kind(), error.phase(), took), (ErrorKind::Timeout, Phase::Idle, 300_000));
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_is_what_it_is_on_a_socket() {
    for (ending, kind) in [(Ending::Reset, ErrorKind::Reset), (Ending::Close, ErrorKind::Incomplete)] {
        let (content, _) = played(Play { delay: 0, gaps: vec![0], ending }).await;
        assert_eq!(content.unwrap_err().kind(), kind);
    }
}

#[tokio::test(start_paused = true)]
async fn pieces_have_their_times_whether_or_not_anybody_reads() {
    let play = Play { delay: 0, gaps: vec![0, 100, 100], ending: Ending::Complete };
    let res = Staged(play).call(asked()).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    let started = Instant::now();
    let Body::Stream(_) = &res.body else { panic!("it is a stream") };
    assert_eq!(collect(res.body, 100, None).await.unwrap().len(), 3);
    assert_eq!(started.elapsed(), Duration::ZERO);
}

/// Waits for what is told on the thread of the clock.
fn wait<T: Send + 'static>(ask: impl FnOnce(Box<dyn FnOnce(T) + Send>)) -> T {
    let (tell, told) = mpsc::channel();
    ask(Box::new(move |value| tell.send(value).unwrap()));
    told.recv_timeout(Duration::from_secs(10)).unwrap()
}

fn quiet(time: &VirtualTime) {
    wait(|tell| time.quiet(false, move || tell(())));
}

fn step(time: &VirtualTime, most: u64) -> u128 {
    wait(|tell| time.step(Duration::from_millis(most), tell)).as_millis()
}

#[test]
fn the_clock_stands_until_it_is_moved_and_then_stops_at_each_timer() {
    let time = VirtualTime::start(STACK, || true).unwrap();
    let rang = Arc::new(Mutex::new(Vec::new()));
    for ms in [30, 10, 10, 2000] {
        let rang = Arc::clone(&rang);
        time.handle().spawn(async move {
            let from = Instant::now();
            sleep(Duration::from_millis(ms)).await;
            rang.lock().unwrap().push(from.elapsed().as_millis());
        });
    }
    quiet(&time);
    assert!(rang.lock().unwrap().is_empty() && time.now().is_zero());
    let mut moved = 0;
    while moved < 30 {
        moved += step(&time, 30 - u64::try_from(moved).unwrap());
        quiet(&time);
        assert_eq!(time.now().as_millis(), moved);
    }
    assert_eq!((*rang.lock().unwrap()).clone(), [10, 10, 30]);
    while moved < 2000 {
        moved += step(&time, 100_000);
        quiet(&time);
    }
    assert_eq!((moved, rang.lock().unwrap().len()), (2000, 4));
}

#[test]
fn a_timer_that_is_set_when_another_rings_is_not_jumped_over() {
    let time = VirtualTime::start(STACK, || true).unwrap();
    let rounds = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&rounds);
    time.handle().spawn(async move {
        let from = Instant::now();
        for _ in 0..5 {
            sleep(Duration::from_millis(7)).await;
            seen.lock().unwrap().push(from.elapsed().as_millis());
        }
    });
    quiet(&time);
    let mut moved = 0;
    while moved < 1000 {
        moved += step(&time, 1000 - u64::try_from(moved).unwrap());
        quiet(&time);
    }
    assert_eq!((moved, (*rounds.lock().unwrap()).clone()), (1000, vec![7, 14, 21, 28, 35]));
}

#[test]
fn it_is_quiet_only_when_nobody_outside_is_at_work_unless_that_is_no_matter() {
    let free = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let asked = Arc::clone(&free);
    let time = VirtualTime::start(STACK, move || asked.load(std::sync::atomic::Ordering::SeqCst)).unwrap();
    wait(|tell| time.quiet(true, move || tell(())));
    let (tell, told) = mpsc::channel();
    time.quiet(false, move || tell.send(()).unwrap());
    wait(|tell| time.quiet(true, move || tell(())));
    assert!(told.try_recv().is_err());
    free.store(true, std::sync::atomic::Ordering::SeqCst);
    time.handle().spawn(async {});
    told.recv_timeout(Duration::from_secs(10)).unwrap();
}
