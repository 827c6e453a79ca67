//! What this replica has taken ahead of the limits that all share. Pure: the clock is the caller's, in nanoseconds.
//!
//! Invariants: no more is used than was given, and not before it may be; what is not used is given back once, or
//! lost with the lease.

use std::time::Duration;

use super::{account::Dim, cost::Cost, told::Told};
use crate::store::{
    buckets::{Ask, Given, Part},
    gcra::Left,
};

/// An amount that is held for longer than so many times what it took to come is more than is needed.
const LIVES: u64 = 5;

/// What is held, and what is to be said the next time that the store is asked.
#[derive(Debug, Default)]
pub(super) struct Leases {
    holding: Holding,
    /// For how many calls the next is meant.
    appetite: u64,
    /// What calls take, on average.
    usual: [f64; 3],
    /// Used besides what was given, by the order of the limits.
    owed: Vec<i64>,
    left: Vec<Option<Left>>,
    pause: u64,
    /// How long this replica waits for one call after the other, while it has to.
    pace: u64,
    /// When all of the last one could be used.
    last: u64,
}

#[derive(Debug, Default)]
enum Holding {
    #[default]
    Nothing,
    /// The store is being asked.
    Asked,
    Held(Lease),
}

#[derive(Debug)]
struct Lease {
    need: Vec<u64>,
    amounts: Vec<u64>,
    used: Vec<u64>,
    calls: u64,
    opens: u64,
    full: u64,
    ends: u64,
}

/// What follows for a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It passes.
    Now,
    /// It is there then.
    At(u64),
    /// The store is being asked already.
    Soon,
    /// The store has to be asked for this.
    Ask(Ask),
}

impl Leases {
    /// Takes what a call costs out of what is held.
    pub fn take(&mut self, cost: &Cost, dims: &[Dim], time: Duration, now: u64) -> Taken {
        match &mut self.holding {
            Holding::Asked => return Taken::Soon,
            Holding::Nothing => {}
            Holding::Held(lease) => match lease.take(&costs(cost, dims), now) {
                Some(at) if at <= now => {
                    for (usual, cost) in self.usual.iter_mut().zip(cost.0) {
                        *usual += 0.125 * (number(cost) - *usual);
                    }
                    return Taken::Now;
                }
                Some(at) => return Taken::At(at),
                None => {}
            },
        }
        self.put_down(now);
        Taken::Ask(self.ask(cost, dims, time, now))
    }

    /// Used up in its time, the next one is twice as large; half of it unused, half as large.
    fn put_down(&mut self, now: u64) {
        let Holding::Held(lease) = std::mem::take(&mut self.holding) else { return };
        let appetite = self.appetite.max(1);
        self.appetite = match () {
            () if now < lease.ends => appetite.saturating_mul(2).min(1 << 20),
            () if lease.calls * 2 < appetite => appetite / 2,
            () => appetite,
        };
        for (place, (amount, used)) in lease.amounts.iter().zip(&lease.used).enumerate() {
            self.owe(place, signed(*used) - signed(*amount));
        }
    }

    fn ask(&mut self, cost: &Cost, dims: &[Dim], time: Duration, now: u64) -> Ask {
        self.holding = Holding::Asked;
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let usual = Cost(self.usual.map(whole));
        let fits =
            dims.iter().map(|dim| dim.rate.amount_in(time) / cost.of(dim.of).max(usual.of(dim.of)).max(1));
        let calls = fits.fold(self.appetite.max(1), u64::min).max(1);
        self.owed.resize(dims.len().max(self.owed.len()), 0);
        self.left.resize(dims.len().max(self.left.len()), None);
        let parts = dims.iter().enumerate().map(|(place, dim)| {
            let (need, usual) = (cost.of(dim.of), usual.of(dim.of).max(cost.of(dim.of)));
            Part {
                name: dim.name(),
                rate: dim.rate,
                need,
                want: need.saturating_add(usual.saturating_mul(calls - 1)),
                owed: std::mem::take(&mut self.owed[place]),
                left: self.left[place].take(),
            }
        });
        Ask {
            parts: parts.collect(),
            pause: Duration::from_nanos(std::mem::take(&mut self.pause).saturating_sub(now)),
        }
    }

