//! What several rooms' tests share.

pub mod api;
pub mod frames;
pub mod peer;
pub mod socks;
