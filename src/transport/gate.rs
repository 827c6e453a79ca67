//! Who may go to an origin now, and on which lane; who waits, and who is turned away: pure judgement, no
//! clock, no lock.
//!
//! A lane is a pool of sockets of its own, so that the calls on it share one HTTP/2 connection. HTTP/1.1 knows
//! only the first. What holds whatever comes in whatever order (`gate_scenes.rs` tries it), if `next` is asked
//! after each step until it gives nothing more:
//!
//! 1. Nobody is let in above a limit: over HTTP/1.1 that of sockets, over HTTP/2 that of calls on a lane.
//! 2. Nobody overtakes: whoever has waited longest goes next.
//! 3. Nobody waits beside a free place, and no place is lost: while one waits, one is in that will leave.
//! 4. No stampede: a lane whose connection is being opened lets nobody in, and another is opened only for those
//!    who wait that it has no room for. While the protocol is unknown, only one connection is opened.
//! 5. No procession: where a connection cannot be opened and none is open, each tries for itself until one can.
//!    One after the other they would wait for as many time limits as there are before them.

use std::collections::BTreeMap;

/// The state of one origin. `W` is whatever wakes a request that waits.
pub(super) struct Gate<W> {
    protocol: Protocol,
    limits: Limits,
    /// What a lane begins with.
    fresh: Connection,
    lanes: Vec<Lane>,
    /// Nobody leads, for a leader could not connect.
    unreachable: bool,
    in_flight: usize,
    /// By ticket, so the first is the one that has waited longest and any can leave.
    waiting: BTreeMap<u64, W>,
    next_ticket: u64,
}

/// How many there may be; sockets and streams at least one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Sockets, or lanes.
    pub sockets: usize,
    /// Calls on one lane.
    pub streams: usize,
    /// Requests that wait though no place is free.
    pub queue: usize,
}

/// What is known of the protocol that an origin speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Nothing: the next request goes ahead and finds out, the others wait for it.
    Unknown,
    /// One request per socket.
    Http1,
    /// All requests of a lane share a socket.
    Http2,
}

#[derive(Debug)]
struct Lane {
    in_flight: usize,
    connection: Connection,
    /// How many connections were opened.
    opened: u64,
}

/// What is known of a lane's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    /// Whoever is let in opens one.
    Closed,
    /// The one who leads is opening one.
    Opening,
    /// There was one when it was last used.
    Open,
}

/// What a request that was let in holds. It is given back once, so it cannot be copied.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pass {
    lane: usize,
    role: Role,
    /// What `Lane::opened` was when it was let in, or opened one itself.
    opened: u64,
}

/// What a request that was let in has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Open the connection that others wait for.
    Leader,
    /// Nothing.
    Follower,
}

/// The answer to a request at the gate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It may go.
    In(Pass),
    /// It has to wait.
    Wait,
    /// Too many wait already.
    Full,
}

impl Pass {
    /// Which lane it goes on, from 0.
    pub fn lane(&self) -> usize {
        self.lane
    }

    /// Whether others wait for the connection that it opens.
    pub fn leads(&self) -> bool {
        self.role == Role::Leader
    }
}

impl<W> Gate<W> {
    /// Where HTTP/2 is prescribed nobody has to lead: hyper itself opens one connection for all.
    pub fn new(protocol: Protocol, limits: Limits) -> Self {
        let fresh = if protocol == Protocol::Http2 { Connection::Open } else { Connection::Closed };
        Self {
            protocol,
            limits,
            fresh,
            lanes: Vec::new(),
            unreachable: false,
            in_flight: 0,
            waiting: BTreeMap::new(),
            next_ticket: 0,
        }
    }

    /// A request comes.
    pub fn enter(&mut self) -> Entry {
        // Nobody overtakes those who wait.
        if self.waiting.is_empty()
            && let Some(pass) = self.admit(1)
        {
            return Entry::In(pass);
        }
        // Those who wait only for a connection to be opened have their places.
        let room = self.limits.queue.saturating_add(self.free());
        if self.waiting.len() < room { Entry::Wait } else { Entry::Full }
    }

    /// Lets in as many as are missing to `count` connections in use, each on a connection of its own, so that
    /// afterwards there are that many. Nobody waits longer for it: who waits, waits for one of those in use, or
    /// for one that is being opened.
    pub fn fill(&mut self, count: usize) -> Vec<Pass> {
        let missing = count.min(self.limits.sockets).saturating_sub(self.connections());
        if self.protocol != Protocol::Http2 {
            return (0..missing).map_while(|_| self.admit(1)).collect();
        }
        let unused = |number: &usize| self.lanes.get(*number).is_none_or(|lane| lane.in_flight == 0);
        let lanes: Vec<usize> = (0..).filter(unused).take(missing).collect();
        lanes.into_iter().map(|lane| self.seat(lane)).collect()
    }

