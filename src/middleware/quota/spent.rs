//! What was used up of a day: in this process, and in a store that replicas share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::day::Day;
use crate::store::{Arg, Script, Shared};

/// Tokens and US dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Amount {
    pub tokens: u64,
    pub usd: f64,
}

/// Of a day, as far as this process knows.
#[derive(Debug, Clone, Copy)]
struct Known {
    day: Day,
    /// By all, when a store was asked last.
    all: Amount,
    /// By this process, and not yet told to the store.
    own: Amount,
}

#[derive(Clone)]
pub(super) struct Spent {
    name: Arc<str>,
    known: Arc<Mutex<Known>>,
    store: Option<Arc<dyn Shared>>,
}

/// Adds, and says what there is then. Two days are kept, so that a clock that is behind finds its own.
static ADD: Script = Script::new(
    "redis.call('HINCRBY', KEYS[1], 'tokens', ARGV[1])
redis.call('HINCRBYFLOAT', KEYS[1], 'usd', ARGV[2])
redis.call('EXPIRE', KEYS[1], 172800)
return redis.call('HMGET', KEYS[1], 'tokens', 'usd')",
);

static READ: Script = Script::repeatable("return redis.call('HMGET', KEYS[1], 'tokens', 'usd')");

impl Spent {
    pub fn new(name: String, store: Option<Arc<dyn Shared>>) -> Self {
        let known = Known { day: Day(0), all: Amount::default(), own: Amount::default() };
        Self { name: name.into(), known: Arc::new(Mutex::new(known)), store }
    }

    /// What was used up of this day.
    pub async fn of(&self, day: Day) -> Amount {
        if let Some(store) = &self.store
            && let Ok(reply) = store.invoke(&READ, &[&self.key(day)], &[]).await
        {
            self.learn(day, &reply);
        }
        let known = self.at(day);
        Amount { tokens: known.all.tokens + known.own.tokens, usd: known.all.usd + known.own.usd }
    }

    /// So much more was. What the store is not told is told with the next.
    pub fn add(&self, day: Day, amount: Amount) {
        {
            let mut known = self.at(day);
            known.own.tokens += amount.tokens;
            known.own.usd += amount.usd;
        }
        let (Some(store), Ok(runtime)) = (self.store.clone(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let spent = self.clone();
        runtime.spawn(async move { spent.tell(&*store, day).await });
    }

    async fn tell(&self, store: &dyn Shared, day: Day) {
        let own = std::mem::take(&mut self.at(day).own);
        let args = [Arg::Int(i64::try_from(own.tokens).unwrap_or(i64::MAX)), Arg::Float(own.usd)];
        if let Ok(reply) = store.invoke(&ADD, &[&self.key(day)], &args).await {
            return self.learn(day, &reply);
        }
        let mut known = self.at(day);
        known.own.tokens += own.tokens;
        known.own.usd += own.usd;
    }

    fn learn(&self, day: Day, reply: &crate::store::Reply) {
        let mut said = reply.clone().list().into_iter();
        let tokens =
            said.next().and_then(|tokens| tokens.int()).and_then(|tokens| u64::try_from(tokens).ok());
        let usd = said.next().and_then(|usd| usd.float());
        self.at(day).all = Amount { tokens: tokens.unwrap_or_default(), usd: usd.unwrap_or_default() };
    }

    fn at(&self, day: Day) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.day != day {
            *known = Known { day, all: Amount::default(), own: Amount::default() };
        }
        known
    }

    fn key(&self, day: Day) -> String {
        format!("quota:{}:{}", day.0, self.name)
    }
}
