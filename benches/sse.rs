//! What the decoder costs for each event: `cargo bench --no-default-features --bench sse`.

#![expect(clippy::print_stdout, reason = "a benchmark reports by printing")]

use std::{hint::black_box, time::Instant};

use trae_native::sse::Decoder;

const EVENTS: usize = 100_000;
const ROUNDS: usize = 15;

fn main() {
    let delta = delta_of(150);
    for (name, per_feed) in [("many events per feed", 500), ("one event per feed", 1)] {
        let chunk = delta.repeat(per_feed);
        let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| nanoseconds_per_event(&chunk, per_feed)).collect();
        rounds.sort_by(f64::total_cmp);
        println!("{name}: {:.0} ns/event (median), {:.0} (best)", rounds[ROUNDS / 2], rounds[0]);
    }
}

/// A text delta of the Messages API that takes this many bytes on the wire.
fn delta_of(length: usize) -> Vec<u8> {
    let text = |filler: &str| {
        format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
             \"delta\":{{\"type\":\"text_delta\",\"text\":\"{filler}\"}}}}\n\n"
        )
    };
    let filler = "x".repeat(length - text("").len());
    text(&filler).into_bytes()
}

fn nanoseconds_per_event(chunk: &[u8], per_feed: usize) -> f64 {
    let mut decoder = Decoder::new(1 << 20);
    let mut events = Vec::with_capacity(per_feed);
    let mut count = 0_u32;
    let start = Instant::now();
    for _ in 0..EVENTS / per_feed {
        let outcome = decoder.feed(black_box(chunk), &mut events);
        assert!(outcome.is_ok(), "the input is well-formed");
        for event in events.drain(..) {
            black_box(&event);
            count += 1;
        }
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(count)
}
