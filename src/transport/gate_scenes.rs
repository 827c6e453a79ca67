//! What a gate promises, whatever comes in whatever order.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

/// One thing that may happen; a number picks one of those whom it may happen to.
#[derive(Debug, Clone, Copy)]
enum Step {
    Come,
    /// So many connections are wanted.
    Fill(usize),
    GiveUp(usize),
    Leave(usize),
    /// Could not connect, and leaves.
    Fail(usize),
    Open(usize),
    /// Opened, and speaks HTTP/2.
    Opened(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let whom = 0..64_usize;
    prop_oneof![
        6 => Just(Step::Come),
        1 => (1..6_usize).prop_map(Step::Fill),
        1 => whom.clone().prop_map(Step::GiveUp),
        3 => whom.clone().prop_map(Step::Leave),
        1 => whom.clone().prop_map(Step::Fail),
        1 => whom.clone().prop_map(Step::Open),
        // A server that changes its mind is rare.
        2 => (whom, proptest::bool::weighted(0.9)).prop_map(|(whom, http2)| Step::Opened(whom, http2)),
    ]
}

/// A gate and everyone at it.
struct Scene {
    gate: Gate<u32>,
    inside: Vec<Pass>,
    /// In the order in which they came, with their tickets.
    waiting: VecDeque<(u64, u32)>,
    came: u32,
}

impl Scene {
    fn new(protocol: Protocol, limits: Limits) -> Self {
        Self { gate: Gate::new(protocol, limits), inside: Vec::new(), waiting: VecDeque::new(), came: 0 }
    }

    fn take(&mut self, step: Step) {
        let one_of = |count: usize, whom: usize| (count > 0).then(|| whom % count);
        match step {
            Step::Come => self.come(),
            Step::Fill(count) => self.fill(count),
            Step::GiveUp(whom) => {
                let Some(whom) = one_of(self.waiting.len(), whom) else { return };
                let (ticket, _) = self.waiting.remove(whom).unwrap();
                assert!(self.gate.abandon(ticket));
            }
            Step::Leave(whom) => {
                let Some(whom) = one_of(self.inside.len(), whom) else { return };
                self.gate.leave(&self.inside.swap_remove(whom));
            }
            Step::Fail(whom) => {
                let Some(whom) = one_of(self.inside.len(), whom) else { return };
                let pass = self.inside.swap_remove(whom);
                self.gate.fail(&pass);
                self.gate.leave(&pass);
            }
            Step::Open(whom) => {
                let Some(whom) = one_of(self.inside.len(), whom) else { return };
                self.gate.opening(&mut self.inside[whom]);
            }
            Step::Opened(whom, http2) => {
                let Some(whom) = one_of(self.inside.len(), whom) else { return };
                self.gate.learn(&mut self.inside[whom], http2);
            }
        }
        self.let_in();
        self.check();
    }

    fn come(&mut self) {
        self.came += 1;
        match self.gate.enter() {
            Entry::In(pass) => {
                assert!(self.waiting.is_empty(), "it overtook those who wait");
                self.welcome(pass);
            }
            Entry::Wait => self.waiting.push_back((self.gate.queue(self.came), self.came)),
            Entry::Full => assert!(self.waiting.len() >= self.gate.limits.queue),
        }
    }

    fn fill(&mut self, count: usize) {
        let passes = self.gate.fill(count);
        for pass in passes {
            let sharing = self.inside.iter().any(|other| other.lane == pass.lane);
            assert!(self.gate.protocol != Protocol::Http2 || !sharing, "two on one connection");
            self.keeps_limits(&pass);
            self.inside.push(pass);
        }
        let wanted =
            if self.gate.protocol == Protocol::Unknown { 1 } else { count.min(self.gate.limits.sockets) };
        assert!(self.gate.connections() >= wanted, "some are missing");
    }

    fn let_in(&mut self) {
        while let Some((pass, who)) = self.gate.next() {
            assert_eq!(self.waiting.pop_front().map(|(_, first)| first), Some(who), "it overtook");
            self.welcome(pass);
        }
    }

