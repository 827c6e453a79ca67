//! An answer on its way back.

use std::time::Duration;

use http::{Extensions, HeaderMap, StatusCode, Version};
use url::Url;

use crate::body::Body;

/// An answer as the pipeline sees it: headers are here, the body may still be coming.
#[derive(Debug)]
pub struct Response {
    /// The status line's code.
    pub status: StatusCode,
    /// The protocol that carried it.
    pub version: Version,
    /// Headers, as received, minus those that describe an encoding already undone.
    pub headers: HeaderMap,
    /// The content, decompressed.
    pub body: Body,
    /// The URL that answered, after redirects.
    pub url: Url,
    /// How long it took to get here.
    pub timing: Timing,
    /// How many attempts were made, this one included.
    pub attempts: u32,
    /// What layers further in have to say to layers further out.
    pub extensions: Extensions,
}

/// What is known about the time a call took when its headers arrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// Spent waiting for a place in the pool.
    pub queued: Duration,
    /// Spent on a new connection; `None` when an open one was used.
    pub connect: Option<Duration>,
    /// From the start of the call to the response headers.
    pub first_byte: Option<Duration>,
}
