//! How far into an answer the limit reaches.

use crate::{body::Body, request::Expect};

/// Whether the limit goes on in this body once its headers are here: an answer that is wanted whole is not there
/// before its end, a stream is when it begins.
pub(super) fn reaches_into(body: &Body, expect: Expect, stream: bool) -> bool {
    match body {
        Body::Empty | Body::Full(_) => false,
        Body::Events(_) => stream,
        Body::Stream(_) => stream || !expect.streams_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_there_when_it_begins_and_anything_else_when_it_has_ended() {
        let bytes = || Body::Stream(Box::pin(futures_util::stream::empty()));
        let events = || Body::Events(Box::pin(futures_util::stream::empty()));
        for (body, expect, stream, reached) in [
            (bytes(), Expect::Whole, false, true),
            (bytes(), Expect::Auto, false, true),
            (bytes(), Expect::Bytes, false, false),
            (bytes(), Expect::Bytes, true, true),
            (events(), Expect::Auto, false, false),
            (events(), Expect::Auto, true, true),
            (Body::Full("x".into()), Expect::Whole, true, false),
        ] {
            assert_eq!(reaches_into(&body, expect, stream), reached, "{body:?} {expect:?} {stream}");
        }
    }
}
