//! Judges a 401: whether another credential is worth one more try.

use std::time::Duration;

use super::provider::Reason;

/// What is known of the credential that a refused call was sent with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused {
    /// Which of the credentials so far it was.
    pub(super) generation: u64,
    /// Why it was asked for.
    pub(super) reason: Reason,
    /// How long ago it came.
    pub(super) age: Duration,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// There is a newer one already: the call may go out with that.
    Present,
    /// It is thrown away, and a new one asked for.
    Renew,
    /// The refusal is the caller's.
    Nothing,
}

/// Judges a refusal; `present` is the generation of the credential that is kept, `calm` how old one must be
/// that replaced a refused one itself. Without that, a server which refuses whatever it is shown would have
/// a new one fetched for every call.
pub(super) fn remedy(refused: Refused, present: Option<u64>, calm: Duration) -> Remedy {
    match present {
        Some(present) if present != refused.generation => Remedy::Present,
        _ if refused.reason == Reason::Refused && refused.age < calm => Remedy::Nothing,
        _ => Remedy::Renew,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Duration = Duration::from_secs(5);

    fn refused(generation: u64, reason: Reason, seconds: u64) -> Refused {
        Refused { generation, reason, age: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_call_that_was_sent_with_an_older_credential_takes_the_present_one() {
        assert_eq!(remedy(refused(1, Reason::Missing, 0), Some(2), CALM), Remedy::Present);
        assert_eq!(remedy(refused(1, Reason::Refused, 0), Some(2), CALM), Remedy::Present);
    }

    #[test]
    fn the_present_one_is_renewed_and_so_is_one_that_is_gone() {
        assert_eq!(remedy(refused(2, Reason::Expiring, 0), Some(2), CALM), Remedy::Renew);
        assert_eq!(remedy(refused(2, Reason::Missing, 9), None, CALM), Remedy::Renew);
    }

    #[test]
    fn what_came_in_place_of_a_refused_one_must_have_served_for_a_while() {
        assert_eq!(remedy(refused(2, Reason::Refused, 4), Some(2), CALM), Remedy::Nothing);
        assert_eq!(remedy(refused(2, Reason::Refused, 5), Some(2), CALM), Remedy::Renew);
    }
}
