//! What a gate promises, by example. Whatever comes in whatever order: gate_scenes.rs.

use super::*;

fn gate(protocol: Protocol, sockets: usize, streams: usize, queue: usize) -> Gate<&'static str> {
    Gate::new(protocol, Limits { sockets, streams, queue })
}

fn http1(sockets: usize, queue: usize) -> Gate<&'static str> {
    gate(Protocol::Http1, sockets, 1, queue)
}

fn enter<W>(gate: &mut Gate<W>) -> Pass {
    match gate.enter() {
        Entry::In(pass) => pass,
        other => panic!("not let in but {other:?}"),
    }
}

fn next(gate: &mut Gate<&'static str>) -> Option<(usize, bool, &'static str)> {
    gate.next().map(|(pass, name)| (pass.lane(), pass.leads(), name))
}

/// A gate that has found out that HTTP/2 is spoken, with the one that did so.
fn found_http2(sockets: usize, streams: usize) -> (Gate<&'static str>, Pass) {
    let mut gate = gate(Protocol::Unknown, sockets, streams, 9);
    let mut first = enter(&mut gate);
    gate.learn(&mut first, true);
    (gate, first)
}

#[test]
fn over_http1_a_request_waits_for_a_socket_and_then_fails_for_a_full_queue() {
    let mut gate = http1(1, 1);
    let first = enter(&mut gate);
    assert!(!first.leads());
    assert_eq!(gate.enter(), Entry::Wait);
    gate.queue("a");
    assert_eq!(gate.enter(), Entry::Full);
    assert_eq!(next(&mut gate), None);
    gate.leave(&first);
    assert_eq!(next(&mut gate), Some((0, false, "a")));
    assert_eq!((gate.in_flight(), gate.queued(), gate.connections()), (1, 0, 1));
}

#[test]
fn the_longest_waiting_goes_first_and_nobody_overtakes() {
    let mut gate = http1(1, 9);
    let inside = enter(&mut gate);
    let first = gate.queue("a");
    gate.queue("b");
    gate.queue("c");
    assert!(gate.abandon(first));
    gate.leave(&inside);
    assert_eq!(gate.enter(), Entry::Wait);
    assert_eq!(next(&mut gate), Some((0, false, "b")));
    assert!(!gate.abandon(first));
}

#[test]
fn while_the_protocol_is_unknown_one_leads_and_the_rest_wait_for_its_connection() {
    let mut gate = gate(Protocol::Unknown, 1, 3, 9);
    let mut leader = enter(&mut gate);
    assert!(leader.leads());
    for name in ["a", "b"] {
        assert_eq!(gate.enter(), Entry::Wait);
        gate.queue(name);
        assert_eq!(next(&mut gate), None);
    }
    gate.learn(&mut leader, true);
    assert_eq!(next(&mut gate), Some((0, false, "a")));
    assert_eq!(next(&mut gate), Some((0, false, "b")));
    assert_eq!((gate.in_flight(), gate.connections()), (3, 1));
}

#[test]
fn after_a_leader_that_gave_up_the_next_one_leads() {
    let mut gate = gate(Protocol::Unknown, 1, 9, 9);
    let leader = enter(&mut gate);
    gate.queue("a");
    gate.queue("b");
    gate.leave(&leader);
    assert_eq!(next(&mut gate), Some((0, true, "a")));
    assert_eq!(next(&mut gate), None);
}

#[test]
fn after_a_leader_for_whom_nothing_could_be_opened_nobody_waits_for_the_attempt_of_another() {
    for found in [false, true] {
        let mut gate = gate(Protocol::Unknown, 3, 9, 9);
        let mut leader = enter(&mut gate);
        if found {
            gate.learn(&mut leader, true);
            gate.opening(&mut leader);
        }
        for name in ["a", "b", "c"] {
            gate.queue(name);
        }
        gate.fail(&leader);
        gate.leave(&leader);
        let (mut a, _) = gate.next().unwrap();
        assert!(!a.leads());
        assert_eq!((next(&mut gate), next(&mut gate)), (Some((0, false, "b")), Some((0, false, "c"))));
        gate.leave(&a);
        a = enter(&mut gate);
        assert!(!a.leads(), "also when it comes later");
        gate.learn(&mut a, true);
        gate.opening(&mut a);
        assert_eq!((a.leads(), gate.enter()), (true, Entry::Wait), "until one could");
    }
}

#[test]
fn while_a_connection_is_open_or_once_all_have_left_one_goes_ahead_again() {
    let (mut gate, first) = found_http2(2, 1);
    for name in ["a", "b"] {
        let leader = enter(&mut gate);
        gate.queue(name);
        gate.fail(&leader);
        gate.leave(&leader);
        let (next, _) = gate.next().unwrap();
        assert_eq!((next.lane(), next.leads()), (1, true), "{name}");
        gate.leave(&next);
    }
    gate.leave(&first);
    let mut gate = self::gate(Protocol::Unknown, 2, 1, 9);
    let leader = enter(&mut gate);
    gate.fail(&leader);
    gate.leave(&leader);
    assert!(enter(&mut gate).leads());
}

