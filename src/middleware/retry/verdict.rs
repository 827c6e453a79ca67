//! Whether a failed attempt is followed by another, and when.

use std::time::Duration;

use super::{
    backoff::{asked, backoff},
    options::RetryOptions,
};

/// What is known once an attempt has failed in a way that is worth another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Retries made so far.
    pub retries: u32,
    /// The wait that the server asks for.
    pub hint: Option<Duration>,
    /// The wait before the attempt that failed.
    pub previous: Duration,
    /// Since the call began.
    pub elapsed: Duration,
    /// From 0 to below 1.
    pub random: f64,
}

/// Why there is no other attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The failure will not heal.
    Final,
    /// All retries have been made.
    Exhausted,
    /// The request's body passes only once.
    Body,
    /// The server asks for a longer wait than is allowed.
    TooLong(Duration),
    /// The call's time would be over.
    Deadline,
    /// All calls together have retried too much.
    Budget,
}

/// How long to wait for the next attempt.
pub(super) fn wait(options: &RetryOptions, moment: &Moment) -> Result<Duration, Reason> {
    let Moment { retries, hint, previous, elapsed, random } = *moment;
    if let Some(hint) = hint.filter(|hint| options.max_retry_after.is_some_and(|longest| *hint > longest)) {
        return Err(Reason::TooLong(hint));
    }
    let wait = match hint {
        Some(hint) => asked(options, hint, retries, random),
        None => backoff(options, retries, previous, random),
    };
    match options.deadline {
        Some(deadline) if elapsed.saturating_add(wait) >= deadline => Err(Reason::Deadline),
        _ => Ok(wait),
    }
}

impl Reason {
    /// What is added to the error where it does not speak for itself.
    pub fn note(self) -> Option<String> {
        match self {
            Self::Final | Self::Exhausted => None,
            Self::Body => {
                Some("not retried: the request's body is streamed, and passes only once".to_owned())
            }
            Self::TooLong(hint) => Some(format!(
                "not retried: the server asks to come back in {} ms, later than `retry.maxRetryAfter` allows",
                hint.as_millis()
            )),
            Self::Deadline => {
                Some("not retried: `retry.deadline` would pass before the next attempt".to_owned())
            }
            Self::Budget => Some("not retried: too many calls fail for their `retry.budget`".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::retry::Jitter;

    const SECOND: Duration = Duration::from_secs(1);

    const MOMENT: Moment =
        Moment { retries: 0, hint: None, previous: Duration::ZERO, elapsed: Duration::ZERO, random: 0.5 };

    fn options() -> RetryOptions {
        RetryOptions {
            base: SECOND,
            jitter: Jitter::None,
            max_retry_after: Some(10 * SECOND),
            deadline: Some(20 * SECOND),
            ..RetryOptions::default()
        }
    }

    #[test]
    fn a_hint_takes_the_place_of_the_backoff_shorter_or_longer() {
        for hint in [Duration::ZERO, SECOND / 2, 10 * SECOND] {
            assert_eq!(wait(&options(), &Moment { hint: Some(hint), ..MOMENT }), Ok(hint));
        }
        assert_eq!(wait(&options(), &MOMENT), Ok(SECOND));
    }

    #[test]
    fn a_hint_beyond_the_longest_that_is_allowed_ends_the_call() {
        let hint = 11 * SECOND;
        assert_eq!(wait(&options(), &Moment { hint: Some(hint), ..MOMENT }), Err(Reason::TooLong(hint)));
        let patient = RetryOptions { max_retry_after: None, ..options() };
        assert_eq!(wait(&patient, &Moment { hint: Some(hint), ..MOMENT }), Ok(hint));
    }

    #[test]
    fn no_wait_lasts_beyond_the_deadline() {
        let at = |seconds: u32| wait(&options(), &Moment { elapsed: seconds * SECOND, ..MOMENT });
        assert_eq!((at(18), at(19)), (Ok(SECOND), Err(Reason::Deadline)));
        let asked = Moment { hint: Some(10 * SECOND), elapsed: 10 * SECOND, ..MOMENT };
        assert_eq!(wait(&options(), &asked), Err(Reason::Deadline));
    }
}
