//! Streams made to hurt: what they give is right, and takes time in proportion to their length.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use trae_native::{
    ErrorKind,
    claude::{StreamRules, Verdict, inspect},
    event::Event,
    sse::Decoder,
};

const MIB: usize = 1 << 20;

/// What a stream of these bytes in pieces of this size delivers.
fn deliver(stream: &[u8], piece: usize) -> Vec<Event> {
    let (mut decoder, mut rules) = (Decoder::new(16 * MIB), StreamRules::new());
    let (mut batch, mut delivered) = (Vec::new(), Vec::new());
    for piece in stream.chunks(piece) {
        decoder.feed(piece, &mut batch).unwrap();
        for event in batch.drain(..) {
            if let Verdict::Deliver | Verdict::DeliverAndEnd = rules.accept(&event) {
                delivered.push(event);
            }
        }
    }
    delivered
}

/// How long this thread has been at work; other threads and tests do not count, where the system tells.
fn work_time(since: Instant) -> Duration {
    // The kernel brings the figure up to date when a thread yields.
    std::thread::yield_now();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|told| told.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| since.elapsed(), Duration::from_nanos)
}

/// Four times the input takes four times the time if the work is linear, sixteen times if it is quadratic.
#[track_caller]
fn assert_linear<T>(size: usize, input: impl Fn(usize) -> T, work: impl Fn(&T)) {
    let inputs = [input(size), input(4 * size)];
    let mut best = [Duration::MAX; 2];
    let since = Instant::now();
    for _ in 0..3 {
        for (best, input) in best.iter_mut().zip(&inputs) {
            let before = work_time(since);
            work(input);
            *best = work_time(since).saturating_sub(before).min(*best);
        }
    }
    let ratio = best[1].as_secs_f64() / best[0].as_secs_f64();
    assert!(ratio < 8.0, "four times the input took {ratio:.1} times as long: {best:?}");
}

fn one_event(length: usize) -> String {
    format!("data: \"{}\"\n\n", "x".repeat(length))
}

#[test]
fn a_large_event_in_single_bytes_is_read_in_linear_time() {
    let events = deliver(one_event(MIB).as_bytes(), 1);
    assert_eq!((events.len(), events[0].data.len()), (1, MIB + 2));
    assert_linear(MIB / 4, one_event, |stream| drop(deliver(stream.as_bytes(), 1)));
}

fn many_events(count: usize) -> String {
    "data: {\"type\":\"content_block_delta\"}\n\n".repeat(count)
}

#[test]
fn many_events_in_one_read_are_read_in_linear_time() {
    let stream = many_events(120_000);
    assert_eq!(deliver(stream.as_bytes(), stream.len()).len(), 120_000);
    assert_linear(30_000, many_events, |stream| drop(deliver(stream.as_bytes(), stream.len())));
}

/// The JSON that a tool is called with, in deltas of 20 bytes.
fn tool_call(json: &str) -> String {
    let mut stream = String::new();
    for delta in json.as_bytes().chunks(20) {
        let delta = serde_json::Value::from(std::str::from_utf8(delta).unwrap());
        writeln!(
            stream,
            r#"data: {{"type":"content_block_delta","index":1,"delta":{{"type":"input_json_delta","partial_json":{delta}}}}}"#
        )
        .unwrap();
        stream.push('\n');
    }
    stream
}

fn arguments(length: usize) -> String {
    let mut json = String::from("[");
    while json.len() < length {
        write!(json, "{{\"path\":\"/src/{}.rs\",\"text\":\"a \\\"b\\\" \\\\ c\"}},", json.len()).unwrap();
    }
    json + "null]"
}

#[test]
fn a_large_tool_call_in_small_deltas_is_read_in_linear_time() {
    let json = arguments(2 * MIB);
    let mut joined = String::new();
    for event in deliver(tool_call(&json).as_bytes(), 1448) {
        let value: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        joined.push_str(value["delta"]["partial_json"].as_str().unwrap());
    }
    assert_eq!(joined, json);
    assert_linear(
        MIB / 8,
        |length| tool_call(&arguments(length)),
        |stream| drop(deliver(stream.as_bytes(), 1448)),
    );
}

#[test]
fn many_lines_of_any_kind_are_read_in_linear_time() {
    for line in ["data: 1,\n", ":\n", "event: a\n", "id: 1\n", "retry: +1\n", "\n", "\r\n", "data"] {
        let stream = |lines: usize| line.repeat(lines);
        assert_linear(20_000, stream, |stream| {
            let _ = Decoder::new(16 * MIB).feed(stream.as_bytes(), &mut Vec::new());
        });
    }
}

#[test]
fn json_that_is_deep_long_or_full_of_escapes_is_checked_in_linear_time() {
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let keys = |count: usize| format!("{{{}\"type\":\"ping\"}}", "\"type\":\"ping\",".repeat(count));
    let escapes = |count: usize| format!("{{\"type\":\"{}\"}}", "\\u0070".repeat(count));
    for json in [deep, keys, escapes] as [fn(usize) -> String; 3] {
        assert!(inspect(&json(1000)).is_ok());
        assert_linear(50_000, json, |json| {
            let _ = inspect(json);
        });
    }
}

/// The id of an event is that of all later ones too, so that a long one would be copied for each of them.
#[test]
fn an_id_may_not_be_so_long_that_later_events_are_made_of_it() {
    let mut decoder = Decoder::new(MIB);
    let mut events = Vec::new();
    let fits = format!("id: {}\ndata: a\n\n", "i".repeat(8192));
    decoder.feed(fits.as_bytes(), &mut events).unwrap();
    assert_eq!(events[0].id.len(), 8192);
    let err =
        decoder.feed(format!("id: {}\ndata: a\n\n", "i".repeat(8193)).as_bytes(), &mut events).unwrap_err();
    assert_eq!((err.kind(), events.len()), (ErrorKind::TooLarge, 1));
    assert_eq!(err.message(), "the id of an event is longer than 8192 bytes");
}
