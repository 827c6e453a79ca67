//! Judges a failed try of an exchange: whether and when another follows.

use std::time::Duration;

use crate::Error;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(2);

/// A token endpoint that asks for more patience than this has the call fail at once: somebody waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait before the next try; `None`: there is none. `tries` counts those that were made,
/// `random` is from 0 to 1.
pub(super) fn again(tries: u32, failure: &Error, max_retries: u32, random: f64) -> Option<Duration> {
    if tries > max_retries || !failure.is_retryable() {
        return None;
    }
    let backoff = FIRST.saturating_mul(1 << (tries - 1).min(16)).min(LONGEST).mul_f64(random);
    match failure.retry_after() {
        Some(asked) if asked > PATIENCE => None,
        Some(asked) => Some(asked + backoff),
        None => Some(backoff),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, Phase};

    fn failure(kind: ErrorKind) -> Error {
        Error::new(kind, Phase::Prepare, "")
    }

    #[test]
    fn the_wait_doubles_from_a_fifth_of_a_second_to_two_seconds_and_is_drawn_from_all_of_it() {
        let reset = failure(ErrorKind::Reset);
        let waits = [1, 2, 3, 4, 5, 40].map(|tries| again(tries, &reset, 40, 1.0).unwrap().as_millis());
        assert_eq!(waits, [200, 400, 800, 1600, 2000, 2000]);
        assert_eq!(again(3, &reset, 40, 0.5), Some(Duration::from_millis(400)));
        assert_eq!(again(3, &reset, 40, 0.0), Some(Duration::ZERO));
    }

    #[test]
    fn only_what_may_heal_is_tried_again_and_only_so_often() {
        for (kind, heals) in [
            (ErrorKind::Timeout, true),
            (ErrorKind::Refused, true),
            (ErrorKind::Status(503), true),
            (ErrorKind::Status(429), true),
            (ErrorKind::Status(401), false),
            (ErrorKind::Parse, false),
            (ErrorKind::Tls, false),
        ] {
            assert_eq!(again(1, &failure(kind), 2, 0.5).is_some(), heals, "{kind:?}");
        }
        let reset = failure(ErrorKind::Reset);
        assert_eq!([1, 2, 3].map(|tries| again(tries, &reset, 2, 0.5).is_some()), [true, true, false]);
        assert_eq!(again(1, &reset, 0, 0.5), None);
    }

    #[test]
    fn what_the_server_asks_for_is_waited_for_unless_it_is_too_long() {
        let asked = |seconds| {
            let busy = failure(ErrorKind::Status(429));
            again(1, &busy.with_retry_after(Some(Duration::from_secs(seconds))), 2, 0.5)
        };
        assert_eq!(asked(0), Some(Duration::from_millis(100)));
        assert_eq!(asked(5), Some(Duration::from_millis(5100)));
        assert_eq!(asked(6), None);
    }
}
