//! Who may go to an origin now, who waits, and who is turned away: pure judgement, no clock, no lock.

use std::collections::BTreeMap;

/// The state of one origin. `W` is whatever wakes a request that waits.
pub(super) struct Gate<W> {
    protocol: Protocol,
    in_flight: usize,
    /// By ticket, so the first is the one that has waited longest and any can leave.
    waiting: BTreeMap<u64, W>,
    next_ticket: u64,
    max_sockets: usize,
    queue_limit: usize,
}

/// What is known of the protocol that an origin speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Nothing: the next request goes ahead and finds out.
    Unknown,
    /// One request is connecting; the others wait to see whether they can share its connection.
    Probing,
    /// One request per socket.
    Http1,
    /// All requests share a socket.
    Http2,
}

/// What a request that was let in has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Tell the protocol once it has connected.
    Leader,
    /// Nothing.
    Follower,
}

/// The answer to a request at the gate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It may go.
    In(Role),
    /// It has to wait.
    Wait,
    /// Too many wait already.
    Full,
}

impl<W> Gate<W> {
    pub fn new(protocol: Protocol, max_sockets: usize, queue_limit: usize) -> Self {
        Self { protocol, in_flight: 0, waiting: BTreeMap::new(), next_ticket: 0, max_sockets, queue_limit }
    }

    /// A request comes.
    pub fn enter(&mut self) -> Entry {
        // Nobody overtakes those who wait.
        if self.waiting.is_empty()
            && let Some(role) = self.admit()
        {
            return Entry::In(role);
        }
        if self.waiting.len() < self.queue_limit { Entry::Wait } else { Entry::Full }
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
    pub fn next(&mut self) -> Option<(Role, W)> {
        if self.waiting.is_empty() {
            return None;
        }
        let role = self.admit()?;
        self.waiting.pop_first().map(|(_, waker)| (role, waker))
    }

    /// A request is through.
    pub fn leave(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// A connection was opened, and speaks this.
    pub fn learn(&mut self, http2: bool) {
        self.protocol = if http2 { Protocol::Http2 } else { Protocol::Http1 };
    }

    /// The leader did not connect: the next one leads.
    pub fn leader_failed(&mut self) {
        if self.protocol == Protocol::Probing {
            self.protocol = Protocol::Unknown;
        }
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub fn queued(&self) -> usize {
        self.waiting.len()
    }

    fn admit(&mut self) -> Option<Role> {
        let role = match self.protocol {
            Protocol::Unknown => {
                self.protocol = Protocol::Probing;
                Role::Leader
            }
            Protocol::Http2 => Role::Follower,
            Protocol::Http1 if self.in_flight < self.max_sockets => Role::Follower,
            Protocol::Http1 | Protocol::Probing => return None,
        };
        self.in_flight += 1;
        Some(role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(protocol: Protocol, max_sockets: usize, queue_limit: usize) -> Gate<&'static str> {
        Gate::new(protocol, max_sockets, queue_limit)
    }

    #[test]
    fn over_http1_a_request_waits_for_a_socket_and_then_fails_for_a_full_queue() {
        let mut gate = gate(Protocol::Http1, 1, 1);
        assert_eq!(gate.enter(), Entry::In(Role::Follower));
        assert_eq!(gate.enter(), Entry::Wait);
        gate.queue("a");
        assert_eq!(gate.enter(), Entry::Full);
        assert_eq!(gate.next(), None);
        gate.leave();
        assert_eq!(gate.next(), Some((Role::Follower, "a")));
        assert_eq!((gate.in_flight(), gate.queued()), (1, 0));
    }

    #[test]
    fn the_longest_waiting_goes_first_and_nobody_overtakes() {
        let mut gate = gate(Protocol::Http1, 1, 9);
        gate.enter();
        let first = gate.queue("a");
        gate.queue("b");
        gate.queue("c");
        assert!(gate.abandon(first));
        gate.leave();
        assert_eq!(gate.enter(), Entry::Wait);
        assert_eq!(gate.next(), Some((Role::Follower, "b")));
        assert!(!gate.abandon(first));
    }

    #[test]
    fn while_the_protocol_is_unknown_one_leads_and_the_rest_wait_for_its_connection() {
        let mut gate = gate(Protocol::Unknown, 1, 9);
        assert_eq!(gate.enter(), Entry::In(Role::Leader));
        for name in ["a", "b"] {
            assert_eq!(gate.enter(), Entry::Wait);
            gate.queue(name);
        }
        gate.learn(true);
        assert_eq!(gate.next(), Some((Role::Follower, "a")));
        assert_eq!(gate.next(), Some((Role::Follower, "b")));
        assert_eq!(gate.in_flight(), 3);
    }

    #[test]
    fn after_a_leader_that_could_not_connect_the_next_one_leads() {
        let mut gate = gate(Protocol::Unknown, 1, 9);
        gate.enter();
        gate.queue("a");
        gate.queue("b");
        gate.leader_failed();
        gate.leave();
        assert_eq!(gate.next(), Some((Role::Leader, "a")));
        assert_eq!(gate.next(), None);
    }
}
