//! The limits of one partition, as far as this process counts them. Pure: the clock is the caller's, in nanoseconds.

use std::time::Duration;

use super::{
    cost::{Cost, Of},
    options::Amounts,
    told::Told,
};
use crate::store::gcra::{Gcra, Left, Rate};

/// One limit.
#[derive(Debug, Clone)]
pub(super) struct Dim {
    pub of: Of,
    pub rate: Rate,
    bucket: Gcra,
    /// What was set, which what the server says never exceeds; without it the limit is the server's own.
    set: Option<u64>,
    burst: f64,
}

/// The interval of the API's own limits.
const MINUTE: Duration = Duration::from_secs(60);

impl Dim {
    fn new(of: Of, limit: u64, set: Option<u64>, interval: Duration, burst: f64) -> Self {
        let rate = Rate { limit, interval, burst: share(limit, burst) };
        Self { of, rate, bucket: Gcra::default(), set, burst }
    }

    /// Its name in a store.
    pub fn name(&self) -> String {
        format!("{}/{}", self.of.name(), self.rate.interval.as_millis())
    }

    fn limited_to(&mut self, limit: u64) {
        let limit = self.set.map_or(limit, |set| set.min(limit));
        self.rate = Rate { limit, burst: share(limit, self.burst), ..self.rate };
    }
}

/// The limits, and until when nothing passes.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub dims: Vec<Dim>,
    paused: u64,
}

impl Account {
    pub fn new(limits: &[Amounts]) -> Self {
        let dims = limits.iter().flat_map(|amounts| {
            let Amounts { requests, input_tokens, output_tokens, interval, burst } = *amounts;
            let given = Of::ALL.into_iter().zip([requests, input_tokens, output_tokens]);
            given.filter_map(move |(of, limit)| Some(Dim::new(of, limit?, limit, interval, burst)))
        });
        Self { dims: dims.collect(), paused: 0 }
    }

    /// Whether tokens matter.
    pub fn counts_tokens(&self) -> bool {
        self.dims.iter().any(|dim| dim.of != Of::Requests)
    }

    /// Takes all that a call costs, or nothing; then it says when that would be there.
    pub fn take(&mut self, cost: &Cost, now: u64) -> Result<(), u64> {
        let ready = self.ready(&[*cost]);
        if ready > now {
            return Err(ready);
        }
        for dim in &mut self.dims {
            dim.bucket.take(&dim.rate, cost.of(dim.of), now);
        }
        Ok(())
    }

    /// From when on the last of these could pass, one after the other.
    pub fn ready(&self, costs: &[Cost]) -> u64 {
        let last = costs.last().copied().unwrap_or_default();
        // What takes nothing of a limit does not wait for it.
        let dims = self.dims.iter().filter(|dim| last.of(dim.of) > 0);
        let ready = dims.map(|dim| {
            let all = costs.iter().fold(0_u64, |all, cost| all.saturating_add(cost.of(dim.of)));
            dim.bucket.ready(&dim.rate, all, last.of(dim.of))
        });
        ready.fold(self.paused, u64::max)
    }

    /// A call has used something else than what was taken for it.
    pub fn correct(&mut self, taken: &Cost, used: &Cost, now: u64) {
        for dim in &mut self.dims {
            let (taken, used) = (taken.of(dim.of), used.of(dim.of));
            if used < taken {
                dim.bucket.give_back(&dim.rate, taken - used);
            } else {
                dim.bucket.take(&dim.rate, used - taken, now);
            }
        }
    }

    /// Nothing passes until then.
    pub fn pause(&mut self, until: u64) {
        self.paused = self.paused.max(until);
    }

    pub fn paused(&self) -> u64 {
        self.paused
    }

