//! How much a call matters among those that wait.

use std::time::Duration;

use crate::request::{Impatient, Request};

/// How a call stands among others that wait.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standing {
    /// How much it matters.
    pub priority: Priority,
    /// It has somewhere else to go: it waits for nobody.
    pub impatient: bool,
}

impl Standing {
    /// As the call says.
    pub fn of(req: &Request) -> Self {
        let priority = req.extensions.get::<Priority>().copied().unwrap_or_default();
        Self { priority, impatient: req.extensions.get::<Impatient>().is_some() }
    }
}

/// From the least, -100, to the most, 100. It stands in the extensions of a call that has one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Priority(i32);

impl Priority {
    /// What goes before others.
    pub const HIGH: Self = Self(10);
    /// What is not said.
    pub const NORMAL: Self = Self(0);
    /// What lets others go before.
    pub const LOW: Self = Self(-10);
    /// How far from [`NORMAL`](Self::NORMAL) one may be.
    pub const MOST: i32 = 100;
    /// What one step is worth: a call goes before those of a step less that have come up to so long before it.
    pub const STEP: Duration = Duration::from_secs(10);

    /// One of this number; `None` where it is beyond [`MOST`](Self::MOST).
    pub fn new(number: i32) -> Option<Self> {
        (-Self::MOST..=Self::MOST).contains(&number).then_some(Self(number))
    }

    /// How much earlier it counts as having come, in nanoseconds.
    pub(super) fn head_start(self) -> i64 {
        i64::from(self.0).saturating_mul(i64::try_from(Self::STEP.as_nanos()).unwrap_or(i64::MAX))
    }
}
