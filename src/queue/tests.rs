//! Whatever is dropped when: no permit is lost, none is given beyond the limit, and the order holds.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// So many may be inside; it knows how many are.
struct Places {
    queue: Queue<()>,
    most: u64,
    inside: AtomicU64,
}

struct Inside(Arc<Places>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, SeqCst);
        self.0.queue.wake();
    }
}

struct Door(Arc<Places>);

impl Limit for Door {
    type Cost = ();
    type Permit = Inside;

    fn ask(&self, (): &(), _: Instant) -> Turn<Inside> {
        if self.0.inside.load(SeqCst) >= self.0.most {
            return Turn::Later(None);
        }
        self.0.inside.fetch_add(1, SeqCst);
        Turn::Pass(Inside(Arc::clone(&self.0)))
    }

    fn wait<'a>(&self, costs: impl Iterator<Item = &'a ()>, _: Instant) -> Option<Duration> {
        Some(SECOND * u32::try_from(costs.count()).unwrap())
    }
}

fn places(most: u64, options: QueueOptions) -> Arc<Places> {
    let queue = Queue::new(options, "concurrency", Arc::default());
    Arc::new(Places { queue, most, inside: AtomicU64::new(0) })
}

async fn pass(places: &Arc<Places>, priority: Priority) -> Result<Passed<Inside>> {
    places.queue.pass(&Door(Arc::clone(places)), (), Standing { priority, impatient: false }).await
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_pass_by_priority_and_then_in_the_order_in_which_they_came() {
    let places = places(1, QueueOptions::default());
    let first = pass(&places, Priority::NORMAL).await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut all = tokio::task::JoinSet::new();
    for (name, priority) in
        [("a", Priority::LOW), ("b", Priority::NORMAL), ("c", Priority::HIGH), ("d", Priority::NORMAL)]
    {
        let (places, order) = (Arc::clone(&places), Arc::clone(&order));
        all.spawn(async move {
            let passed = pass(&places, priority).await.unwrap();
            order.lock().unwrap().push(name);
            tokio::time::sleep(SECOND).await;
            passed.waited
        });
    }
    tokio::time::sleep(SECOND).await;
    assert_eq!(first.waited, Duration::ZERO);
    drop(first);
    let mut waited: Vec<u64> = all.join_all().await.iter().map(Duration::as_secs).collect();
    waited.sort_unstable();
    assert_eq!((order.lock().unwrap().concat().as_str(), waited), ("cbda", vec![1, 2, 3, 4]));
    let Decided { passed, waited, refused, waiting } = places.queue.decisions.read();
    assert_eq!((passed, waited, refused, waiting), (1, 4, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_with_the_wait_that_it_would_have_been() {
    let places = places(1, QueueOptions { limit: 1, timeout: Some(5 * SECOND) });
    let inside = pass(&places, Priority::NORMAL).await.unwrap();
    let waiting = pass(&places, Priority::NORMAL);
    let refused = async {
        tokio::time::sleep(SECOND).await;
        pass(&places, Priority::NORMAL).await.err().unwrap()
    };
    let (late, full) = tokio::join!(waiting, refused);
    assert_eq!((full.kind(), full.phase(), full.attempts()), (ErrorKind::QueueFull, Phase::Queue, 0));
    assert_eq!(full.retry_after(), Some(2 * SECOND));
    assert_eq!(
        full.message(),
        "1 call waits already (`concurrency.queueLimit`); its wait would have been 2000 ms"
    );
    let late = late.err().unwrap();
    assert_eq!((late.kind(), late.phase()), (ErrorKind::Timeout, Phase::Queue));
    assert_eq!(
        late.message(),
        "concurrency() did not let the call pass within 5000 ms (`concurrency.queueTimeout`)"
    );
    assert!(places.queue.is_empty());
    drop(inside);
    assert!(pass(&places, Priority::NORMAL).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_first_and_leaves_has_the_next_one_ask() {
    let places = places(1, QueueOptions::default());
    let inside = pass(&places, Priority::NORMAL).await.unwrap();
    let mut first = Box::pin(pass(&places, Priority::NORMAL));
    let mut second = Box::pin(pass(&places, Priority::NORMAL));
    for one in [&mut first, &mut second] {
        assert!(tokio::time::timeout(SECOND, one).await.is_err());
    }
    // The first is told that there is room, and goes before it has heard of it.
    drop(inside);
    drop(first);
    assert!(second.await.is_ok());
}

/// One who comes, and what becomes of him.
#[derive(Debug, Clone)]
struct Guest {
    comes: u64,
    priority: i32,
    /// After so long he gives up, wherever he is.
    leaves: u64,
    stays: u64,
}

fn guests() -> impl Strategy<Value = Vec<Guest>> {
    let guest = (0..50_u64, -5..5_i32, 1..60_u64, 0..20_u64);
    let guest = guest.prop_map(|(comes, priority, leaves, stays)| Guest { comes, priority, leaves, stays });
    proptest::collection::vec(guest, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whoever_comes_and_leaves_when_no_place_is_lost_and_no_more_are_inside(
        guests in guests(), most in 1..4_u64, limit in 0..10_usize, timeout in 1..40_u64
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let places = places(most, QueueOptions { limit, timeout: Some(Duration::from_millis(timeout)) });
            let mut all = tokio::task::JoinSet::new();
            for Guest { comes, priority, leaves, stays } in guests.clone() {
                let places = Arc::clone(&places);
                all.spawn(async move {
                    tokio::time::sleep(Duration::from_millis(comes)).await;
                    let visit = async {
                        let inside = pass(&places, Priority::new(priority).unwrap()).await?;
                        assert!(places.inside.load(SeqCst) <= places.most);
                        assert!(places.queue.decisions.read().waiting <= limit as u64);
                        tokio::time::sleep(Duration::from_millis(stays)).await;
                        drop(inside);
                        Ok::<(), Error>(())
                    };
                    let _given_up = tokio::time::timeout(Duration::from_millis(leaves), visit).await;
                });
            }
            let count = all.join_all().await.len();
            assert_eq!(count, guests.len(), "each has come to an end");
            assert!(places.queue.is_empty());
            assert_eq!((places.inside.load(SeqCst), places.queue.decisions.read().waiting), (0, 0));
            for _ in 0..most {
                std::mem::forget(pass(&places, Priority::NORMAL).await.unwrap());
            }
        });
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_impatient_passes_at_once_or_is_told_the_wait_and_holds_no_place() {
    let places = places(1, QueueOptions::default());
    let standing = Standing { priority: Priority::HIGH, impatient: true };
    let hurry = async || places.queue.pass(&Door(Arc::clone(&places)), (), standing).await;
    let first = hurry().await.unwrap();
    let begun = Instant::now();
    let error = hurry().await.err().unwrap();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::QueueFull, 0));
    assert_eq!((error.retry_after(), begun.elapsed()), (Some(SECOND), Duration::ZERO));
    assert!(places.queue.is_empty());
    drop(first);
    assert!(hurry().await.is_ok());
}