    /// Whoever is let in keeps to the limits, and leads only where no connection has room or soon will.
    fn welcome(&mut self, pass: Pass) {
        self.keeps_limits(&pass);
        if pass.leads() {
            assert!(!self.gate.unreachable, "it goes ahead where each tries for itself");
            let others = |number: usize| number != pass.lane;
            assert!(!self.has_room(others), "a connection was opened beside one that has room");
            assert!(self.room_soon(others) <= self.waiting.len(), "one too many was opened");
        }
        self.inside.push(pass);
    }

    fn keeps_limits(&self, pass: &Pass) {
        let Gate { protocol, limits, lanes, in_flight, .. } = &self.gate;
        if *protocol == Protocol::Http2 {
            assert!(lanes[pass.lane].in_flight <= limits.streams, "too many on a lane");
            assert!(lanes.len() <= limits.sockets, "too many lanes");
        } else {
            assert!(*in_flight <= limits.sockets, "too many sockets");
        }
    }

    fn lanes(&self, connection: Connection) -> impl Iterator<Item = (usize, usize)> {
        let lanes = self.gate.lanes.iter().enumerate().filter(move |(_, lane)| lane.connection == connection);
        lanes.map(|(number, lane)| (number, self.gate.limits.streams.saturating_sub(lane.in_flight)))
    }

    fn has_room(&self, which: impl Fn(usize) -> bool) -> bool {
        self.lanes(Connection::Open).any(|(number, room)| which(number) && room > 0)
    }

    fn room_soon(&self, which: impl Fn(usize) -> bool) -> usize {
        self.lanes(Connection::Opening).filter(|(number, _)| which(*number)).map(|(_, room)| room).sum()
    }

    fn check(&self) {
        let Gate { protocol, limits, lanes, .. } = &self.gate;
        assert_eq!((self.gate.in_flight(), self.gate.queued()), (self.inside.len(), self.waiting.len()));
        for (number, lane) in lanes.iter().enumerate() {
            let on_it = || self.inside.iter().filter(|pass| pass.lane == number);
            assert_eq!(lane.in_flight, on_it().count());
            let leaders = on_it().filter(|pass| pass.leads() && pass.opened == lane.opened).count();
            assert_eq!(leaders, usize::from(lane.connection == Connection::Opening), "who opens {number}?");
        }
        if self.waiting.is_empty() {
            return;
        }
        assert!(!self.inside.is_empty(), "nobody is in, and yet some wait");
        let all_are_in = self.inside.len() >= limits.sockets;
        match protocol {
            Protocol::Unknown => {
                assert!(all_are_in || !self.gate.unreachable, "one waits for another's attempt");
            }
            Protocol::Http1 => assert!(all_are_in, "a socket is free"),
            Protocol::Http2 => {
                assert!(!self.has_room(|_| true), "a lane has room");
                let closed = self.lanes(Connection::Closed).any(|(_, room)| room > 0);
                let can_open = closed || lanes.len() < limits.sockets;
                let soon = self.room_soon(|_| true);
                assert!(soon >= self.waiting.len() || !can_open, "too few are opened");
                assert!(
                    !self.gate.unreachable || (soon == 0 && !can_open),
                    "one waits for another's attempt"
                );
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_limits_hold_nobody_overtakes_and_everyone_is_let_in_at_last(
        protocol in prop_oneof![Just(Protocol::Unknown), Just(Protocol::Http1), Just(Protocol::Http2)],
        (sockets, streams, queue) in (1..4_usize, 1..4_usize, 0..12_usize),
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut scene = Scene::new(protocol, Limits { sockets, streams, queue });
        for step in steps {
            scene.take(step);
        }
        // One after the other leaves, a leader without having opened anything.
        while !scene.inside.is_empty() {
            scene.take(Step::Leave(0));
        }
        prop_assert!(scene.waiting.is_empty());
        prop_assert!(scene.gate.lanes.iter().all(|lane| lane.connection != Connection::Opening));
        prop_assert_eq!((scene.gate.in_flight(), scene.gate.queued(), scene.gate.connections()), (0, 0, 0));
    }
}
