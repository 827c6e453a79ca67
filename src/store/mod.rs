//! State that calls share, and replicas where it stands in Redis: small traits, and who implements them.
//!
//! [`Entries`] are values with a time to live, [`Leases`] say who alone may do something for a while, and a [`Shared`]
//! store runs a [`Script`] in one step besides. The rooms that keep state know these traits and not where it is kept;
//! what follows when that is away is theirs to say: an error of the kind [`Store`](crate::ErrorKind::Store).
//!
//! - [`entries`], [`leases`] and [`scripts`]: the traits
//! - [`buckets`]: what may still pass, of several limits at once · [`gcra`]: how that is reckoned
//! - [`memory`]: in this process · `redis`: in Redis or Valkey, the only room that knows that crate
//!
//! Anyone may use this room; it uses the nouns only.

pub mod buckets;
pub mod entries;
pub mod gcra;
pub mod leases;
pub mod memory;
#[cfg(feature = "redis")]
pub mod redis;
pub mod scripts;

#[cfg(feature = "redis")]
pub use self::redis::{Redis, RedisOptions, RedisTls, SentinelOptions};
pub use self::{
    buckets::{Buckets, MemoryBuckets, SharedBuckets},
    entries::Entries,
    leases::Leases,
    memory::Memory,
    scripts::{Arg, Reply, Script, Shared},
};