    /// The server has said what its limits are. A limit that nobody has set is then the server's.
    pub fn adapt(&mut self, told: &Told, now: u64) {
        for (of, told) in Of::ALL.into_iter().zip(told.0) {
            if let Some(limit) = told.limit {
                if !self.dims.iter().any(|dim| dim.of == of) {
                    self.dims.push(Dim::new(of, limit, None, MINUTE, 1.0));
                }
                for dim in self.dims.iter_mut().filter(|dim| dim.of == of && dim.rate.interval == MINUTE) {
                    dim.limited_to(limit);
                }
            }
            if let Some(left) = told.left() {
                for dim in self.dims.iter_mut().filter(|dim| dim.of == of) {
                    dim.bucket.leave(&dim.rate, left, now);
                }
            }
        }
    }

    /// Whether nothing has happened that would be missed.
    pub fn is_idle(&self, now: u64) -> bool {
        self.paused <= now && self.dims.iter().all(|dim| dim.bucket.is_full(now))
    }
}

impl super::told::OfOne {
    /// What is left, as buckets take it.
    pub fn left(&self) -> Option<Left> {
        let back_in = self.reset.map(|reset| u64::try_from(reset.as_nanos()).unwrap_or(u64::MAX));
        Some(Left { amount: self.left?, back_in })
    }
}

/// At least one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a count, from 0 to 1"
)]
fn share(limit: u64, share: f64) -> u64 {
    ((limit as f64 * share) as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn account() -> Account {
        let amounts = Amounts { requests: Some(60), input_tokens: Some(6000), ..Amounts::default() };
        Account::new(&[amounts, Amounts { requests: Some(10), interval: MINUTE * 60, burst: 1.0, ..amounts }])
    }

    fn cost(input: u64) -> Cost {
        Cost([1, input, 0])
    }

    #[test]
    fn a_call_passes_when_all_of_its_limits_let_it_and_takes_nothing_before() {
        let mut account = account();
        let now = 100 * SECOND;
        assert_eq!(account.take(&cost(600), now), Ok(()));
        assert_eq!(account.take(&cost(100), now), Err(now + SECOND), "tokens are missing");
        assert_eq!(account.take(&cost(0), now), Ok(()), "no request was taken, nor does it wait for tokens");
        let account = &mut account;
        for at in 2..10 {
            assert_eq!(account.take(&cost(0), now + at * SECOND), Ok(()));
        }
        assert_eq!(account.take(&cost(0), now + 20 * SECOND), Err(now + 360 * SECOND), "ten in an hour");
    }

    #[test]
    fn what_was_used_is_what_counts() {
        let mut account = account();
        let now = 100 * SECOND;
        account.take(&cost(600), now).unwrap();
        account.correct(&cost(600), &cost(100), now);
        assert_eq!(account.take(&cost(500), now), Ok(()));
        account.correct(&cost(500), &cost(1500), now);
        assert_eq!(account.take(&cost(600), now), Err(now + 16 * SECOND));
    }

    #[test]
    fn a_limit_of_the_servers_is_obeyed_where_it_is_lower_and_where_there_is_none() {
        let told = |requests, left| {
            let limit = |limit, left| super::super::told::OfOne { limit, left, reset: None };
            Told([limit(requests, left), limit(None, None), limit(Some(60_000), Some(100))])
        };
        let mut account = account();
        let now = 100 * SECOND;
        account.adapt(&told(Some(30), None), now);
        let limits =
            |account: &Account| -> Vec<u64> { account.dims.iter().map(|dim| dim.rate.limit).collect() };
        assert_eq!(limits(&account), [30, 6000, 10, 6000, 60_000]);
        account.adapt(&told(Some(1000), Some(0)), now);
        assert_eq!(limits(&account), [60, 6000, 10, 6000, 60_000], "never more than what was set");
        assert_eq!(
            account.ready(&[cost(0)]),
            now + 360 * SECOND,
            "none is left of the ten in an hour either"
        );
        assert_eq!(account.ready(&[Cost([0, 0, 300])]), now + SECOND / 5);
        account.pause(now + 5 * SECOND);
        assert_eq!(account.ready(&[Cost([0, 0, 1])]), now + 5 * SECOND);
        assert!(!account.is_idle(now));
    }
}
