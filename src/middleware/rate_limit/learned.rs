//! What calls take, learned from those that have ended. Pure.

use super::cost::{Estimate, Of};

/// Averages over the last calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Learned {
    /// Tokens that are read, to those that were estimated.
    ratio: f64,
    /// Tokens that a message has.
    output: f64,
}

/// How much of an average the last call is.
const WEIGHT: f64 = 0.125;
/// What a message is taken to have before one is known.
const FIRST_OUTPUT: f64 = 512.0;
/// One estimate that is far off, as of a prompt that is all in the cache, does not spoil those to come.
const RATIOS: std::ops::RangeInclusive<f64> = 0.25..=4.0;

impl Default for Learned {
    fn default() -> Self {
        Self { ratio: 1.0, output: FIRST_OUTPUT }
    }
}

impl Learned {
    /// What a call is taken to need. The API counts what is written, not what may be: the average is reserved, no
    /// more than the call allows.
    pub fn foresee(&self, estimate: Estimate, of: Of) -> u64 {
        match of {
            Of::Requests => 1,
            Of::InputTokens => whole(number(estimate.input) * self.ratio),
            Of::OutputTokens => estimate.max_tokens.map_or(0, |most| most.min(whole(self.output))),
        }
    }

    /// What one has needed.
    pub fn learn(&mut self, estimate: Estimate, read: u64, written: u64) {
        if estimate.input > 0 {
            let ratio = (number(read) / number(estimate.input)).clamp(*RATIOS.start(), *RATIOS.end());
            self.ratio += WEIGHT * (ratio - self.ratio);
        }
        self.output += WEIGHT * (number(written) - self.output);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of tokens stay below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an average of counts")]
fn whole(number: f64) -> u64 {
    number.ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_calls_have_taken_is_what_the_next_is_expected_to() {
        let mut learned = Learned::default();
        let call = Estimate { input: 1000, max_tokens: Some(4096) };
        assert_eq!(Of::ALL.map(|of| learned.foresee(call, of)), [1, 1000, 512]);
        for _ in 0..60 {
            learned.learn(call, 1500, 40);
        }
        assert_eq!(Of::ALL.map(|of| learned.foresee(call, of)), [1, 1500, 41]);
        assert_eq!(learned.foresee(Estimate { input: 0, max_tokens: Some(8) }, Of::OutputTokens), 8);
        assert_eq!(learned.foresee(Estimate::default(), Of::OutputTokens), 0);
        learned.learn(call, 0, 40);
        assert!(learned.foresee(call, Of::InputTokens) > 1200);
    }
}
