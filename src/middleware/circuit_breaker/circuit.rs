//! One circuit: whether a call may pass, and what follows from how it ended. Pure: the clock is the caller's.
//!
//! Invariants: it opens only by failures; no more calls are on trial than it allows; a call that ends counts for
//! the turn in which it began, so that one from before cannot close or open what has changed since.

use std::time::Duration;

use tokio::time::Instant;

use super::{options::CircuitBreakerOptions, window::Window};

/// A circuit.
#[derive(Debug)]
pub(super) struct Circuit {
    options: CircuitBreakerOptions,
    state: State,
    /// Each change of state begins one.
    turn: u64,
    /// How often it has opened since it was last closed.
    opened: u32,
}

#[derive(Debug)]
enum State {
    Closed(Window),
    Open {
        until: Instant,
    },
    /// So many are on trial, so many have succeeded.
    HalfOpen {
        trying: u32,
        succeeded: u32,
    },
}

/// A call that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    turn: u64,
}

/// How a call ended, as far as it says something of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The server does its work.
    Success,
    /// It does not.
    Failure,
    /// Nothing is known: the caller's fault, or his wish.
    Unknown,
}

impl Circuit {
    /// A closed one.
    pub fn new(options: CircuitBreakerOptions, now: Instant) -> Self {
        Self { state: State::Closed(Window::new(options.window, now)), options, turn: 0, opened: 0 }
    }

    /// Whether a call may pass; if not, how long it would have to wait for the next trial.
    pub fn enter(&mut self, now: Instant) -> Result<Ticket, Duration> {
        if let State::Open { until } = self.state {
            if now < until {
                return Err(until - now);
            }
            self.become_(State::HalfOpen { trying: 0, succeeded: 0 });
        }
        if let State::HalfOpen { trying, succeeded } = &mut self.state {
            if *trying + *succeeded >= self.options.trials {
                return Err(Duration::ZERO);
            }
            *trying += 1;
        }
        Ok(Ticket { turn: self.turn })
    }

    /// A call that was let through has ended.
    pub fn leave(&mut self, ticket: Ticket, outcome: Outcome, now: Instant) {
        if ticket.turn != self.turn {
            return;
        }
        match (&mut self.state, outcome) {
            (State::Closed(_) | State::Open { .. }, Outcome::Unknown) | (State::Open { .. }, _) => {}
            (State::Closed(window), outcome) => {
                window.count(outcome == Outcome::Success, now);
                let counts = window.counts(now);
                if outcome == Outcome::Failure
                    && counts.all() >= self.options.min_calls
                    && counts.failure_share() >= self.options.failure_share
                {
                    self.open(now);
                }
            }
            (State::HalfOpen { trying, .. }, Outcome::Unknown) => *trying -= 1,
            (State::HalfOpen { .. }, Outcome::Failure) => self.open(now),
            (State::HalfOpen { trying, succeeded }, Outcome::Success) => {
                *trying -= 1;
                *succeeded += 1;
                if *succeeded >= self.options.trials {
                    self.opened = 0;
                    self.become_(State::Closed(Window::new(self.options.window, now)));
                }
            }
        }
    }

