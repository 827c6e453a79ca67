//! What `rateLimit()` and `concurrency()` have in common: their queue, and what they tell.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    super::{
        fields::{Fields, Limit, wrong},
        settings::ms,
    },
    Questions,
};
use crate::{
    Error, Result,
    pipeline::BoxFuture,
    queue::{Decided, Priority, QueueOptions},
};

pub(super) fn queue(fields: &mut Fields) -> Result<QueueOptions> {
    let default = QueueOptions::default();
    let limit = fields.small("queueLimit", 0)?.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let timeout = fields.limit("queueTimeout")?.map(Limit::duration);
    Ok(QueueOptions { limit: limit.unwrap_or(default.limit), timeout: timeout.unwrap_or(default.timeout) })
}

/// The defaults of the queue of this middleware.
pub(super) fn defaults(name: &str) -> [(String, Value); 2] {
    let QueueOptions { limit, timeout } = QueueOptions::default();
    [(format!("{name}.queueLimit"), json!(limit)), (format!("{name}.queueTimeout"), json!(ms(timeout)))]
}

/// `priority` of a call: a word, or a number.
pub(in crate::client) fn priority(given: &Value) -> Result<Priority> {
    let most = i64::from(Priority::MOST);
    let number = given.as_i64().and_then(|number| Priority::new(i32::try_from(number).ok()?));
    let found = match given.as_str() {
        Some("high") => Some(Priority::HIGH),
        Some("normal") => Some(Priority::NORMAL),
        Some("low") => Some(Priority::LOW),
        _ => number,
    };
    let expected = format!("'high', 'normal', 'low' or a whole number from -{most} to {most}");
    found.ok_or_else(|| wrong("priority", &expected, given))
}

/// Answers `stats`.
pub(super) fn stats(read: impl Fn() -> Value + Send + Sync + 'static) -> Arc<dyn Questions> {
    Arc::new(Stats(read))
}

struct Stats<F>(F);

impl<F: Fn() -> Value + Send + Sync> Questions for Stats<F> {
    fn ask(&self, question: String, _: Value) -> BoxFuture<'static, Result<Value>> {
        let answer = match question.as_str() {
            "stats" => Ok((self.0)()),
            _ => Err(Error::config(format!("a limit does not know the question {question}"))),
        };
        Box::pin(std::future::ready(answer))
    }
}

/// What was decided, as JSON.
pub(super) fn told(decided: Decided) -> serde_json::Map<String, Value> {
    let Decided { passed, waited, refused, waiting } = decided;
    [("passed", passed), ("waited", waited), ("refused", refused), ("waiting", waiting)]
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count.into()))
        .collect()
}
