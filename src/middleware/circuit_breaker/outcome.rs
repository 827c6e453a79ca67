//! What the end of a call says of the server.

use super::circuit::Outcome;
use crate::{Error, ErrorKind, watch::End};

/// Of an error. What the caller has done wrong, or has given up, says nothing; nor does a limit on his own rate.
pub(super) fn of_error(error: &Error) -> Outcome {
    match error.kind() {
        ErrorKind::Status(500..=599)
        | ErrorKind::Dns
        | ErrorKind::Refused
        | ErrorKind::Tls
        | ErrorKind::Proxy
        | ErrorKind::Reset
        | ErrorKind::Connection
        | ErrorKind::Timeout
        | ErrorKind::Incomplete
        | ErrorKind::IncompleteStream
        | ErrorKind::StreamIdle
        | ErrorKind::ApiStream
        | ErrorKind::Parse
        | ErrorKind::Decode => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

/// Of an answer with this status; one that the caller judges himself may be a bad one.
pub(super) fn of_end(status: u16, end: &End<'_>) -> Outcome {
    match (end, status) {
        (End::Failed(error), _) => of_error(error),
        (End::Dropped, _) | (End::Whole(_) | End::Complete, 400..=499) => Outcome::Unknown,
        (End::Whole(_) | End::Complete, 500..) => Outcome::Failure,
        (End::Whole(_) | End::Complete, _) => Outcome::Success,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::Phase;

    #[test]
    fn what_the_server_cannot_help_does_not_count() {
        for (kind, outcome) in [
            (ErrorKind::Status(529), Outcome::Failure),
            (ErrorKind::Status(500), Outcome::Failure),
            (ErrorKind::Status(429), Outcome::Unknown),
            (ErrorKind::Status(400), Outcome::Unknown),
            (ErrorKind::Refused, Outcome::Failure),
            (ErrorKind::Timeout, Outcome::Failure),
            (ErrorKind::Aborted, Outcome::Unknown),
            (ErrorKind::Config, Outcome::Unknown),
            (ErrorKind::QueueFull, Outcome::Unknown),
            (ErrorKind::Middleware, Outcome::Unknown),
            (ErrorKind::Credential, Outcome::Unknown),
        ] {
            assert_eq!(of_error(&Error::new(kind, Phase::FirstByte, "x")), outcome, "{kind:?}");
        }
    }

    #[test]
    fn an_answer_counts_by_its_status_and_a_stream_that_was_left_not_at_all() {
        let (whole, none) = (Bytes::new(), &End::Dropped);
        for (status, outcome) in [(200, Outcome::Success), (404, Outcome::Unknown), (503, Outcome::Failure)] {
            assert_eq!(of_end(status, &End::Whole(&whole)), outcome, "{status}");
            assert_eq!(of_end(status, none), Outcome::Unknown);
        }
    }
}
