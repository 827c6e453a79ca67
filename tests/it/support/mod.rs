//! What several rooms' tests share.

pub mod api;
pub mod frames;
pub mod peer;
#[cfg(feature = "redis")]
pub mod redis;
pub mod socks;