    /// The store has given this.
    pub fn given(&mut self, ask: &Ask, given: Given, time: Duration, now: u64) {
        let after = |wait: Duration| now.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX));
        let life = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).saturating_mul(LIVES);
        let (opens, full) = (after(given.opens), after(given.full));
        let calls = ask.parts.iter().map(|part| part.want / part.need.max(1)).max().unwrap_or(1).max(1);
        self.pace = full.saturating_sub(self.last.max(now)) / calls;
        self.last = full;
        self.holding = Holding::Held(Lease {
            need: ask.parts.iter().map(|part| part.need).collect(),
            amounts: ask.parts.iter().map(|part| part.want).collect(),
            used: vec![0; ask.parts.len()],
            calls: 0,
            opens,
            full,
            ends: full.saturating_add(life),
        });
    }

    /// It has not: what it was to be told is told another time.
    pub fn refused(&mut self, ask: &Ask, now: u64) {
        self.holding = Holding::Nothing;
        for (place, part) in ask.parts.iter().enumerate() {
            self.owe(place, part.owed);
        }
        self.pause =
            self.pause.max(now.saturating_add(u64::try_from(ask.pause.as_nanos()).unwrap_or(u64::MAX)));
    }

    /// A call has used something else than what was taken for it.
    pub fn correct(&mut self, taken: &Cost, used: &Cost, dims: &[Dim]) {
        for (place, dim) in dims.iter().enumerate() {
            self.owe(place, signed(used.of(dim.of)) - signed(taken.of(dim.of)));
        }
    }

    /// The server has said what it has left, and until when nothing is to be sent.
    pub fn adapt(&mut self, told: &Told, dims: &[Dim], pause: u64) {
        self.left.resize(dims.len().max(self.left.len()), None);
        for (left, dim) in self.left.iter_mut().zip(dims) {
            let told = told.0[dim.of as usize].left();
            *left = match (*left, told) {
                (Some(known), Some(told)) if known.amount < told.amount => Some(known),
                (known, told) => told.or(known),
            };
        }
        self.pause = self.pause.max(pause);
    }

    fn owe(&mut self, place: usize, amount: i64) {
        if self.owed.len() <= place {
            self.owed.resize(place + 1, 0);
        }
        self.owed[place] = self.owed[place].saturating_add(amount);
    }

    /// When the last of so many calls could pass, if all goes on as it does.
    pub fn ready(&self, calls: u64, now: u64) -> u64 {
        let held = match &self.holding {
            Holding::Held(lease) => lease.left(),
            Holding::Nothing | Holding::Asked => 0,
        };
        self.last.max(now).saturating_add(self.pace.saturating_mul(calls.saturating_sub(held)))
    }

    /// Whether it would be missed.
    pub fn is_idle(&self, now: u64) -> bool {
        match &self.holding {
            Holding::Nothing => true,
            Holding::Asked => false,
            Holding::Held(lease) => lease.ends <= now,
        }
    }
}

impl Lease {
    /// For how many calls like those before it is enough.
    fn left(&self) -> u64 {
        let parts = self.need.iter().zip(&self.amounts).zip(&self.used);
        let left = parts.filter(|((need, _), _)| **need > 0);
        left.map(|((need, amount), used)| (amount - used) / need).min().unwrap_or(0)
    }

    /// When this may be used, and takes it if that is now; `None` where it is not there.
    fn take(&mut self, costs: &[u64], now: u64) -> Option<u64> {
        if now >= self.ends {
            return None;
        }
        let mut at = self.opens;
        for (place, cost) in costs.iter().enumerate().take(self.amounts.len()).filter(|(_, cost)| **cost > 0)
        {
            let (need, amount) = (self.need[place], self.amounts[place]);
            let used = self.used[place].saturating_add(*cost);
            if used > amount {
                return None;
            }
            if used > need {
                let part = u128::from(self.full - self.opens) * u128::from(used - need);
                let time = part.div_ceil(u128::from(amount - need));
                at = at.max(self.opens.saturating_add(u64::try_from(time).unwrap_or(u64::MAX)));
            }
        }
        if at <= now {
            self.calls += 1;
            for (used, cost) in self.used.iter_mut().zip(costs) {
                *used += cost;
            }
        }
        Some(at)
    }
}

fn costs(cost: &Cost, dims: &[Dim]) -> Vec<u64> {
    dims.iter().map(|dim| cost.of(dim.of)).collect()
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "what a call takes stays below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an average of counts")]
fn whole(number: f64) -> u64 {
    number.ceil() as u64
}
