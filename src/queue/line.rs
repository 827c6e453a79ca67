//! Who goes next. Pure: the clock is the caller's.
//!
//! Invariants: of two with the same priority the one who came first goes first. A priority is a head start: whoever
//! has waited for as long as the difference of two is worth is not overtaken any more, so nobody starves. The order
//! of two never changes, so it is decided once, when they come.

use std::collections::BTreeMap;

use super::priority::Priority;

/// Those who wait, in order.
pub(super) struct Line<W> {
    waiting: BTreeMap<Ticket, W>,
    next: u64,
}

/// A place in the order: when it counts as having come, then by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    came: i64,
    number: u64,
}

impl<W> Line<W> {
    pub fn new() -> Self {
        Self { waiting: BTreeMap::new(), next: 0 }
    }

    /// The place of one who comes now, in nanoseconds since some beginning.
    pub fn ticket(&mut self, now: i64, priority: Priority) -> Ticket {
        self.next += 1;
        Ticket { came: now.saturating_sub(priority.head_start()), number: self.next }
    }

    /// Whether nobody goes before this one, who may or may not be in line.
    pub fn is_first(&self, ticket: Ticket) -> bool {
        self.waiting.first_key_value().is_none_or(|(first, _)| *first >= ticket)
    }

    pub fn join(&mut self, ticket: Ticket, who: W) {
        self.waiting.insert(ticket, who);
    }

    pub fn leave(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }

    pub fn first(&self) -> Option<&W> {
        self.waiting.first_key_value().map(|(_, who)| who)
    }

    /// Those who go before this one, in order.
    pub fn ahead(&self, ticket: Ticket) -> impl Iterator<Item = &W> {
        self.waiting.range(..ticket).map(|(_, who)| who)
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEP: i64 = 10_000_000_000;

    fn priority(number: i32) -> Priority {
        Priority::new(number).unwrap()
    }

    /// The names of those in line, by when they came and with which priority.
    fn order(came: &[(i64, i32)]) -> Vec<usize> {
        let mut line = Line::new();
        for (name, (at, number)) in came.iter().enumerate() {
            let ticket = line.ticket(*at, priority(*number));
            line.join(ticket, name);
        }
        line.waiting.into_values().collect()
    }

    #[test]
    fn a_higher_priority_goes_first_and_within_one_who_came_first() {
        assert_eq!(order(&[(0, 0), (1, 10), (2, 0), (3, 10), (4, -10)]), [1, 3, 0, 2, 4]);
        assert_eq!(order(&[(5, 0), (5, 0), (5, 0)]), [0, 1, 2], "at one moment too");
    }

    #[test]
    fn whoever_has_waited_for_what_the_difference_is_worth_is_overtaken_no_more() {
        assert_eq!(order(&[(0, 0), (10 * STEP - 1, 10)]), [1, 0]);
        assert_eq!(order(&[(0, 0), (10 * STEP, 10)]), [0, 1]);
    }

    proptest! {
        #[test]
        fn nobody_is_overtaken_by_one_who_came_later_than_the_difference_is_worth(
            came in proptest::collection::vec((0..2000_i64, -100..=100_i32), 2..40)
        ) {
            let mut came = came;
            came.sort_unstable_by_key(|(second, _)| *second);
            let came: Vec<(i64, i32)> = came.into_iter().map(|(second, own)| (second * 1_000_000_000, own)).collect();
            let order = order(&came);
            for (place, early) in order.iter().enumerate() {
                for late in &order[..place] {
                    let (early, late) = (came[*early], came[*late]);
                    let worth = i64::from(late.1 - early.1) * STEP;
                    prop_assert!(late.0 - early.0 <= worth.max(0) || late.0 <= early.0);
                }
            }
        }
    }
}
