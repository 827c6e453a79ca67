//! Who speaks: a turn has its session alone, for as long as its lease is renewed.
//!
//! Within a process turns come in the order in which they were made; among processes whoever finds the session free.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{Mutex as Turnstile, Notify, OwnedMutexGuard},
    task::AbortHandle,
    time::{Instant, sleep, sleep_until, timeout_at},
};

use super::{
    ledger::{Begun, Ledger, Speaker, Wish},
    options::{OnBusy, SessionOptions},
    turn::Turn,
};
use crate::{Error, ErrorKind, Phase, Result, identity::Identity, random};

/// Between two looks at a session that another process has: the first, and what it never exceeds.
const LOOK: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));

/// Beyond so many, places that nobody stands at are forgotten.
const MANY: usize = 1024;

/// Turns of this process that want the same session, in their order.
#[derive(Default)]
pub(super) struct Queues {
    places: Mutex<HashMap<String, Weak<Place>>>,
    left: Left,
}

/// Sessions that could not be given back, and under which names they may have been taken: whoever wants one of them
/// next, in this process, need not wait until its lease ends.
type Left = Arc<Mutex<HashMap<String, Vec<String>>>>;

/// Of one session. The first may have it; those that came while the store was away hardly have.
const NAMES: usize = 4;

/// Where the turns of one session stand in line.
#[derive(Default)]
struct Place {
    turn: Arc<Turnstile<()>>,
    /// Whoever had it is leaving: the store is being told.
    leaving: AtomicBool,
    left: Notify,
}

impl Place {
    /// The first place, unless somebody has it; who is leaving it already is waited for.
    async fn enter(&self) -> Option<OwnedMutexGuard<()>> {
        loop {
            let left = self.left.notified();
            if let Ok(first) = Arc::clone(&self.turn).try_lock_owned() {
                return Some(first);
            }
            if !self.leaving.load(Ordering::Acquire) {
                return None;
            }
            left.await;
        }
    }
}

/// A session that is ours. Dropped, it is given back at once.
pub(super) struct Hold {
    held: Option<Held>,
    renewal: Option<AbortHandle>,
}

struct Held {
    ledger: Arc<dyn Ledger>,
    key: String,
    owner: String,
    options: SessionOptions,
    place: Arc<Place>,
    left: Left,
    first: OwnedMutexGuard<()>,
}

