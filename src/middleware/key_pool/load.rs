//! What each key has to carry, and which is the next. Pure: the clock is the caller's.
//!
//! Invariants: a call counts from when it enters until it leaves, once; a key that rests is chosen only where none is
//! left that does not; each key is chosen before any is chosen again.

use tokio::time::Instant;

/// The keys of a pool, by their places.
#[derive(Debug)]
pub(super) struct Loads {
    keys: Vec<Load>,
    turn: u64,
}

#[derive(Debug)]
struct Load {
    weight: f64,
    in_flight: u32,
    calls: u64,
    /// When it was chosen last.
    turn: u64,
    rests_until: Option<Instant>,
}

/// How a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Figures {
    pub in_flight: u32,
    pub calls: u64,
    pub rests_until: Option<Instant>,
}

impl Loads {
    /// Keys with these weights, none of which has anything to carry.
    pub fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let load = |weight| Load { weight, in_flight: 0, calls: 0, turn: 0, rests_until: None };
        Self { keys: weights.into_iter().map(load).collect(), turn: 0 }
    }

    /// The key that has least to carry for its weight among those that were not tried; ties go by turn.
    pub fn choose(&self, tried: &[usize], now: Instant) -> Option<usize> {
        let open = self.keys.iter().enumerate().filter(|(place, _)| !tried.contains(place));
        let rank = |key: &Load| {
            let rest = key.rests_until.filter(|until| *until > now);
            (rest, (f64::from(key.in_flight) + 1.0) / key.weight, key.turn)
        };
        open.min_by(|(_, a), (_, b)| {
            let ((a_rest, a_load, a_turn), (b_rest, b_load, b_turn)) = (rank(a), rank(b));
            a_rest.cmp(&b_rest).then(a_load.total_cmp(&b_load)).then(a_turn.cmp(&b_turn))
        })
        .map(|(place, _)| place)
    }

    /// A call goes out with it.
    pub fn enter(&mut self, key: usize) {
        self.turn += 1;
        let turn = self.turn;
        if let Some(load) = self.keys.get_mut(key) {
            load.in_flight = load.in_flight.saturating_add(1);
            load.calls += 1;
            load.turn = turn;
        }
    }

    /// A call that went out with it is over.
    pub fn leave(&mut self, key: usize) {
        if let Some(load) = self.keys.get_mut(key) {
            load.in_flight = load.in_flight.saturating_sub(1);
        }
    }

    /// It is passed over until this moment; `None`: no longer.
    pub fn rest(&mut self, key: usize, until: Option<Instant>) {
        if let Some(load) = self.keys.get_mut(key) {
            load.rests_until = until;
        }
    }

    /// How each does.
    pub fn figures(&self) -> impl Iterator<Item = Figures> + '_ {
        self.keys.iter().map(|load| Figures {
            in_flight: load.in_flight,
            calls: load.calls,
            rests_until: load.rests_until,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn chosen(loads: &mut Loads, now: Instant) -> usize {
        let key = loads.choose(&[], now).unwrap();
        loads.enter(key);
        key
    }

    #[test]
    fn calls_under_way_are_spread_by_weight() {
        let now = Instant::now();
        let mut loads = Loads::new([3.0, 1.0]);
        let counts = (0..40).fold([0; 2], |mut counts, _| {
            counts[chosen(&mut loads, now)] += 1;
            counts
        });
        assert_eq!(counts, [30, 10]);
    }

    #[test]
    fn equal_keys_take_turns_also_when_each_call_is_over_before_the_next() {
        let now = Instant::now();
        let mut loads = Loads::new([1.0; 3]);
        let order: Vec<usize> = (0..6)
            .map(|_| {
                let key = chosen(&mut loads, now);
                loads.leave(key);
                key
            })
            .collect();
        assert_eq!(order, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn a_key_that_rests_is_the_last_resort_and_the_one_that_rests_shortest_first() {
        let now = Instant::now();
        let later = |seconds| Some(now + Duration::from_secs(seconds));
        let mut loads = Loads::new([1.0; 3]);
        loads.rest(0, later(9));
        loads.rest(1, later(5));
        for _ in 0..3 {
            assert_eq!(chosen(&mut loads, now), 2, "however much the other has to carry");
        }
        assert_eq!((loads.choose(&[2], now), loads.choose(&[2, 1], now)), (Some(1), Some(0)));
        assert_eq!(loads.choose(&[], now + Duration::from_secs(5)), Some(1), "its rest is over");
        loads.rest(0, None);
        assert_eq!(loads.choose(&[], now), Some(0));
    }

    proptest! {
        #[test]
        fn no_call_counts_twice_and_none_is_left_over(
            weights in prop::collection::vec(0.1..10.0_f64, 1..6),
            steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 0..200),
        ) {
            let now = Instant::now();
            let mut loads = Loads::new(weights.clone());
            let mut inside: Vec<usize> = Vec::new();
            for (enters, which) in steps {
                if enters || inside.is_empty() {
                    inside.push(chosen(&mut loads, now));
                } else {
                    loads.leave(inside.swap_remove(which.index(inside.len())));
                }
                let figures: Vec<u32> = loads.figures().map(|key| key.in_flight).collect();
                for (key, count) in figures.iter().enumerate() {
                    prop_assert_eq!(usize::try_from(*count).unwrap(), inside.iter().filter(|one| **one == key).count());
                }
            }
            for key in inside {
                loads.leave(key);
            }
            prop_assert!(loads.figures().all(|key| key.in_flight == 0));
        }

        #[test]
        fn each_untried_key_is_found_until_none_is_left(count in 1..8_usize, resting in prop::collection::vec(any::<bool>(), 8)) {
            let now = Instant::now();
            let mut loads = Loads::new(vec![1.0; count]);
            for key in (0..count).filter(|key| resting[*key]) {
                loads.rest(key, Some(now + Duration::from_secs(1)));
            }
            let mut tried = Vec::new();
            while let Some(key) = loads.choose(&tried, now) {
                prop_assert!(!tried.contains(&key));
                tried.push(key);
            }
            prop_assert_eq!(tried.len(), count);
        }
    }
}
