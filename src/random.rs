//! Chance, where it need not withstand an attacker: jitter, and names that should not come twice.

use std::hash::{BuildHasher, RandomState};

/// 64 bits. The standard library keys each of these hashers anew, from the system's randomness.
pub fn bits() -> u64 {
    RandomState::new().hash_one(0)
}

/// From 0 to just below 1.
#[expect(clippy::cast_precision_loss, reason = "as many bits as fit")]
pub fn unit() -> f64 {
    (bits() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_spread_over_the_whole_range_and_do_not_come_twice() {
        let mut drawn: Vec<f64> = (0..1000).map(|_| unit()).collect();
        assert!(drawn.iter().all(|number| (0.0..1.0).contains(number)));
        drawn.sort_by(f64::total_cmp);
        drawn.dedup();
        assert_eq!(drawn.len(), 1000);
        let share = |from: f64, to: f64| drawn.iter().filter(|n| (from..to).contains(*n)).count();
        for tenth in 0..10_u8 {
            let from = f64::from(tenth) / 10.0;
            assert!(share(from, from + 0.1) > 40, "a tenth of 1000, give or take six deviations");
        }
    }
}
