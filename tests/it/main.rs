//! The engine's tests from outside, one file per room.

mod claude;
mod sse;
