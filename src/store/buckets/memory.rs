//! Buckets in memory: for tests of what replicas do together, and for several limiters of one process.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::{Ask, Buckets, Given, Part};
use crate::{Result, store::gcra::Gcra};

/// Buckets in memory, for one process.
#[derive(Default)]
pub struct MemoryBuckets {
    shelves: Mutex<Shelves>,
}

#[derive(Default)]
struct Shelves {
    began: Option<Instant>,
    by_key: HashMap<String, Shelf>,
}

/// The buckets of one key.
#[derive(Default)]
struct Shelf {
    by_name: HashMap<String, Gcra>,
    paused: u64,
}

/// Beyond so many keys, those whose buckets are full are forgotten.
const MANY: usize = 1024;

impl Buckets for MemoryBuckets {
    fn take<'a>(&'a self, key: &'a str, ask: &'a Ask) -> BoxFuture<'a, Result<Given>> {
        let given = {
            let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
            let moment = Instant::now();
            let now = nanoseconds(moment - *shelves.began.get_or_insert(moment));
            if shelves.by_key.len() >= MANY && !shelves.by_key.contains_key(key) {
                shelves.by_key.retain(|_, shelf| !shelf.is_full(now));
            }
            shelves.by_key.entry(key.to_owned()).or_default().take(ask, now)
        };
        Box::pin(std::future::ready(Ok(given)))
    }
}

impl Shelf {
    fn take(&mut self, ask: &Ask, now: u64) -> Given {
        self.paused = self.paused.max(now.saturating_add(nanoseconds(ask.pause)));
        // A pause is over when it is over, and none is none.
        let (mut opens, mut full) = (self.paused.max(now), self.paused.max(now));
        for Part { name, rate, need, want, owed, left } in &ask.parts {
            let bucket = self.by_name.entry(name.clone()).or_default();
            if *owed < 0 {
                bucket.give_back(rate, owed.unsigned_abs());
            } else {
                bucket.take(rate, owed.unsigned_abs(), now);
            }
            if let Some(left) = left {
                bucket.leave(rate, *left, now);
            }
            opens = opens.max(bucket.ready(rate, *need, *need));
            full = full.max(bucket.ready(rate, *want, *need));
            bucket.take(rate, *want, now);
        }
        let from_now = |at: u64| Duration::from_nanos(at - now);
        Given { opens: from_now(opens), full: from_now(full.max(opens)) }
    }

    fn is_full(&self, now: u64) -> bool {
        self.paused <= now && self.by_name.values().all(|bucket| bucket.is_full(now))
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::gcra::{Left, Rate};

    const SECOND: Duration = Duration::from_secs(1);

    fn part(need: u64, want: u64) -> Part {
        let rate = Rate { limit: 10, interval: SECOND, burst: 5 };
        Part { name: "requests".to_owned(), rate, need, want, owed: 0, left: None }
    }

    async fn taken(buckets: &MemoryBuckets, part: Part, pause: Duration) -> (u128, u128) {
        let given = buckets.take("key", &Ask { parts: vec![part], pause }).await.unwrap();
        (given.opens.as_millis(), given.full.as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_taken_ahead_is_a_piece_of_the_schedule() {
        let buckets = MemoryBuckets::default();
        let none = Duration::ZERO;
        assert_eq!(taken(&buckets, part(1, 5), none).await, (0, 0), "the burst");
        assert_eq!(taken(&buckets, part(1, 10), none).await, (100, 1000));
        assert_eq!(taken(&buckets, part(1, 1), none).await, (1100, 1100), "after what others have taken");
        tokio::time::sleep(SECOND).await;
        let back = Part { owed: -1, ..part(1, 1) };
        assert_eq!(taken(&buckets, back, none).await, (100, 100));
        tokio::time::sleep(10 * SECOND).await;
        assert_eq!(
            taken(&buckets, Part { owed: 4, ..part(1, 2) }, none).await,
            (0, 100),
            "a debt comes first"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_and_what_the_server_has_left_hold_for_all_who_ask() {
        let buckets = MemoryBuckets::default();
        let none = Duration::ZERO;
        let left = Some(Left { amount: 1, back_in: None });
        assert_eq!(taken(&buckets, Part { left, ..part(1, 2) }, none).await, (0, 100));
        assert_eq!(taken(&buckets, part(1, 1), 3 * SECOND).await, (3000, 3000));
        assert_eq!(taken(&buckets, part(0, 0), none).await, (3000, 3000));
        tokio::time::sleep(4 * SECOND).await;
        assert_eq!(taken(&buckets, part(1, 5), none).await, (0, 0));
    }
}
