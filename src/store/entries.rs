//! Values with a time to live, by key.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::Result;

/// A place for values. A key has no structure here; who keeps several kinds tells them apart by a prefix.
pub trait Entries: Send + Sync {
    /// The value, unless there is none or its time is over.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>>>;

    /// Keeps a value for a time, in place of one that is there.
    fn set<'a>(&'a self, key: &'a str, value: Bytes, ttl: Duration) -> BoxFuture<'a, Result<()>>;

    /// Forgets a value; says whether there was one.
    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool>>;

    /// Forgets all whose keys begin so.
    fn clear<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<()>>;
}
