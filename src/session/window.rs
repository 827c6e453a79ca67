//! Which turns are sent: as many of the latest as a budget of tokens allows, beginning where a conversation can.

/// What of a turn its place in the window depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// About how many tokens it takes.
    pub tokens: u64,
    /// Whether a conversation can begin with it: its first message is a user's, and answers no tool.
    pub opens: bool,
}

/// How many of the latest turns are sent. `chain` says that the new turn answers tools: then what it answers is sent,
/// back to the turn that began it, whatever the budget says, since without it the new turn means nothing.
pub fn fit(newest_first: impl Iterator<Item = Mark>, budget: u64, chain: bool) -> usize {
    let (mut sum, mut sent) = (0_u64, 0);
    for (at, mark) in newest_first.enumerate() {
        sum = sum.saturating_add(mark.tokens);
        if sum > budget && !(chain && sent == 0) {
            break;
        }
        if mark.opens {
            sent = at + 1;
        }
    }
    sent
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fitting(turns: &[(u64, bool)], budget: u64, chain: bool) -> usize {
        let marks = turns.iter().rev().map(|&(tokens, opens)| Mark { tokens, opens });
        fit(marks, budget, chain)
    }

    #[test]
    fn as_many_turns_are_sent_as_the_budget_allows() {
        let turns = [(10, true), (10, true), (10, true)];
        for (budget, sent) in [(0, 0), (9, 0), (10, 1), (29, 2), (30, 3), (u64::MAX, 3)] {
            assert_eq!(fitting(&turns, budget, false), sent, "{budget}");
        }
    }

    #[test]
    fn a_tools_result_is_never_sent_without_its_use() {
        let turns = [(10, true), (10, false), (10, false), (10, true)];
        for (budget, sent) in [(10, 1), (39, 1), (40, 4)] {
            assert_eq!(fitting(&turns, budget, false), sent, "{budget}");
        }
    }

    #[test]
    fn what_a_new_turn_answers_is_sent_whatever_the_budget_says() {
        assert_eq!(fitting(&[(10, true), (50, true), (50, false)], 20, true), 2);
        assert_eq!(fitting(&[(10, true), (50, true), (50, false)], 110, true), 3);
        assert_eq!(fitting(&[(50, false)], 20, true), 0, "its beginning was trimmed away");
    }

    proptest! {
        #[test]
        fn the_window_keeps_to_its_budget_begins_where_it_can_and_is_as_long_as_it_can_be(
            turns in prop::collection::vec((0_u64..50, any::<bool>()), 0..40),
            budget in 0_u64..500,
            chain in any::<bool>(),
        ) {
            let sent = fitting(&turns, budget, chain);
            let cost = |count: usize| turns[turns.len() - count..].iter().map(|turn| turn.0).sum::<u64>();
            let opens = |count: usize| count == 0 || turns[turns.len() - count].1;
            prop_assert!(opens(sent));
            let shortest = (1..=turns.len()).find(|count| opens(*count));
            prop_assert!(cost(sent) <= budget || (chain && Some(sent) == shortest));
            for longer in sent + 1..=turns.len() {
                prop_assert!(!opens(longer) || cost(longer) > budget);
            }
            prop_assert!(!chain || sent > 0 || shortest.is_none());
        }
    }
}
