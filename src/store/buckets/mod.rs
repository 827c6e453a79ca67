//! What may still pass of several limits at once, in one place for all replicas.
//!
//! An answer is a piece of the schedule: amounts that are the asker's from now on, and the moments from when on they
//! may be used. So a replica takes some ahead, waits for its time without asking again, and all replicas together
//! never exceed the rates: what was given is reckoned when it may be used. What is never used is lost, and comes
//! again at the rate.

//!
//! - `memory`: in this process · `shared`: where several processes keep their state

mod memory;
mod shared;

use std::time::Duration;

use futures_util::future::BoxFuture;

pub use self::{memory::MemoryBuckets, shared::SharedBuckets};
use super::gcra::{Left, Rate};
use crate::Result;

/// Buckets by key, several under each.
pub trait Buckets: Send + Sync {
    /// Takes from all buckets of a key in one step. Always gives what is wanted, some time; durations are from now,
    /// by the store's own clock.
    fn take<'a>(&'a self, key: &'a str, ask: &'a Ask) -> BoxFuture<'a, Result<Given>>;
}

/// What is asked of the buckets of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Of each bucket.
    pub parts: Vec<Part>,
    /// Nothing of them is given for so long: the server has said so.
    pub pause: Duration,
}

/// What is asked of one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Which: the same name is the same bucket, whoever asks.
    pub name: String,
    /// Its rate.
    pub rate: Rate,
    /// What one call needs.
    pub need: u64,
    /// What is wanted, that included.
    pub want: u64,
    /// What was used besides what was given; below zero, what was given and not used.
    pub owed: i64,
    /// What the server has said is left.
    pub left: Option<Left>,
}

/// What was given: what is needed from `opens` on, what is wanted from `full` on, evenly between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// When what is needed may be used.
    pub opens: Duration,
    /// When all of it may.
    pub full: Duration,
}