    /// What is known of the protocol.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// A request that was told to wait leaves what will wake it, and gets its ticket.
    pub fn queue(&mut self, waker: W) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.insert(ticket, waker);
        ticket
    }

    /// A request no longer waits; `false` if it was let in before.
    pub fn abandon(&mut self, ticket: u64) -> bool {
        self.waiting.remove(&ticket).is_some()
    }

    /// Lets in the one that has waited longest, if there is a place.
    pub fn next(&mut self) -> Option<(Pass, W)> {
        let pass = self.admit(self.waiting.len())?;
        self.waiting.pop_first().map(|(_, waker)| (pass, waker))
    }

    /// One that was let in opens a connection, for that of its lane is gone: the others wait for the new one,
    /// unless one has been opened since it was let in. Then those that come find that one.
    pub fn opening(&mut self, pass: &mut Pass) {
        let lane = &mut self.lanes[pass.lane];
        let gone = lane.connection == Connection::Open && lane.opened == pass.opened;
        if gone && self.protocol == Protocol::Http2 {
            lane.connection = Connection::Opening;
            pass.role = Role::Leader;
        }
    }

    /// One that was let in has a connection that others can share, and it speaks this.
    pub fn learn(&mut self, pass: &mut Pass, http2: bool) {
        self.protocol = if http2 { Protocol::Http2 } else { Protocol::Http1 };
        self.unreachable = false;
        let lane = &mut self.lanes[pass.lane];
        lane.connection = Connection::Open;
        lane.opened += 1;
        pass.opened = lane.opened;
        pass.role = Role::Follower;
    }

    /// A leader could not connect.
    pub fn fail(&mut self, pass: &Pass) {
        self.unreachable |=
            self.opens(pass) && self.lanes.iter().all(|lane| lane.connection != Connection::Open);
    }

    /// A request is through. After a leader that opened nothing, the next one leads.
    pub fn leave(&mut self, pass: &Pass) {
        let opens = self.opens(pass);
        let lane = &mut self.lanes[pass.lane];
        if opens {
            lane.connection = Connection::Closed;
        }
        lane.in_flight = lane.in_flight.saturating_sub(1);
        self.in_flight = self.in_flight.saturating_sub(1);
        // Those who come later send one ahead again.
        self.unreachable &= self.in_flight > 0 || !self.waiting.is_empty();
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub fn queued(&self) -> usize {
        self.waiting.len()
    }

    /// How many connections carry the requests that are in.
    pub fn connections(&self) -> usize {
        match self.protocol {
            Protocol::Http2 => self.lanes.iter().filter(|lane| lane.in_flight > 0).count(),
            Protocol::Unknown | Protocol::Http1 => self.in_flight,
        }
    }

    /// How many more could be in.
    fn free(&self) -> usize {
        let Limits { sockets, streams, .. } = self.limits;
        let places = if self.protocol == Protocol::Http2 { sockets.saturating_mul(streams) } else { sockets };
        places.saturating_sub(self.in_flight)
    }

    /// Whether its lane waits for this one: another may have opened a connection meanwhile.
    fn opens(&self, pass: &Pass) -> bool {
        pass.leads() && self.lanes[pass.lane].opened == pass.opened
    }

    /// Lets one in of `count` that want to.
    fn admit(&mut self, count: usize) -> Option<Pass> {
        let number = match self.protocol {
            _ if count == 0 => None,
            Protocol::Unknown if !self.unreachable => (self.connection(0) == Connection::Closed).then_some(0),
            Protocol::Unknown | Protocol::Http1 => (self.in_flight < self.limits.sockets).then_some(0),
            Protocol::Http2 => self.open_lane().or_else(|| self.lane_to_open(count)),
        }?;
        Some(self.seat(number))
    }

    /// Lets one in on this lane, or on the next that there is not yet.
    fn seat(&mut self, number: usize) -> Pass {
        if number == self.lanes.len() {
            self.lanes.push(Lane { in_flight: 0, connection: self.fresh, opened: 0 });
        }
        let scouts = self.protocol != Protocol::Http1 && !self.unreachable;
        let lane = &mut self.lanes[number];
        let leads = scouts && lane.connection == Connection::Closed;
        if leads {
            lane.connection = Connection::Opening;
        }
        lane.in_flight += 1;
        self.in_flight += 1;
        let role = if leads { Role::Leader } else { Role::Follower };
        Pass { lane: number, role, opened: lane.opened }
    }

    /// The fullest of those with room: the others run empty, and their connections end.
    fn open_lane(&self) -> Option<usize> {
        let open = |lane: &Lane| self.unreachable || lane.connection == Connection::Open;
        let room = |lane: &Lane| lane.in_flight < self.limits.streams;
        let lanes = self.lanes.iter().enumerate().rev().filter(|(_, lane)| open(lane) && room(lane));
        lanes.max_by_key(|(_, lane)| lane.in_flight).map(|(number, _)| number)
    }

    /// The first that has no connection, where those that are being opened have no room for all.
    fn lane_to_open(&self, count: usize) -> Option<usize> {
        let room = |lane: &Lane| self.limits.streams.saturating_sub(lane.in_flight);
        let opening = self.lanes.iter().filter(|lane| lane.connection == Connection::Opening);
        if opening.map(room).fold(0, usize::saturating_add) >= count {
            return None;
        }
        let closed =
            self.lanes.iter().position(|lane| lane.connection == Connection::Closed && room(lane) > 0);
        closed.or_else(|| (self.lanes.len() < self.limits.sockets).then_some(self.lanes.len()))
    }

    fn connection(&self, lane: usize) -> Connection {
        self.lanes.get(lane).map_or(self.fresh, |lane| lane.connection)
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "gate_scenes.rs"]
mod scenes;
