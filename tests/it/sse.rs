//! What bytes make which events: the WHATWG standard's rules, the limit, and any split of the input.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fmt::Write as _, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use proptest::prelude::*;
use trae_native::{
    Error, ErrorKind, Phase,
    sse::{Decoder, Event, events},
};

const MIB: usize = 1 << 20;

/// The events of these pieces, and the failure that ended them.
fn decode_pieces<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limit: usize,
) -> (Vec<Event>, Option<Error>) {
    let mut decoder = Decoder::new(limit);
    let mut out = Vec::new();
    for piece in pieces {
        if let Err(error) = decoder.feed(piece, &mut out) {
            return (out, Some(error));
        }
    }
    (out, None)
}

/// The events of well-formed input, after checking that single bytes give the same.
fn decode(input: impl AsRef<[u8]>) -> Vec<Event> {
    let input = input.as_ref();
    let (whole, error) = decode_pieces([input], MIB);
    assert!(error.is_none(), "{error:?}");
    let (single, error) = decode_pieces(input.chunks(1), MIB);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(whole, single, "in one piece, and byte by byte");
    whole
}

fn data(input: impl AsRef<[u8]>) -> Vec<String> {
    decode(input).into_iter().map(|event| event.data).collect()
}

fn event(name: &str, data: &str) -> Event {
    Event { event: name.into(), data: data.into(), ..Event::default() }
}

#[test]
fn a_named_event_has_its_name_and_data() {
    assert_eq!(decode("event: add\ndata: 73857293\n\n"), [event("add", "73857293")]);
}

#[test]
fn an_event_without_a_name_has_an_empty_one() {
    assert_eq!(decode("data: x\n\n"), [event("", "x")]);
    assert_eq!(decode("event\ndata: x\n\nevent:\ndata: y\n\nevent: \ndata: z\n\n").len(), 3);
    assert!(
        decode("event\ndata: x\n\nevent:\ndata: y\n\nevent: \ndata: z\n\n")
            .iter()
            .all(|e| e.event.is_empty())
    );
}

#[test]
fn an_event_that_is_called_message_keeps_that_name() {
    assert_eq!(decode("event: message\ndata: x\n\ndata: y\n\n"), [event("message", "x"), event("", "y")]);
    assert_eq!(decode("event:message\ndata: x\n\n"), [event("message", "x")]);
}

#[test]
fn the_last_name_of_a_block_counts_even_if_it_is_empty() {
    assert_eq!(decode("event: a\nevent: b\ndata: x\n\n"), [event("b", "x")]);
    assert_eq!(decode("event: message\nevent:\ndata: x\n\n"), [event("", "x")]);
}

#[test]
fn a_name_does_not_outlive_a_block_without_data() {
    assert_eq!(decode("event: message\n\ndata: x\n\n"), [event("", "x")]);
}

#[test]
fn data_lines_are_joined_by_line_feeds() {
    assert_eq!(data("data: YHOO\ndata: +2\ndata: 10\n\n"), ["YHOO\n+2\n10"]);
    assert_eq!(data("data\n\ndata\ndata\n\ndata:\n"), ["", "\n"]);
    assert_eq!(data("data:\n\n"), [""]);
}

#[test]
fn one_space_after_the_colon_is_dropped_and_no_more() {
    assert_eq!(
        data("data:test\n\ndata: test\n\ndata:  test\n\ndata:\ttest\n\n"),
        ["test", "test", " test", "\ttest"]
    );
}

#[test]
fn a_block_that_the_body_cuts_short_is_no_event() {
    assert_eq!(data("data: a\n\ndata: b\n"), ["a"]);
    assert_eq!(data("data: a\n\ndata: b"), ["a"]);
}

#[test]
fn lines_end_with_cr_lf_or_both_in_any_mixture() {
    assert_eq!(
        data("data: a\r\rdata: b\r\n\r\ndata: c\n\ndata: d\r\n\rdata: e\n\r\ndata: f\r\n\n"),
        ["a", "b", "c", "d", "e", "f"]
    );
}

