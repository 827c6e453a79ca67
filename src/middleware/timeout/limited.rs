//! A stream that ends with an error when its time is over.

use futures_util::{StreamExt, stream::unfold};
use tokio::time::{Instant, sleep_until};

use crate::{Error, body::Items};

/// The stream until this moment, and then this error; with it the stream is dropped, which ends its transfer.
pub fn limited<T: Send + 'static>(
    stream: Items<T>,
    until: Instant,
    late: impl FnOnce() -> Error + Send + 'static,
) -> Items<T> {
    let state = Some((stream, Box::pin(sleep_until(until)), late));
    Box::pin(unfold(state, move |state| async move {
        let (mut stream, mut timer, late) = state?;
        tokio::select! {
            biased;
            // First: a source that always has something would otherwise outlive its limit.
            () = timer.as_mut() => Some((Err(late()), None)),
            item = stream.next() => item.map(|item| (item, Some((stream, timer, late)))),
        }
    }))
}
