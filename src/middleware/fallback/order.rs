//! In which order targets are tried.

use super::options::Strategy;

/// The places of the targets, the first to try first. `random` gives numbers from 0 to below 1.
pub(super) fn order(strategy: Strategy, weights: &[f64], mut random: impl FnMut() -> f64) -> Vec<usize> {
    let mut places: Vec<usize> = (0..weights.len()).collect();
    if strategy == Strategy::Weighted {
        // The first of exponential clocks that run at the speed of their weights: each next one is drawn among those
        // that are left, again by weight. One without weight never strikes, and is the last resort.
        let strikes: Vec<f64> =
            weights.iter().map(|weight| -(1.0 - random()).ln() / weight.max(0.0)).collect();
        let at =
            |place: usize| strikes.get(place).copied().filter(|at| !at.is_nan()).unwrap_or(f64::INFINITY);
        places.sort_by(|a, b| at(*a).total_cmp(&at(*b)));
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Strategy, order};
    use crate::random;

    #[test]
    fn ordered_they_come_as_they_were_given() {
        assert_eq!(order(Strategy::Ordered, &[0.0, 5.0, 1.0], || 0.9), [0, 1, 2]);
    }

    #[test]
    fn by_weight_each_is_the_first_as_often_as_it_weighs() {
        let mut firsts = [0.0; 4];
        for _ in 0..8000 {
            firsts[order(Strategy::Weighted, &[5.0, 2.0, 1.0, 0.0], random::unit)[0]] += 1.0;
        }
        for (first, share) in firsts.into_iter().zip([5.0 / 8.0, 2.0 / 8.0, 1.0 / 8.0, 0.0]) {
            assert!((first / 8000.0_f64 - share).abs() < 0.035, "{firsts:?}, six deviations at most");
        }
    }

    proptest! {
        #[test]
        fn each_is_tried_once_and_one_without_weight_last(
            weights in prop::collection::vec(prop_oneof![Just(0.0), 0.1..100.0_f64], 1..8),
            draws in prop::collection::vec(0.0..1.0_f64, 8),
        ) {
            let mut draws = draws.into_iter();
            let order = order(Strategy::Weighted, &weights, || draws.next().unwrap_or(0.0));
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..weights.len()).collect::<Vec<_>>());
            let weightless: Vec<bool> = order.iter().map(|place| weights[*place] == 0.0).collect();
            prop_assert!(weightless.is_sorted());
        }
    }
}
