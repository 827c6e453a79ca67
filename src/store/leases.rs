//! Who alone may do something, for a while.

use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::Result;

/// Leases by key. An owner is a name that nobody else has; a lease that is not renewed ends by itself, so that one
/// whose owner has died holds nobody up for longer.
pub trait Leases: Send + Sync {
    /// Takes the lease unless another has it; says whether it is taken. Who has it already renews it.
    fn acquire<'a>(&'a self, key: &'a str, owner: &'a str, ttl: Duration) -> BoxFuture<'a, Result<bool>>;

    /// Gives it back; another's is let be.
    fn release<'a>(&'a self, key: &'a str, owner: &'a str) -> BoxFuture<'a, Result<()>>;
}
