//! Judges the age of a credential: whether it is used, replaced meanwhile, or waited for.

use std::time::Duration;

use tokio::time::Instant;

use super::options::Renewal;

/// When a credential passes from one tier to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Course {
    stale: Instant,
    late: Instant,
    expired: Instant,
}

/// What a credential is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    /// It is used.
    Fresh,
    /// It is used, and replaced in the background.
    Stale,
    /// Calls wait for the next one; should none come, it is used while it lasts.
    Late,
    /// It is of no use.
    Expired,
}

impl Course {
    /// The course of a credential that was received now; `random` is from 0 to 1. A lifetime beyond what a
    /// clock can count has no end.
    pub(super) fn plan(now: Instant, lifetime: Duration, renewal: &Renewal, random: f64) -> Option<Self> {
        let expired = now.checked_add(lifetime)?;
        let ahead = renewal.refresh_ahead.min(lifetime / 4);
        let ahead = ahead + ahead.mul_f64(renewal.jitter.clamp(0.0, 1.0) * random.clamp(0.0, 1.0));
        let wait = renewal.wait_ahead.min(lifetime / 8).min(ahead);
        Some(Self { stale: expired - ahead, late: expired - wait, expired })
    }

    /// Where it stands now.
    pub(super) fn tier(&self, now: Instant) -> Tier {
        match now {
            now if now < self.stale => Tier::Fresh,
            now if now < self.late => Tier::Stale,
            now if now < self.expired => Tier::Late,
            _ => Tier::Expired,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RENEWAL: Renewal = Renewal {
        refresh_ahead: Duration::from_secs(120),
        wait_ahead: Duration::from_secs(30),
        jitter: 0.5,
        pause: Duration::ZERO,
    };

    fn after(now: Instant, seconds: u64) -> Instant {
        now + Duration::from_secs(seconds)
    }

    #[test]
    fn an_hour_is_fresh_but_for_its_last_two_minutes_and_late_in_the_last_half_minute() {
        let now = Instant::now();
        let course = Course::plan(now, Duration::from_secs(3600), &RENEWAL, 0.0).unwrap();
        for (seconds, tier) in [
            (0, Tier::Fresh),
            (3479, Tier::Fresh),
            (3480, Tier::Stale),
            (3569, Tier::Stale),
            (3570, Tier::Late),
            (3599, Tier::Late),
            (3600, Tier::Expired),
            (u64::from(u32::MAX), Tier::Expired),
        ] {
            assert_eq!(course.tier(after(now, seconds)), tier, "after {seconds} s");
        }
    }

    #[test]
    fn jitter_only_makes_the_refresh_earlier_and_never_the_wait() {
        let now = Instant::now();
        let course = Course::plan(now, Duration::from_secs(3600), &RENEWAL, 1.0).unwrap();
        assert_eq!(course.tier(after(now, 3419)), Tier::Fresh);
        assert_eq!(course.tier(after(now, 3420)), Tier::Stale, "120 s and half of it");
        assert_eq!(course.tier(after(now, 3569)), Tier::Stale);
        assert_eq!(course.tier(after(now, 3570)), Tier::Late);
    }

    #[test]
    fn a_short_life_is_fresh_for_most_of_it_all_the_same() {
        let now = Instant::now();
        let course = Course::plan(now, Duration::from_secs(40), &RENEWAL, 0.0).unwrap();
        let tiers = [29, 30, 34, 35, 40].map(|seconds| course.tier(after(now, seconds)));
        assert_eq!(tiers, [Tier::Fresh, Tier::Stale, Tier::Stale, Tier::Late, Tier::Expired]);
    }

    #[test]
    fn without_a_lead_a_credential_is_fresh_to_its_end() {
        let now = Instant::now();
        let renewal = Renewal { refresh_ahead: Duration::ZERO, ..RENEWAL };
        let course = Course::plan(now, Duration::from_secs(40), &renewal, 1.0).unwrap();
        assert_eq!([39, 40].map(|s| course.tier(after(now, s))), [Tier::Fresh, Tier::Expired]);
    }

    #[test]
    fn a_life_beyond_the_clock_has_no_end_and_none_at_all_is_expired_at_once() {
        let now = Instant::now();
        assert_eq!(Course::plan(now, Duration::MAX, &RENEWAL, 1.0), None);
        assert_eq!(Course::plan(now, Duration::ZERO, &RENEWAL, 1.0).unwrap().tier(now), Tier::Expired);
    }

    proptest! {
        #[test]
        fn time_only_ever_leads_to_a_later_tier(
            lifetime in 0..10_000_000_u64,
            ahead in 0..10_000_000_u64,
            wait in 0..10_000_000_u64,
            jitter in 0.0..1.0,
            random in 0.0..1.0,
            mut ages in prop::collection::vec(0..12_000_000_u64, 2..20),
        ) {
            let now = Instant::now();
            let ms = Duration::from_millis;
            let renewal = Renewal { refresh_ahead: ms(ahead), wait_ahead: ms(wait), jitter, ..RENEWAL };
            let course = Course::plan(now, ms(lifetime), &renewal, random).unwrap();
            ages.sort_unstable();
            let tiers: Vec<Tier> = ages.iter().map(|age| course.tier(now + ms(*age))).collect();
            prop_assert!(tiers.is_sorted());
            for (age, tier) in ages.iter().zip(tiers) {
                prop_assert_eq!(tier == Tier::Expired, *age >= lifetime, "never used after its end, nor thrown away before");
                prop_assert!(*age * 2 >= lifetime || tier == Tier::Fresh, "half of its life it is left alone");
            }
        }
    }
}