#[test]
fn another_lane_is_opened_only_when_those_open_are_full_and_the_fullest_with_room_is_preferred() {
    let (mut gate, first) = found_http2(3, 2);
    let second = enter(&mut gate);
    assert_eq!((second.lane(), second.leads()), (0, false));
    let mut third = enter(&mut gate);
    assert_eq!((third.lane(), third.leads(), gate.connections()), (1, true, 2));
    gate.learn(&mut third, true);
    gate.leave(&first);
    gate.leave(&second);
    let fourth = enter(&mut gate);
    assert_eq!((fourth.lane(), gate.connections()), (1, 1), "the first lane may end");
    assert_eq!(enter(&mut gate).lane(), 0);
}

#[test]
fn no_more_connections_are_opened_than_those_who_wait_fill() {
    let (mut gate, _first) = found_http2(3, 2);
    let _second = enter(&mut gate);
    let mut leader = enter(&mut gate);
    assert_eq!(gate.enter(), Entry::Wait);
    gate.queue("fits");
    assert_eq!(next(&mut gate), None, "the lane that is being opened has room for it");
    assert_eq!(gate.enter(), Entry::Wait);
    gate.queue("does not");
    assert_eq!(next(&mut gate), Some((2, true, "fits")), "the first in the queue goes first");
    gate.learn(&mut leader, true);
    assert_eq!(next(&mut gate), Some((1, false, "does not")));
}

#[test]
fn what_waits_for_a_connection_to_be_opened_does_not_fill_the_queue() {
    let mut gate = gate(Protocol::Unknown, 2, 2, 0);
    let mut first = enter(&mut gate);
    assert_eq!(gate.enter(), Entry::Wait, "either protocol has a place for it");
    gate.queue("second");
    assert_eq!(gate.enter(), Entry::Full);
    gate.learn(&mut first, true);
    assert_eq!(next(&mut gate), Some((0, false, "second")));
    let _third = enter(&mut gate);
    assert_eq!(gate.enter(), Entry::Wait);
    gate.queue("fourth");
    assert_eq!(gate.enter(), Entry::Full);
}

#[test]
fn when_a_connection_has_gone_one_opens_the_next_and_the_others_wait_for_it() {
    let (mut gate, _first) = found_http2(1, 9);
    let mut stale = enter(&mut gate);
    let mut late = enter(&mut gate);
    gate.opening(&mut stale);
    assert!(stale.leads());
    assert_eq!(gate.enter(), Entry::Wait);
    gate.queue("a");
    gate.learn(&mut stale, true);
    gate.opening(&mut late);
    assert!(!late.leads(), "there is a connection again");
    assert_eq!(next(&mut gate), Some((0, false, "a")));
    gate.opening(&mut stale);
    gate.leave(&stale);
    assert!(enter(&mut gate).leads(), "it was not opened");
}

#[test]
fn where_http2_is_prescribed_nobody_leads_and_lanes_fill_one_after_the_other() {
    let mut gate = gate(Protocol::Http2, 2, 2, 0);
    let lanes: Vec<_> = (0..4).map(|_| enter(&mut gate)).map(|pass| (pass.lane(), pass.leads())).collect();
    assert_eq!(lanes, [(0, false), (0, false), (1, false), (1, false)]);
    assert_eq!(gate.enter(), Entry::Full);
}

#[test]
fn as_many_are_let_in_as_connections_are_missing_each_on_one_of_its_own() {
    let mut gate = http1(3, 0);
    let _call = enter(&mut gate);
    let lanes = |passes: &[Pass]| passes.iter().map(|pass| (pass.lane(), pass.leads())).collect::<Vec<_>>();
    assert_eq!(lanes(&gate.fill(2)), [(0, false)], "the one in use is one of them");
    assert_eq!(lanes(&gate.fill(9)), [(0, false)], "no more than the limit");
    let (mut gate, first) = found_http2(4, 9);
    let filled = gate.fill(3);
    assert_eq!((lanes(&filled), gate.connections()), (vec![(1, true), (2, true)], 3));
    gate.leave(&first);
    assert_eq!(lanes(&gate.fill(3)), [(0, false)], "a lane that nobody uses comes first, and is open");
    let mut gate = self::gate(Protocol::Unknown, 4, 9, 9);
    assert_eq!(lanes(&gate.fill(3)), [(0, true)], "one finds out the protocol");
    assert_eq!(lanes(&gate.fill(3)), []);
}
