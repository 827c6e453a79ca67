//! Days of UTC: pure.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const LENGTH: u64 = 24 * 60 * 60;

/// A day, counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day(pub u64);

impl Day {
    pub fn at(now: SystemTime) -> Self {
        Self(now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / LENGTH)
    }

    /// How much of it is left.
    pub fn left(self, now: SystemTime) -> Duration {
        let end = UNIX_EPOCH + Duration::from_secs((self.0 + 1) * LENGTH);
        end.duration_since(now).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_and_the_next_one_begins_there() {
        let last = UNIX_EPOCH + Duration::from_secs(2 * LENGTH - 1);
        assert_eq!((Day::at(last), Day::at(last).left(last)), (Day(1), Duration::from_secs(1)));
        assert_eq!(Day::at(last + Duration::from_secs(1)), Day(2));
    }
}