#[test]
fn a_cr_at_the_end_of_a_chunk_dispatches_at_once_and_swallows_the_next_lf() {
    let mut decoder = Decoder::new(MIB);
    let mut out = Vec::new();
    decoder.feed(b"data: a\r\n\r", &mut out).unwrap();
    assert_eq!(out, [event("", "a")]);
    decoder.feed(b"", &mut out).unwrap();
    decoder.feed(b"\ndata: b\n", &mut out).unwrap();
    assert_eq!(out.len(), 1, "the line feed belongs to the CR before it");
    decoder.feed(b"\n", &mut out).unwrap();
    assert_eq!(out, [event("", "a"), event("", "b")]);
}

#[test]
fn one_byte_order_mark_at_the_very_start_is_stripped() {
    assert_eq!(data("\u{feff}data: a\n\n"), ["a"]);
    assert_eq!(data("\u{feff}\u{feff}data: a\n\ndata: b\n\n"), ["b"], "the second is part of a name");
    assert_eq!(data("data: a\n\n\u{feff}data: b\n\ndata: \u{feff}c\n\n"), ["a", "\u{feff}c"]);
    assert_eq!(data("\n\u{feff}data: a\n\n"), Vec::<String>::new());
    assert_eq!(data(b"\xEF\xBBdata: a\n\ndata: b\n\n"), ["b"], "an unfinished mark is content");
    assert_eq!(data(b"\xEF\xBB\n\xBFdata: a\n\ndata: b\n\n"), ["b"]);
}

#[test]
fn comments_and_unknown_fields_say_nothing() {
    assert_eq!(
        data(": ping\n\n:\n\ndata: a\n: within\n:data: no\nfoo: bar\nDATA: no\n data: no\ndata : no\n\n"),
        ["a"]
    );
}

#[test]
fn a_field_name_is_compared_whole() {
    assert_eq!(data("datax: a\ndat: b\ndata: c\n\n"), ["c"]);
    assert_eq!(decode("eventx: message\ndata: c\n\n"), [event("", "c")]);
}

#[test]
fn the_last_event_id_stays_until_another_comes() {
    let ids: Vec<_> = decode("id: 1\ndata: a\n\ndata: b\n\nid: 2\n\ndata: c\n\nid\ndata: d\n\n")
        .into_iter()
        .map(|event| event.id)
        .collect();
    assert_eq!(ids, ["1", "1", "2", ""]);
}

#[test]
fn an_id_belongs_also_to_the_plainest_event_after_it() {
    let events = decode("event: a\ndata: 1\n\nid: 7\ndata: 2\n\nevent: b\ndata: 3\n\ndata: 4\n\n");
    let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids, ["", "7", "7", "7"]);
}

#[test]
fn an_id_with_a_nul_is_ignored() {
    assert_eq!(decode("id: 1\nid: 2\0\ndata: a\n\n")[0].id, "1");
}

#[test]
fn retry_takes_ascii_digits_only() {
    let retry = |value: &str| decode(format!("retry:{value}\ndata: a\n\n"))[0].retry;
    assert_eq!(retry(" 1500"), Some(Duration::from_millis(1500)));
    assert_eq!(retry("007"), Some(Duration::from_millis(7)));
    for wrong in [" +5", "+5", " -5", " 5s", " 1.5", "", "  5", " ٣", " 99999999999999999999999"] {
        assert_eq!(retry(wrong), None, "{wrong:?}");
    }
    assert_eq!(decode("retry: 3\nretry: +5\ndata: a\n\n")[0].retry, Some(Duration::from_millis(3)));
    assert_eq!(decode("retry: 3\ndata: a\n\ndata: b\n\n")[1].retry, None, "it is that of its block");
}

#[test]
fn characters_split_anywhere_stay_whole() {
    assert_eq!(data("data: é € 𝄞 \u{2028}\n\n"), ["é € 𝄞 \u{2028}"]);
}

#[test]
fn broken_utf8_is_repaired_as_a_browser_does() {
    assert_eq!(
        data(b"data: a\xFFb\xF0\x9F\x98c\xC3\n\ndata: \xED\xA0\x80\n\n"),
        ["a\u{fffd}b\u{fffd}c\u{fffd}", "\u{fffd}\u{fffd}\u{fffd}"]
    );
    assert_eq!(decode(b"event: \xFF\ndata: x\n\n"), [event("\u{fffd}", "x")]);
}

#[test]
fn an_event_of_exactly_the_limit_passes_and_one_byte_more_fails() {
    let fits = b"data: 1234\n\n";
    assert_eq!(decode_pieces([&fits[..]], 11).0.len(), 1);
    for pieces in [1, 5, 100] {
        let (out, error) = decode_pieces(fits.chunks(pieces), 10);
        assert_eq!((out.len(), error.unwrap().kind()), (0, ErrorKind::TooLarge));
    }
}