impl Held {
    fn speaker(&self) -> Speaker<'_> {
        let SessionOptions { lease, ttl, .. } = self.options;
        Speaker { owner: &self.owner, lease, ttl }
    }

    /// Tells the store that whoever had these names has left. Where that fails, it is told before the next turn.
    async fn give_back(&self, names: Vec<String>) {
        for (place, name) in names.iter().enumerate() {
            if self.ledger.release(&self.key, name).await.is_ok() {
                continue;
            }
            let mut left = lock(&self.left);
            if left.len() < MANY {
                let kept = left.entry(self.key.clone()).or_default();
                kept.extend(names[place..].iter().cloned());
                kept.truncate(NAMES);
            }
            return;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Queues {
    /// Waits for the session, as its options have it, and gives the latest turns with it.
    pub(super) async fn take(
        &self,
        ledger: &Arc<dyn Ledger>,
        key: String,
        options: SessionOptions,
        wish: Wish,
    ) -> Result<(Hold, Vec<Turn>)> {
        let (hold, _, turns) = self.enter(ledger, key, options, wish).await?;
        Ok((hold, turns))
    }

    /// The same, with how many turns there are.
    pub(super) async fn enter(
        &self,
        ledger: &Arc<dyn Ledger>,
        key: String,
        options: SessionOptions,
        wish: Wish,
    ) -> Result<(Hold, u64, Vec<Turn>)> {
        let until = Instant::now().checked_add(options.busy_timeout);
        let place = self.place(&key);
        let turn = Arc::clone(&place.turn);
        let first = match (options.on_busy, until) {
            (OnBusy::Refuse, _) => place.enter().await.ok_or_else(|| busy(options))?,
            (OnBusy::Wait, None) => turn.lock_owned().await,
            (OnBusy::Wait, Some(until)) => {
                timeout_at(until, turn.lock_owned()).await.map_err(|_| busy(options))?
            }
        };
        place.leaving.store(false, Ordering::Release);
        let owner = Identity::own().short();
        // Made first: if the call is given up while the store is asked, it is given back all the same.
        let (ledger, left) = (Arc::clone(ledger), Arc::clone(&self.left));
        let before = lock(&left).remove(&key).unwrap_or_default();
        let held = Held { ledger, key, owner, options, place, left, first };
        held.give_back(before).await;
        let mut ours = Hold { held: Some(held), renewal: None };
        let mut wait = LOOK.0;
        loop {
            match ours.begin(wish).await? {
                Begun::Taken { count, turns } => {
                    ours.renew();
                    return Ok((ours, count, turns));
                }
                Begun::Busy { .. } if options.on_busy == OnBusy::Refuse => return Err(busy(options)),
                Begun::Busy { left } => {
                    let now = Instant::now();
                    if until.is_some_and(|until| now >= until) {
                        return Err(busy(options));
                    }
                    let look = now + left.min(wait.mul_f64(0.5 + random::unit() / 2.0)).max(LOOK.0 / 2);
                    sleep_until(until.map_or(look, |until| look.min(until))).await;
                    wait = (wait * 2).min(LOOK.1);
                }
            }
        }
    }

    fn place(&self, key: &str) -> Arc<Place> {
        let mut places = lock(&self.places);
        if let Some(place) = places.get(key).and_then(Weak::upgrade) {
            return place;
        }
        if places.len() >= MANY {
            places.retain(|_, place| place.strong_count() > 0);
        }
        let place = Arc::<Place>::default();
        places.insert(key.to_owned(), Arc::downgrade(&place));
        place
    }
}

impl Hold {
    async fn begin(&self, wish: Wish) -> Result<Begun> {
        match &self.held {
            Some(held) => held.ledger.begin(&held.key, held.speaker(), wish).await,
            None => Err(lost()),
        }
    }

    /// Keeps the lease up while the call is under way. What fails is tried again; what is lost stays lost.
    fn renew(&mut self) {
        let Some(held) = &self.held else { return };
        let (ledger, key, owner) = (Arc::clone(&held.ledger), held.key.clone(), held.owner.clone());
        let SessionOptions { lease, ttl, .. } = held.options;
        let task = tokio::spawn(async move {
            loop {
                sleep(lease / 3).await;
                if let Ok(false) = ledger.renew(&key, Speaker { owner: &owner, lease, ttl }).await {
                    return;
                }
            }
        });
        self.renewal = Some(task.abort_handle());
    }

    /// Adds the turn, which is kept when this has come back, and gives the session back.
    pub(super) async fn append(self, turn: &Turn) -> Result<()> {
        let Some(held) = &self.held else { return Err(lost()) };
        let kept = held.ledger.append(&held.key, held.speaker(), turn).await?;
        self.done(kept)
    }

    /// Puts turns into a session that has none; with the last of them it is given back.
    pub(super) async fn put(&self, from: u64, turns: &[Turn], done: bool) -> Result<()> {
        let Some(held) = &self.held else { return Err(lost()) };
        let kept = held.ledger.put(&held.key, held.speaker(), from, turns, done).await?;
        if kept { Ok(()) } else { Err(lost()) }
    }

    fn done(mut self, kept: bool) -> Result<()> {
        if !kept {
            return Err(lost());
        }
        // The step that kept it has given the session back in the store.
        if let Some(Held { place, first, .. }) = self.held.take() {
            drop(first);
            place.left.notify_waiters();
        }
        Ok(())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(renewal) = self.renewal.take() {
            renewal.abort();
        }
        let Some(held) = self.held.take() else { return };
        held.place.leaving.store(true, Ordering::Release);
        // Without a runtime, as at the end of a process, the lease ends by itself.
        let Ok(runtime) = Handle::try_current() else { return };
        let mut leaving = Box::pin(leave(held));
        // In memory that is one step; what takes longer goes on by itself.
        if leaving.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            runtime.spawn(leaving);
        }
    }
}

/// Gives the session back. Where this fails, and nobody here wants it, the lease ends by itself.
async fn leave(held: Held) {
    held.give_back(vec![held.owner.clone()]).await;
    let Held { place, first, .. } = held;
    drop(first);
    place.left.notify_waiters();
}

fn busy(options: SessionOptions) -> Error {
    let message = match options.on_busy {
        OnBusy::Refuse => "another turn of the session is under way (`onBusy: 'refuse'`)".to_owned(),
        OnBusy::Wait => {
            let ms = options.busy_timeout.as_millis();
            format!("other turns of the session took longer than {ms} ms (`busyTimeout`)")
        }
    };
    Error::new(ErrorKind::SessionBusy, Phase::Queue, message).with_attempts(0)
}

fn lost() -> Error {
    let message = "the turn was not kept: its session was deleted, or its lease has passed to another turn";
    Error::new(ErrorKind::SessionBusy, Phase::Body, message)
}
