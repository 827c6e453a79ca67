//! A server-sent event, as the WHATWG standard dispatches it.

use std::time::Duration;

/// One dispatched event. `event` is empty where the stream named none (a browser says "message").
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// The `event:` field; empty when the block had none.
    pub event: String,
    /// The `data:` lines joined by line feeds.
    pub data: String,
    /// The last event id at the time of dispatch: it stays until the server sets another.
    pub id: String,
    /// The `retry:` field of this block.
    pub retry: Option<Duration>,
}