    /// What it is now: an open one whose time is over waits for its next call.
    pub fn state(&self, now: Instant) -> &'static str {
        match self.state {
            State::Closed(_) => "closed",
            State::Open { until } if now < until => "open",
            State::Open { .. } | State::HalfOpen { .. } => "half-open",
        }
    }

    /// Whether nothing has happened that would be missed.
    pub fn is_idle(&mut self, now: Instant) -> bool {
        match &mut self.state {
            State::Closed(window) => window.counts(now).all() == 0,
            State::Open { .. } | State::HalfOpen { .. } => false,
        }
    }

    fn open(&mut self, now: Instant) {
        let factor = 2_u32.saturating_pow(self.opened);
        let open = self.options.open.saturating_mul(factor).min(self.options.max_open);
        self.opened = self.opened.saturating_add(1);
        self.become_(State::Open { until: now + open });
    }

    fn become_(&mut self, state: State) {
        self.turn += 1;
        self.state = state;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn options() -> CircuitBreakerOptions {
        CircuitBreakerOptions { min_calls: 4, trials: 2, ..CircuitBreakerOptions::default() }
    }

    fn ended(circuit: &mut Circuit, outcome: Outcome, now: Instant) {
        let ticket = circuit.enter(now).unwrap();
        circuit.leave(ticket, outcome, now);
    }

    /// One that has just opened.
    fn open(now: Instant) -> Circuit {
        let mut circuit = Circuit::new(options(), now);
        for _ in 0..4 {
            ended(&mut circuit, Outcome::Failure, now);
        }
        circuit
    }

    #[test]
    fn it_opens_when_enough_calls_have_ended_and_enough_of_them_failed() {
        let now = Instant::now();
        let mut circuit = Circuit::new(options(), now);
        for outcome in [Outcome::Failure, Outcome::Failure, Outcome::Unknown, Outcome::Success] {
            ended(&mut circuit, outcome, now);
        }
        assert!(circuit.enter(now).is_ok(), "three calls say nothing yet");
        ended(&mut circuit, Outcome::Success, now);
        ended(&mut circuit, Outcome::Success, now);
        assert!(circuit.enter(now).is_ok(), "two of five are no half");
        ended(&mut circuit, Outcome::Failure, now);
        assert_eq!(circuit.enter(now), Err(5 * SECOND));
    }

    #[test]
    fn failures_that_have_slid_out_of_the_window_do_not_open_it() {
        let start = Instant::now();
        let mut circuit = Circuit::new(options(), start);
        for second in 0..20 {
            ended(&mut circuit, Outcome::Failure, start + second * 15 * SECOND);
        }
    }

    #[test]
    fn after_its_time_so_many_are_let_through_on_trial_and_their_success_closes_it() {
        let start = Instant::now();
        let mut circuit = open(start);
        let later = start + 5 * SECOND;
        let trials = [circuit.enter(later).unwrap(), circuit.enter(later).unwrap()];
        assert_eq!(circuit.enter(later), Err(Duration::ZERO));
        circuit.leave(trials[0], Outcome::Success, later);
        assert_eq!(circuit.enter(later), Err(Duration::ZERO), "one more would be more than were asked for");
        circuit.leave(trials[1], Outcome::Unknown, later);
        ended(&mut circuit, Outcome::Success, later);
        ended(&mut circuit, Outcome::Failure, later);
        assert!(circuit.enter(later).is_ok(), "closed, it has forgotten what opened it");
    }

    #[test]
    fn a_trial_that_fails_opens_it_for_twice_as_long_up_to_a_limit() {
        let mut now = Instant::now();
        let mut circuit = open(now);
        for seconds in [5, 10, 20, 40, 60, 60] {
            assert_eq!(circuit.enter(now), Err(seconds * SECOND));
            now += seconds * SECOND;
            ended(&mut circuit, Outcome::Failure, now);
        }
    }

    #[test]
    fn a_call_from_before_changes_nothing_that_came_after() {
        let start = Instant::now();
        let mut circuit = Circuit::new(options(), start);
        let early = circuit.enter(start).unwrap();
        for _ in 0..4 {
            ended(&mut circuit, Outcome::Failure, start);
        }
        let later = start + 5 * SECOND;
        circuit.leave(early, Outcome::Success, later);
        let trial = circuit.enter(later).unwrap();
        circuit.leave(early, Outcome::Failure, later);
        circuit.leave(trial, Outcome::Success, later);
        ended(&mut circuit, Outcome::Success, later);
        assert!(circuit.enter(later).is_ok());
    }

    proptest! {
        #[test]
        fn whatever_happens_no_more_are_on_trial_than_allowed_and_it_never_stays_shut(
            steps in proptest::collection::vec((0..3_u8, 0..3_u8, 0..8_u64), 1..200)
        ) {
            let mut now = Instant::now();
            let mut circuit = Circuit::new(options(), now);
            let mut inside: Vec<Ticket> = Vec::new();
            for (what, outcome, wait) in steps {
                now += Duration::from_secs(wait);
                if what == 0 && !inside.is_empty() {
                    let outcome = [Outcome::Success, Outcome::Failure, Outcome::Unknown][usize::from(outcome)];
                    circuit.leave(inside.remove(0), outcome, now);
                } else if let Ok(ticket) = circuit.enter(now) {
                    inside.push(ticket);
                }
                if let State::HalfOpen { trying, succeeded } = circuit.state {
                    prop_assert!(trying + succeeded <= 2);
                }
            }
            for ticket in inside {
                circuit.leave(ticket, Outcome::Unknown, now);
            }
            prop_assert!(circuit.enter(now + Duration::from_secs(61)).is_ok());
        }
    }
}
