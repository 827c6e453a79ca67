//! Who speaks: a turn has its session alone, for as long as its lease is renewed.
//!
//! Within a process turns come in the order in which they were made; among processes whoever finds the session free.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{Mutex as Place, OwnedMutexGuard},
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
pub(super) struct Queues(Mutex<HashMap<String, Weak<Place<()>>>>);

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
    place: OwnedMutexGuard<()>,
}

impl Held {
    fn speaker(&self) -> Speaker<'_> {
        let SessionOptions { lease, ttl, .. } = self.options;
        Speaker { owner: &self.owner, lease, ttl }
    }
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
        let place = match (options.on_busy, until) {
            (OnBusy::Refuse, _) => place.try_lock_owned().map_err(|_| busy(options))?,
            (OnBusy::Wait, None) => place.lock_owned().await,
            (OnBusy::Wait, Some(until)) => {
                timeout_at(until, place.lock_owned()).await.map_err(|_| busy(options))?
            }
        };
        let owner = Identity::own().short();
        // Made first: if the call is given up while the store is asked, it is given back all the same.
        let held = Held { ledger: Arc::clone(ledger), key, owner, options, place };
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

    fn place(&self, key: &str) -> Arc<Place<()>> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(key).and_then(Weak::upgrade) {
            return place;
        }
        if places.len() >= MANY {
            places.retain(|_, place| place.strong_count() > 0);
        }
        let place = Arc::default();
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
        // The step that kept it has given the session back.
        self.held = None;
        Ok(())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(renewal) = self.renewal.take() {
            renewal.abort();
        }
        if let (Some(held), Ok(runtime)) = (self.held.take(), Handle::try_current()) {
            runtime.spawn(async move {
                // Where this fails, the lease ends by itself.
                let _ends = held.ledger.release(&held.key, &held.owner).await;
                drop(held.place);
            });
        }
    }
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
