//! What a failure says of the key that the call was sent with.

use std::time::Duration;

use crate::{Error, ErrorKind};

/// How long a key rests that was sent too often, where the server does not say.
const PAUSE: Duration = Duration::from_secs(1);

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It says nothing of the key: the failure is the caller's.
    Final,
    /// Another key may do, and this one rests for so long.
    Rests(Duration),
    /// The key's own limit would have had the call wait for so long; nothing was sent.
    Waits(Duration),
}

/// Of a failure; `longest` is how long a key rests that is refused, and the most that one ever does.
pub(super) fn verdict(error: &Error, longest: Duration) -> Verdict {
    let unsent = error.attempts() == 0;
    let hint = error.retry_after();
    match error.kind() {
        ErrorKind::QueueFull | ErrorKind::Status(429) if unsent => Verdict::Waits(hint.unwrap_or_default()),
        ErrorKind::CircuitOpen if unsent => Verdict::Rests(hint.unwrap_or_default().min(longest)),
        ErrorKind::Status(429) => Verdict::Rests(hint.unwrap_or(PAUSE).min(longest)),
        ErrorKind::Status(401 | 403) => Verdict::Rests(longest),
        _ => Verdict::Final,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Phase;

    #[test]
    fn a_key_rests_for_what_the_server_or_its_circuit_says_and_for_long_when_it_is_refused() {
        const SECOND: Duration = Duration::from_secs(1);
        let of = |kind, attempts, hint| {
            let error =
                Error::new(kind, Phase::FirstByte, "x").with_attempts(attempts).with_retry_after(hint);
            verdict(&error, 60 * SECOND)
        };
        for (kind, attempts, hint, expected) in [
            (ErrorKind::Status(401), 1, None, Verdict::Rests(60 * SECOND)),
            (ErrorKind::Status(403), 1, Some(SECOND), Verdict::Rests(60 * SECOND)),
            (ErrorKind::Status(429), 1, None, Verdict::Rests(SECOND)),
            (ErrorKind::Status(429), 1, Some(7 * SECOND), Verdict::Rests(7 * SECOND)),
            (ErrorKind::Status(429), 1, Some(700 * SECOND), Verdict::Rests(60 * SECOND)),
            (ErrorKind::CircuitOpen, 0, Some(5 * SECOND), Verdict::Rests(5 * SECOND)),
            (ErrorKind::QueueFull, 0, Some(2 * SECOND), Verdict::Waits(2 * SECOND)),
            (ErrorKind::Status(529), 1, None, Verdict::Final),
            (ErrorKind::Status(400), 1, None, Verdict::Final),
            (ErrorKind::Refused, 1, None, Verdict::Final),
            (ErrorKind::Aborted, 0, None, Verdict::Final),
        ] {
            assert_eq!(of(kind, attempts, hint), expected, "{kind:?}");
        }
    }
}
