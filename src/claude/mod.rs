//! The Messages API's shapes: what an event or an error body means. Pure; it may use only the nouns.
//!
//! - [`payload`]: is this data JSON, and of which type · [`stream`]: what an event does to its stream
//! - [`errors`]: error bodies and error events · [`retry_after`]: when to come back

mod errors;
mod payload;
mod retry_after;
mod stream;

pub use self::{
    errors::{describe, error_from_event},
    payload::{Kind, NotJson, inspect},
    retry_after::retry_after,
    stream::{StreamRules, Verdict},
};
