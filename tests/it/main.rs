//! The one integration binary: a file for each room.

#[cfg(feature = "server")]
mod simulator;