#[test]
fn the_limit_counts_all_lines_of_an_event_and_starts_again_with_the_next() {
    let small = "data: 1234\n".repeat(30) + "\n";
    assert!(decode_pieces([small.repeat(10).as_bytes()], 330).1.is_none());
    assert!(decode_pieces([small.as_bytes()], 329).1.is_some());
}

#[test]
fn a_failure_names_the_limit_and_the_option_and_repeats_for_ever() {
    let mut decoder = Decoder::new(16);
    let mut out = Vec::new();
    let error = decoder.feed(b"data: a\n\ndata: 0123456789abcdef\n\ndata: b\n\n", &mut out).unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::TooLarge, Phase::Body));
    assert!(error.message().contains("16 bytes") && error.message().contains("maxEventBytes"));
    assert_eq!(out, [event("", "a")], "what came before the violation is there");
    let again = decoder.feed(b"\n\ndata: c\n\n", &mut out).unwrap_err();
    assert_eq!((again.kind(), again.message()), (error.kind(), error.message()));
    assert_eq!(out.len(), 1);
}

#[test]
fn a_stream_may_live_on_comments_for_ever() {
    let pings = b": ping\n".repeat(100_000);
    for pieces in [7, 1000] {
        let chunks = [&b"data: a\n"[..]].into_iter().chain(pings.chunks(pieces)).chain([&b"data: b\n\n"[..]]);
        let (out, error) = decode_pieces(chunks, 32);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(out, [event("", "a\nb")]);
    }
}

#[test]
fn a_line_without_end_fails_whatever_it_is() {
    for beginning in [":", "data: ", "junk", "\u{feff}"] {
        let mut decoder = Decoder::new(1000);
        decoder.feed(beginning.as_bytes(), &mut Vec::new()).unwrap();
        let failed_at = (0..2000).find(|_| decoder.feed(b"x", &mut Vec::new()).is_err());
        assert!(failed_at.is_some_and(|at| at > 900), "{beginning:?}");
    }
}

#[test]
fn a_megabyte_in_single_bytes_is_one_event() {
    let input = ["data: ", &"x".repeat(MIB), "\n\n"].concat();
    let (out, error) = decode_pieces(input.as_bytes().chunks(1), 2 * MIB);
    assert!(error.is_none());
    assert_eq!((out.len(), out[0].data.len()), (1, MIB));
}

#[test]
fn a_hundred_thousand_lines_are_one_event() {
    let mut input = String::new();
    for line in 0..100_000 {
        writeln!(input, "data: {line}").unwrap();
    }
    input.push('\n');
    let (out, _) = decode_pieces([input.as_bytes()], 2 * MIB);
    assert_eq!((out.len(), out[0].data.lines().count()), (1, 100_000));
}

#[test]
fn one_read_may_hold_a_hundred_thousand_events() {
    assert_eq!(decode_pieces(["data: x\n\n".repeat(120_000).as_bytes()], 64).0.len(), 120_000);
}

/// The batches and failures of a body of these chunks.
fn collect(chunks: Vec<Result<&'static str, Error>>) -> Vec<Result<Vec<String>, ErrorKind>> {
    let body =
        stream::iter(chunks.into_iter().map(|chunk| chunk.map(|text| Bytes::from_static(text.as_bytes()))));
    events(Box::pin(body), 32)
        .map(|item| match item {
            Ok(batch) => Ok(batch.into_iter().map(|event| event.data).collect()),
            Err(error) => Err(error.kind()),
        })
        .collect()
        .now_or_never()
        .unwrap()
}

#[test]
fn a_body_yields_one_batch_for_each_chunk_that_completes_an_event() {
    let batches = collect(vec![
        Ok("data: a\n\ndata: b\n\nda"),
        Ok("ta: c"),
        Ok("\n\n"),
        Ok(": ping\n\n"),
        Ok("data: d\n"),
    ]);
    assert_eq!(batches, [Ok(vec!["a".into(), "b".into()]), Ok(vec!["c".into()])]);
}

