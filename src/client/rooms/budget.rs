//! The option that says how many attempts besides the first all calls may make.

use serde_json::Value;

use super::super::fields::{Fields, wrong};
use crate::{Result, budget::BudgetOptions};

/// `false` is no budget at all; `None` leaves it as it is.
#[expect(clippy::option_option, reason = "not given and none are two answers")]
pub(super) fn budget(fields: &mut Fields, default: BudgetOptions) -> Result<Option<Option<BudgetOptions>>> {
    let given = match fields.take("budget") {
        None => return Ok(None),
        Some(Value::Bool(false)) => return Ok(Some(None)),
        Some(object @ Value::Object(_)) => object,
        Some(other) => return Err(wrong(&fields.name("budget"), "{ share, minPerSecond } or false", &other)),
    };
    let mut budget = Fields::open(&fields.name("budget"), given)?;
    let options = BudgetOptions {
        share: budget.number("share", 0.0..=1.0, "from 0 to 1")?.unwrap_or(default.share),
        min_per_second: budget
            .number("minPerSecond", 0.0..=f64::MAX, "of at least 0")?
            .unwrap_or(default.min_per_second),
    };
    budget.finish()?;
    Ok(Some(Some(options)))
}
