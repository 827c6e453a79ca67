//! A limit that the server's answers find: additive increase, multiplicative decrease, as TCP has it. Pure.
//!
//! Latency is no measure here unless the caller says so: how long an answer of a model takes is decided by how much
//! it writes, and a limit that follows it sinks where messages are long. What an overloaded API says counts: 429,
//! 529, 503, and calls whose time is over.
//!
//! Invariants: it stays between its least and its most. It falls once for what one limit has let in, however many
//! of those calls fail; it rises only when it is made use of.

use super::options::Adaptive;

/// The limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aimd {
    options: Adaptive,
    limit: f64,
    growth: Growth,
    /// Each decrease begins one; a call belongs to the one in which it began.
    round: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Growth {
    /// Nothing is known of the server: twice as many with each round.
    Doubling,
    /// It has been overloaded: one more with each round.
    Careful,
}

/// How a call ended, as far as it says something of how much the server can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was done.
    Done,
    /// It was too much.
    Overload,
    /// Nothing is known.
    Unknown,
}

impl Aimd {
    pub fn new(options: Adaptive) -> Self {
        let limit = number(options.initial.clamp(options.min, options.max.max(options.min)));
        Self { options, limit, growth: Growth::Doubling, round: 0 }
    }

    /// How many may be under way.
    pub fn limit(&self) -> u64 {
        whole(self.limit)
    }

    /// The round that a call which begins now belongs to.
    pub fn round(&self) -> u64 {
        self.round
    }

    /// A call has ended that began in this round, while so many were under way, it included.
    pub fn ended(&mut self, outcome: Outcome, round: u64, under_way: u64) {
        let Adaptive { min, max, backoff, .. } = self.options;
        match outcome {
            Outcome::Done if under_way.saturating_mul(2) > self.limit() => {
                self.limit += if self.growth == Growth::Doubling { 1.0 } else { 1.0 / self.limit };
            }
            Outcome::Overload if round == self.round => {
                self.limit *= backoff;
                self.growth = Growth::Careful;
                self.round += 1;
            }
            Outcome::Done | Outcome::Overload | Outcome::Unknown => {}
        }
        self.limit = self.limit.clamp(number(min), number(max.max(min)));
    }
}

#[expect(clippy::cast_precision_loss, reason = "limits stay below 2^53")]
fn number(limit: u64) -> f64 {
    limit as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two counts")]
fn whole(limit: f64) -> u64 {
    limit as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full(aimd: &mut Aimd, outcome: Outcome, calls: u64) {
        for _ in 0..calls {
            aimd.ended(outcome, aimd.round(), aimd.limit());
        }
    }

    #[test]
    fn it_doubles_with_each_round_until_the_server_has_been_overloaded_and_then_adds_one() {
        let mut aimd = Aimd::new(Adaptive::default());
        full(&mut aimd, Outcome::Done, 8);
        assert_eq!(aimd.limit(), 16);
        full(&mut aimd, Outcome::Overload, 1);
        assert_eq!(aimd.limit(), 12);
        full(&mut aimd, Outcome::Done, 13);
        assert_eq!(aimd.limit(), 13);
    }

    #[test]
    fn it_falls_once_for_all_calls_that_one_limit_has_let_in() {
        let mut aimd = Aimd::new(Adaptive { initial: 100, ..Adaptive::default() });
        for _ in 0..100 {
            aimd.ended(Outcome::Overload, 0, 100);
        }
        assert_eq!(aimd.limit(), 75);
        aimd.ended(Outcome::Overload, 1, 75);
        assert_eq!(aimd.limit(), 56);
    }

    #[test]
    fn what_is_not_made_use_of_does_not_grow() {
        let mut aimd = Aimd::new(Adaptive::default());
        for _ in 0..100 {
            aimd.ended(Outcome::Done, 0, 4);
        }
        assert_eq!(aimd.limit(), 8);
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds(
            (min, max, initial) in (1..50_u64, 1..200_u64, 1..500_u64), backoff in 0.05..0.95_f64,
            ends in proptest::collection::vec((0..3_u8, 0..5_u64, 0..300_u64), 0..300)
        ) {
            let mut aimd = Aimd::new(Adaptive { min, max, initial, backoff, slow: None });
            for (outcome, late, under_way) in ends {
                let outcome = [Outcome::Done, Outcome::Overload, Outcome::Unknown][usize::from(outcome)];
                let (before, round) = (aimd.limit(), aimd.round().saturating_sub(late));
                aimd.ended(outcome, round, under_way);
                prop_assert!((min..=max.max(min)).contains(&aimd.limit()));
                prop_assert!(aimd.limit() <= before + 1);
            }
        }
    }
}
