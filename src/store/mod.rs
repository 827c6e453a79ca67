//! State that calls share, and replicas where it stands in Redis: small traits, and who implements them.
//!
//! [`Entries`] are values with a time to live, [`Leases`] say who alone may do something for a while. The rooms that
//! keep state know these traits and not where it is kept; what follows when that is away is theirs to say: an error
//! of the kind [`Store`](crate::ErrorKind::Store).
//!
//! - [`entries`] and [`leases`]: the traits
//! - [`buckets`]: what may still pass, of several limits at once · [`gcra`]: how that is reckoned
//!
//! Anyone may use this room; it uses the nouns only.

pub mod buckets;
pub mod entries;
pub mod gcra;
pub mod leases;

pub use self::{buckets::Buckets, entries::Entries, leases::Leases};
