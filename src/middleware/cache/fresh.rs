//! Whether an answer of this age may still be given.

use std::time::Duration;

/// What may be done with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// It is given.
    Fresh,
    /// It is given, while another is fetched.
    Revalidate,
    /// It is given where the server fails.
    OnError,
    /// It is not given any more.
    Over,
}

/// For how long after its time an answer may still be given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grace {
    pub(super) while_revalidate: Duration,
    pub(super) if_error: Duration,
}

impl Grace {
    pub(super) fn longest(self) -> Duration {
        self.while_revalidate.max(self.if_error)
    }

    /// Of an answer of this age, which is fresh for so long.
    pub(super) fn judge(self, age: Duration, ttl: Duration) -> Freshness {
        let Some(late) = age.checked_sub(ttl).filter(|_| age >= ttl) else { return Freshness::Fresh };
        if late < self.while_revalidate {
            Freshness::Revalidate
        } else if late < self.if_error {
            Freshness::OnError
        } else {
            Freshness::Over
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_fresh_until_its_time_and_then_given_as_long_as_the_options_say() {
        let grace = Grace { while_revalidate: Duration::from_secs(10), if_error: Duration::from_secs(60) };
        let judge = |age| grace.judge(Duration::from_secs(age), Duration::from_secs(5));
        for (age, expected) in [
            (0, Freshness::Fresh),
            (4, Freshness::Fresh),
            (5, Freshness::Revalidate),
            (14, Freshness::Revalidate),
            (15, Freshness::OnError),
            (64, Freshness::OnError),
            (65, Freshness::Over),
        ] {
            assert_eq!(judge(age), expected, "{age} s");
        }
        let none = Grace { while_revalidate: Duration::ZERO, if_error: Duration::ZERO };
        assert_eq!(none.judge(Duration::ZERO, Duration::ZERO), Freshness::Over);
    }
}
