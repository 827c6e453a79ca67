//! Options of a quota, and what can be asked of it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{super::fields::Fields, Functions, Native, Questions, prices::prices, store};
use crate::{
    Error, Result,
    middleware::quota::{Quota, QuotaOptions},
    pipeline::BoxFuture,
};

pub(super) fn build(options: Value, _: Functions) -> Result<Native> {
    let mut fields = Fields::open("quota", options)?;
    let options = QuotaOptions {
        name: super::name(&mut fields, "name")?.map(|name| name.to_string()).unwrap_or_default(),
        tokens: fields.count("tokens", 1)?,
        usd: fields.number("usd", 0.0..=1e9, "from 0 to 1000000000")?,
        prices: prices(&mut fields)?.unwrap_or_default(),
        store: store::store(&mut fields)?,
    };
    fields.finish()?;
    if options.tokens.is_none() && options.usd.is_none() {
        return Err(Error::config("a quota limits nothing: give it `quota.tokens` or `quota.usd`"));
    }
    let quota = Arc::new(Quota::new(options));
    let ask = Some(Arc::new(Asked(Arc::clone(&quota))) as Arc<dyn Questions>);
    Ok(Native { ask, ..Native::shared(quota) })
}

struct Asked(Arc<Quota>);

impl Questions for Asked {
    fn ask(&self, question: String, _about: Value) -> BoxFuture<'static, Result<Value>> {
        let quota = Arc::clone(&self.0);
        Box::pin(async move {
            if question != "used" {
                return Err(Error::config("a quota is asked for `used`"));
            }
            let (tokens, usd) = quota.used().await;
            Ok(json!({ "tokens": tokens, "usd": usd }))
        })
    }
}
