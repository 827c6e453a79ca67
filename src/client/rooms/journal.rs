//! Options of the journal, and what can be asked of it.

use std::sync::Arc;

use serde_json::Value;

use super::{super::fields::Fields, Functions, Native, Questions, prices::prices};
use crate::{
    Error, Result,
    middleware::journal::{Journal, JournalOptions},
    pipeline::BoxFuture,
};

/// How much of each body is kept where bodies are.
const BODIES: usize = 64 << 10;

pub(super) fn build(options: Value, _: Functions) -> Result<Native> {
    let default = JournalOptions::default();
    let mut fields = Fields::open("journal", options)?;
    let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let options = JournalOptions {
        keep: fields.count("keep", 1)?.map_or(default.keep, size),
        bodies: if fields.boolean("bodies")?.unwrap_or(false) { BODIES } else { 0 },
        prices: prices(&mut fields)?.unwrap_or(default.prices),
    };
    fields.finish()?;
    let journal = Arc::new(Journal::new(options));
    let ask = Some(Arc::new(Asked(Arc::clone(&journal))) as Arc<dyn Questions>);
    Ok(Native { ask, ..Native::shared(journal) })
}

struct Asked(Arc<Journal>);

impl Questions for Asked {
    fn ask(&self, question: String, about: Value) -> BoxFuture<'static, Result<Value>> {
        let number = |name: &str| about[name].as_u64();
        let answer = match question.as_str() {
            "last" => {
                let most = number("most").and_then(|most| usize::try_from(most).ok());
                Ok(Value::Array(self.0.last(most.unwrap_or(usize::MAX))))
            }
            "one" => Ok(number("id").and_then(|id| self.0.one(id)).unwrap_or_default()),
            "sample" => Ok(self.0.sample()),
            _ => Err(Error::config("a journal is asked for `last`, `one` or `sample`")),
        };
        Box::pin(std::future::ready(answer))
    }
}
