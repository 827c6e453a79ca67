//! What somebody may use up in one day, in tokens or in money: a call is refused once that is used up.
//!
//! A day is one of UTC. What a call takes is known when it is over, so the last calls of a day may take more than is
//! left; what came out of a cache costs nothing. Replicas count together where there is a store; while that is away,
//! each counts what it sees itself.
//!
//! - [`options`]: what can be set · `day`: which day it is, pure · `spent`: what was used up, here and in a store

mod day;
pub mod options;
mod spent;

use std::{sync::Arc, time::SystemTime};

pub use self::options::QuotaOptions;
use self::{
    day::Day,
    spent::{Amount, Spent},
};
use crate::{
    Error, ErrorKind, Phase, Result,
    claude::Usage,
    partition::model_of,
    pipeline::{BoxFuture, Middleware, Next},
    request::Request,
    response::{Cached, Response},
    watch::{Asked, End, Watcher, watch},
};

/// The middleware: one quota for all calls that pass it.
pub struct Quota {
    inner: Arc<Inner>,
}

struct Inner {
    options: QuotaOptions,
    spent: Spent,
}

impl Quota {
    /// One of which nothing is used up as far as this process knows.
    pub fn new(options: QuotaOptions) -> Self {
        let spent = Spent::new(options.name.clone(), options.store.clone());
        Self { inner: Arc::new(Inner { options, spent }) }
    }

    /// What was used up today: tokens, and US dollars.
    pub async fn used(&self) -> (u64, f64) {
        let Amount { tokens, usd } = self.inner.spent.of(Day::at(SystemTime::now())).await;
        (tokens, usd)
    }
}

impl Inner {
    async fn check(&self) -> Result<()> {
        let now = SystemTime::now();
        let spent = self.spent.of(Day::at(now)).await;
        let QuotaOptions { tokens, usd, .. } = self.options;
        let used_up = match (tokens, usd) {
            (Some(most), _) if spent.tokens >= most => format!("{most} tokens"),
            (_, Some(most)) if spent.usd >= most => format!("{most} US dollars"),
            _ => return Ok(()),
        };
        let words = format!("the budget of {used_up} a day is used up: the next day begins at 00:00 UTC");
        Err(Error::new(ErrorKind::Status(429), Phase::Prepare, words)
            .with_attempts(0)
            .with_retry_after(Some(Day::at(now).left(now))))
    }

    fn spend(&self, model: Option<&str>, usage: Usage) {
        let counts = [
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_input_tokens,
            usage.cache_creation_input_tokens,
        ];
        let tokens = counts.into_iter().flatten().sum();
        let usd = model.and_then(|model| self.options.prices.cost(model, usage)).unwrap_or_default();
        if tokens > 0 {
            self.spent.add(Day::at(SystemTime::now()), Amount { tokens, usd });
        }
    }
}

impl Middleware for Quota {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            self.inner.check().await?;
            let (asked, model) = (Asked::of(&req), model_of(&req.body));
            let res = next.run(req).await?;
            let is_paid = matches!(res.extensions.get(), None | Some(Cached::Miss | Cached::Bypass));
            if !is_paid {
                return Ok(res);
            }
            Ok(watch(asked, res, Course { inner: Arc::clone(&self.inner), model }))
        })
    }
}

/// A call that was let through.
struct Course {
    inner: Arc<Inner>,
    model: Option<String>,
}

impl Watcher for Course {
    fn over(&mut self, usage: Usage, _end: End<'_>) {
        self.inner.spend(self.model.as_deref(), usage);
    }
}