#[test]
fn a_failure_of_the_body_is_passed_on_and_ends_the_events() {
    let reset = Error::new(ErrorKind::Reset, Phase::Body, "reset");
    let batches = collect(vec![Ok("data: a\n\n"), Err(reset), Ok("data: b\n\n")]);
    assert_eq!(batches, [Ok(vec!["a".into()]), Err(ErrorKind::Reset)]);
}

#[test]
fn a_failure_of_the_body_is_called_what_it_is_in_a_stream() {
    for (kind, phase, called) in [
        (ErrorKind::Timeout, Phase::Idle, ErrorKind::StreamIdle),
        (ErrorKind::Incomplete, Phase::Body, ErrorKind::IncompleteStream),
        (ErrorKind::Timeout, Phase::Total, ErrorKind::Timeout),
    ] {
        assert_eq!(collect(vec![Err(Error::new(kind, phase, "it failed"))]), [Err(called)]);
    }
}

#[test]
fn events_completed_before_a_violation_come_before_it() {
    let batches =
        collect(vec![Ok("data: a\n\ndata: 0123456789012345678901234567890123456789"), Ok("data: b\n\n")]);
    assert_eq!(batches, [Ok(vec!["a".into()]), Err(ErrorKind::TooLarge)]);
}

/// The standard's text, step by step, for input in one piece; nothing of it is shared with the decoder.
fn reference(input: &[u8]) -> Vec<Event> {
    let text = String::from_utf8_lossy(input);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n").replace('\r', "\n");
    let mut complete: Vec<&str> = text.split('\n').collect();
    complete.pop();
    let (mut name, mut data, mut id, mut retry, mut out) =
        (String::new(), String::new(), String::new(), None, Vec::new());
    for line in complete {
        if line.is_empty() {
            if let Some(joined) = data.strip_suffix('\n') {
                out.push(Event { event: name, data: joined.into(), id: id.clone(), retry });
            }
            (name, data, retry) = (String::new(), String::new(), None);
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => name = value.into(),
            "data" => data = data + value + "\n",
            "id" if !value.contains('\0') => id = value.into(),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                retry = value.parse().ok().map(Duration::from_millis).or(retry);
            }
            _ => {}
        }
    }
    out
}

/// The pieces of `input`, cut at these places.
fn split<'a>(input: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
    places.extend([0, input.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect()
}

/// Words of the grammar and traps, so that random streams are mostly meaningful.
fn structured() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&'static [u8]> = vec![
        b"data",
        b"event",
        b"id",
        b"retry",
        b"message",
        b":",
        b": ",
        b" ",
        b"\n",
        b"\n\n",
        b"\r",
        b"\r\n",
        b"\r\n\r\n",
        b"data: x\n\n",
        b"event: message\n",
        b"id: 7\n",
        b"retry: 10\n",
        b"retry: +5\n",
        b"+",
        b"5",
        b"\0",
        b"\xEF\xBB\xBF",
        b"\xEF\xBB",
        b"\xBF",
        b"\xF0\x9F\x98\x80",
        b"\xF0\x9F",
        b"\xFF",
        b"{\"a\":1}",
        b": ping\n",
        b"data:a\ndata:b\ndata:c\n",
    ];
    prop::collection::vec(prop::sample::select(words), 0..60).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn any_bytes_in_any_split_give_the_events_of_one_piece(
        input in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        limit in 0_usize..120,
    ) {
        let (whole, failed) = decode_pieces([&input[..]], limit);
        let (pieces, failed_too) = decode_pieces(split(&input, &cuts), limit);
        prop_assert_eq!(whole, pieces);
        prop_assert_eq!(failed.is_some(), failed_too.is_some());
    }

    #[test]
    fn any_stream_in_any_split_gives_the_events_of_the_standard(
        input in structured(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let (out, error) = decode_pieces(split(&input, &cuts), MIB);
        prop_assert!(error.is_none());
        prop_assert_eq!(out, reference(&input));
    }

    #[test]
    fn any_stream_in_any_split_meets_the_limit_at_the_same_event(
        input in structured(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        limit in 0_usize..60,
    ) {
        let (whole, failed) = decode_pieces([&input[..]], limit);
        let (pieces, failed_too) = decode_pieces(split(&input, &cuts), limit);
        prop_assert_eq!(&whole, &pieces);
        prop_assert_eq!(failed.is_some(), failed_too.is_some());
        prop_assert_eq!(&whole[..], &reference(&input)[..whole.len()]);
    }
}
