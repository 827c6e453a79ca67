//! What the end of a call says of how much the server can do.

use super::aimd::Outcome;
use crate::{Error, ErrorKind, Phase, watch::End};

/// Of an error.
pub(super) fn of_error(error: &Error) -> Outcome {
    match (error.kind(), error.phase()) {
        (ErrorKind::Status(status), _) => of_status(status),
        // It was waited for here, and not by the server.
        (ErrorKind::Timeout, Phase::Queue) => Outcome::Unknown,
        (ErrorKind::Timeout | ErrorKind::StreamIdle, _) => Outcome::Overload,
        _ => Outcome::Unknown,
    }
}

/// Of an answer with this status.
pub(super) fn of_end(status: u16, end: &End<'_>) -> Outcome {
    match end {
        End::Failed(error) => of_error(error),
        End::Dropped => Outcome::Unknown,
        End::Whole(_) | End::Complete => of_status(status),
    }
}

fn of_status(status: u16) -> Outcome {
    match status {
        429 | 503 | 529 => Outcome::Overload,
        // A server that fails for another reason does not say that it could do more.
        500.. => Outcome::Unknown,
        _ => Outcome::Done,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn an_overload_is_what_a_server_says_it_is_or_a_time_that_is_over() {
        let error = |kind, phase| of_error(&Error::new(kind, phase, "x"));
        assert_eq!(error(ErrorKind::Status(529), Phase::FirstByte), Outcome::Overload);
        assert_eq!(error(ErrorKind::Status(400), Phase::FirstByte), Outcome::Done);
        assert_eq!(error(ErrorKind::Timeout, Phase::FirstByte), Outcome::Overload);
        assert_eq!(error(ErrorKind::Timeout, Phase::Queue), Outcome::Unknown);
        assert_eq!(error(ErrorKind::Reset, Phase::Body), Outcome::Unknown);
        let whole = Bytes::new();
        for (status, outcome) in
            [(200, Outcome::Done), (404, Outcome::Done), (429, Outcome::Overload), (500, Outcome::Unknown)]
        {
            assert_eq!(of_end(status, &End::Whole(&whole)), outcome, "{status}");
        }
        assert_eq!(of_end(200, &End::Dropped), Outcome::Unknown);
    }
}
