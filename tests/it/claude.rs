//! What events and error bodies of the Messages API mean.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use proptest::prelude::*;
use trae_native::{
    Error, ErrorKind, Phase,
    claude::{
        Delta, DeltaKind, Kind, NotJson, Payload, StreamRules, Usage, Verdict, describe, error_from_event,
        inspect, retry_after,
    },
    event::Event,
    sse::Decoder,
};

/// JSON without a `type`.
const UNTYPED: Result<Payload, NotJson> = Ok(Payload { kind: Kind::Other, typed: false });

fn typed(kind: Kind) -> Payload {
    Payload { kind, typed: true }
}

#[test]
fn the_type_at_the_top_names_the_kind() {
    for (name, kind) in [
        ("message_start", Kind::MessageStart),
        ("message_stop", Kind::MessageStop),
        ("ping", Kind::Ping),
        ("error", Kind::Error),
        ("content_block_delta", Kind::Other),
        ("never_heard_of", Kind::Other),
    ] {
        assert_eq!(inspect(&format!(r#"{{"type":"{name}","error":{{"type":"ping"}}}}"#)), Ok(typed(kind)));
        assert_eq!(
            inspect(&format!(r#" {{ "a" : [ {{ "type" : 1 }} ] , "type" : "{name}" }} "#)),
            Ok(typed(kind))
        );
    }
}

#[test]
fn a_piece_of_each_kind_of_block_is_known_by_its_bytes_padding_included() {
    for (kind, name, field) in [
        (DeltaKind::Text, "text_delta", "text"),
        (DeltaKind::InputJson, "input_json_delta", "partial_json"),
        (DeltaKind::Thinking, "thinking_delta", "thinking"),
        (DeltaKind::Signature, "signature_delta", "signature"),
    ] {
        let piece = r#""a \"b\" \u00e9 \ud800 é""#;
        let head =
            format!(r#"{{"type":"content_block_delta","index":12,"delta":{{"type":"{name}","{field}":"#);
        for end in ["}}", "}  }", " }\t} "] {
            let data = format!("{head}{piece}{end}");
            assert_eq!(Delta::read(&data), Some(Delta { kind, index: 12, piece }), "{data}");
            assert_eq!(inspect(&data), Ok(typed(Kind::Other)));
        }
    }
}

#[test]
fn what_is_written_in_any_other_way_is_no_piece_and_is_judged_as_json() {
    let piece = |index: &str, text: &str, end: &str| {
        format!(
            r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"text_delta","text":{text}{end}"#
        )
    };
    for (data, is_json) in [
        (piece("0", r#""a""#, r#","more":1}}"#), true),
        (piece("0", r#""a""#, r#"},"more":1}"#), true),
        (piece("0", "1", "}}"), true),
        (piece("1.5", r#""a""#, "}}"), true),
        (piece("4294967296", r#""a""#, "}}"), true),
        (piece("01", r#""a""#, "}}"), false),
        (piece("-", r#""a""#, "}}"), false),
        (piece("0", r#""a"#, "}}"), false),
        (piece("0", "\"a\nb\"", "}}"), false),
        (piece("0", r#""\x""#, "}}"), false),
        (piece("0", r#""\u12g4""#, "}}"), false),
        (piece("0", r#""a""#, "}}}"), false),
        (piece("0", r#""a""#, "}"), false),
        (piece("0", r#""a""#, "}}{}"), false),
        (piece("0", r#""a"\u{a0}"#, "}}"), false),
    ] {
        assert_eq!(Delta::read(&data), None, "{data}");
        assert_eq!(inspect(&data).is_ok(), is_json, "{data}");
    }
}

#[test]
fn the_last_of_several_types_counts() {
    assert_eq!(inspect(r#"{"type":"ping","type":"error"}"#), Ok(typed(Kind::Error)));
    assert_eq!(inspect(r#"{"type":"ping","type":null}"#), UNTYPED);
}

#[test]
fn escapes_in_names_and_values_are_the_characters_they_stand_for() {
    assert_eq!(inspect(r#"{"\u0074ype":"p\u0069ng"}"#), Ok(typed(Kind::Ping)));
    assert_eq!(inspect(r#"{"type\u0000":"ping"}"#), UNTYPED);
    assert_eq!(inspect(r#"{"\ud800":1,"type":"\udc00"}"#), Ok(typed(Kind::Other)));
}

#[test]
fn any_single_json_value_is_a_payload() {
    for data in [
        "1",
        "-0",
        "1e999",
        "-1E-999",
        "0.5",
        "123456789012345678901234567890",
        "null",
        "true",
        "\"\"",
        "\"ping\"",
        r#""\ud800""#,
        r#"{"\udfff":"\ud800\ud800"}"#,
        "[]",
        "{}",
        " \t\r\n[1 , 2]\n",
        r#"[{"type":"ping"}]"#,
        "\"\u{7f}\u{2028}\u{feff}\"",
        r#"{"type":1e999}"#,
        r#"{"type":["ping"]}"#,
        r#"{"__proto__":1,"":2}"#,
    ] {
        assert_eq!(inspect(data), UNTYPED, "{data}");
    }
}

#[test]
fn depth_is_no_problem() {
    let deep = 100_000;
    let value = "[".repeat(deep) + &"]".repeat(deep);
    assert_eq!(inspect(&value), UNTYPED);
    assert_eq!(inspect(&format!(r#"{{"a":{value},"type":"ping"}}"#)), Ok(typed(Kind::Ping)));
    assert_eq!(
        inspect(&format!(r#"{{"type":{}{}}}"#, r#"{"a":"#.repeat(deep), "1".to_owned() + &"}".repeat(deep))),
        UNTYPED
    );
    assert_eq!(inspect(&"[".repeat(deep)), Err(NotJson { offset: deep }));
}

#[test]
fn anything_else_is_refused_at_the_byte_where_it_goes_wrong() {
    for (data, offset) in [
        ("", 0),
        ("  ", 2),
        ("]", 0),
        ("NaN", 0),
        ("'a'", 0),
        ("1,2", 1),
        ("{}{}", 2),
        ("{} x", 3),
        ("1 2", 2),
        ("{\"a\":1,}", 7),
        ("[1,]", 3),
        ("{a:1}", 1),
        ("{\"a\" 1}", 5),
        ("{1:2}", 1),
        ("[1", 2),
        ("{\"a", 3),
        ("{", 1),
        ("\"\n\"", 1),
        ("\"\t\"", 1),
        ("{\"\u{1}\":1}", 2),
        ("{\"type\":\"\u{1f}\"}", 9),
        ("{\"a\":\n\n[1,\n x]}", 12),
        ("\u{feff}{}", 0),
        ("\u{a0}{}", 0),
        ("\u{c}{}", 0),
        ("+1", 0),
        (".5", 0),
    ] {
        assert_eq!(inspect(data), Err(NotJson { offset }), "{data:?}");
    }
    for data in [
        "01",
        "1.",
        "1e",
        "-",
        "0x1",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "tru",
        "nul",
        "truex",
        "[1}",
        "{\"a\":1]",
    ] {
        assert!(inspect(data).is_err_and(|problem| problem.offset <= data.len()), "{data:?}");
    }
}

fn event(name: &str, data: &str) -> Event {
    Event { event: name.into(), data: data.into(), ..Event::default() }
}

fn accept(rules: &mut StreamRules, data: &str) -> Verdict {
    rules.accept(&event("", data))
}

/// The failure of a single event.
fn failure(name: &str, data: &str) -> Error {
    match StreamRules::new().accept(&event(name, data)) {
        Verdict::Fail(error) => error,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_stream_needs_no_event_names() {
    let mut rules = StreamRules::new();
    assert!(!rules.messages_started());
    assert!(matches!(accept(&mut rules, r#"{"type":"message_start"}"#), Verdict::Deliver));
    assert!(rules.messages_started());
    assert!(matches!(accept(&mut rules, r#"{"type":"ping"}"#), Verdict::Ping));
    assert!(matches!(accept(&mut rules, r#"{"type":"tomorrow"}"#), Verdict::Deliver));
    assert!(rules.end_of_body().is_some());
    assert!(matches!(accept(&mut rules, r#"{"type":"message_stop"}"#), Verdict::DeliverAndEnd));
    assert!(rules.end_of_body().is_none() && rules.messages_started());
}

#[test]
fn the_type_decides_before_the_name_and_the_name_where_there_is_no_type() {
    let verdict = |name, data| StreamRules::new().accept(&event(name, data));
    assert!(matches!(verdict("error", r#"{"type":"content_block_stop"}"#), Verdict::Deliver));
    assert!(matches!(verdict("ping", r#"{"type":"message_stop"}"#), Verdict::DeliverAndEnd));
    assert!(matches!(verdict("message_stop", "{}"), Verdict::DeliverAndEnd));
    assert!(matches!(verdict("ping", "null"), Verdict::Ping));
    assert!(matches!(verdict("", r#"{"error":"no type"}"#), Verdict::Deliver));
    assert_eq!(failure("error", r#"{"error":{"message":"no type"}}"#).kind(), ErrorKind::ApiStream);
}

#[test]
fn a_ping_or_an_error_in_plain_text_is_understood() {
    assert!(matches!(StreamRules::new().accept(&event("ping", "")), Verdict::Skip));
    let error = failure("error", "upstream  is\ngone");
    assert_eq!(error.kind(), ErrorKind::ApiStream);
    assert!(error.message().ends_with(": upstream is gone"), "{error}");
}

#[test]
fn done_ends_a_stream_and_is_not_delivered() {
    let mut rules = StreamRules::new();
    assert!(matches!(accept(&mut rules, "[DONE]"), Verdict::End));
    assert!(!rules.messages_started());
    accept(&mut rules, r#"{"type":"message_start"}"#);
    assert!(matches!(accept(&mut rules, "[DONE]"), Verdict::End));
    assert!(rules.end_of_body().is_none());
    assert!(matches!(accept(&mut StreamRules::new(), " [DONE]"), Verdict::Fail(_)), "exactly that text");
}

#[test]
fn an_end_without_message_stop_is_incomplete_only_if_a_message_has_begun() {
    let mut rules = StreamRules::new();
    assert!(rules.end_of_body().is_none());
    accept(&mut rules, r#"{"type":"completion","completion":"legacy"}"#);
    assert!(rules.end_of_body().is_none());
    accept(&mut rules, r#"{"type":"message_start"}"#);
    let error = rules.end_of_body().unwrap();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::IncompleteStream, Phase::Body));
    assert!(error.message().contains("before message_stop"));
}

#[test]
fn a_stream_that_must_carry_a_message_is_incomplete_until_it_stops() {
    let mut rules = StreamRules::of_message();
    assert!(rules.end_of_body().is_some());
    accept(&mut rules, r#"{"type":"ping"}"#);
    accept(&mut rules, r#"{"type":"from_the_future"}"#);
    assert!(rules.end_of_body().unwrap().message().contains("before message_stop, after 2 events"));
    accept(&mut rules, r#"{"type":"message_start"}"#);
    assert!(rules.end_of_body().is_some() && rules.messages_started());
    accept(&mut rules, r#"{"type":"message_stop"}"#);
    assert!(rules.end_of_body().is_none());
}

#[test]
fn data_that_is_no_json_fails_with_its_place_and_without_its_content() {
    let mut rules = StreamRules::new();
    accept(&mut rules, "{}");
    let Verdict::Fail(error) = accept(&mut rules, r#"{"secret":"diary"}, {"type":"message_stop"}"#) else {
        unreachable!("it is no single value")
    };
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Parse, Phase::Body));
    assert_eq!(error.message(), "event 2 of the stream is not JSON: the JSON value is malformed at byte 18");
    assert!(failure("", "").message().contains("a JSON value was expected at byte 0"));
    assert!(failure("", "{\"a\":").message().contains("should go on at byte 5"));
}

/// The kinds of the events delivered from a recorded stream, fed as it would come, and how it ended.
fn play(recording: &str) -> (Vec<String>, Result<(), Error>) {
    let wire: String = recording.lines().flat_map(|line| ["data: ", line, "\n\n"]).collect();
    let (mut decoder, mut events) = (Decoder::new(1 << 20), Vec::new());
    for piece in wire.as_bytes().chunks(17) {
        decoder.feed(piece, &mut events).unwrap();
    }
    let (mut rules, mut delivered) = (StreamRules::new(), Vec::new());
    for event in events {
        let verdict = rules.accept(&event);
        if matches!(verdict, Verdict::Deliver | Verdict::DeliverAndEnd) {
            let json: serde_json::Value = serde_json::from_str(&event.data).unwrap();
            delivered.push(json["type"].as_str().unwrap().to_owned());
        }
        match verdict {
            Verdict::Fail(error) => return (delivered, Err(error)),
            Verdict::End | Verdict::DeliverAndEnd => return (delivered, Ok(())),
            Verdict::Deliver | Verdict::Ping | Verdict::Skip => {}
        }
    }
    (delivered, rules.end_of_body().map_or(Ok(()), Err))
}

#[test]
fn recorded_streams_are_delivered_without_their_pings() {
    for recording in [
        include_str!("../fixtures/text.jsonl"),
        include_str!("../fixtures/thinking.jsonl"),
        include_str!("../fixtures/tool_use.jsonl"),
        include_str!("../fixtures/server_tool.jsonl"),
        include_str!("../fixtures/refusal.jsonl"),
        include_str!("../fixtures/duplicate_start.jsonl"),
        include_str!("../fixtures/usage_only_delta.jsonl"),
        include_str!("../fixtures/unknown_types.jsonl"),
    ] {
        let (delivered, end) = play(recording);
        assert!(end.is_ok(), "{end:?}");
        let pings = recording.lines().filter(|line| line.contains(r#""ping""#)).count();
        assert_eq!(delivered.len() + pings, recording.lines().count());
        assert_eq!(delivered.last().unwrap(), "message_stop");
        let cut = recording.rsplit_once("{\"type\":\"message_stop\"}").unwrap().0;
        assert_eq!(play(cut).1.unwrap_err().kind(), ErrorKind::IncompleteStream);
    }
}

#[test]
fn an_error_in_the_middle_of_a_stream_ends_it_as_its_http_form_would() {
    let (delivered, end) = play(include_str!("../fixtures/error_midway.jsonl"));
    let error = end.unwrap_err();
    assert_eq!(delivered.len(), 3);
    assert_eq!(
        (error.kind(), error.phase(), error.code()),
        (ErrorKind::Status(529), Phase::Body, "OVERLOADED")
    );
    assert_eq!(error.message(), "overloaded_error: Overloaded (request req_midway)");
    assert!(error.is_retryable());
}

#[test]
fn each_error_type_has_its_status() {
    for (name, status) in [
        ("invalid_request_error", 400),
        ("authentication_error", 401),
        ("billing_error", 402),
        ("permission_error", 403),
        ("not_found_error", 404),
        ("request_too_large", 413),
        ("rate_limit_error", 429),
        ("api_error", 500),
        ("timeout_error", 504),
        ("overloaded_error", 529),
    ] {
        let error =
            error_from_event(&format!(r#"{{"type":"error","error":{{"type":"{name}","message":"m"}}}}"#));
        assert_eq!((error.kind(), error.status()), (ErrorKind::Status(status), Some(status)));
        assert_eq!(error.response().unwrap().status.as_u16(), status);
    }
    let data = r#"{"type":"error","error":{"type":"novel_error","message":"m"}}"#;
    let error = error_from_event(data);
    assert_eq!((error.kind(), error.message()), (ErrorKind::ApiStream, "novel_error: m"));
    assert_eq!(error.response().unwrap().api_type.as_deref(), Some("novel_error"));
    assert_eq!(error.response().unwrap().body, data);
}

/// Input, output, read from the cache, written to it.
fn told(usage: Usage) -> [Option<u64>; 4] {
    [
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_input_tokens,
        usage.cache_creation_input_tokens,
    ]
}

#[test]
fn the_usage_of_an_answer_is_its_own_and_not_one_that_its_content_speaks_of() {
    for (json, expected) in [
        (
            r#"{"usage":{"input_tokens":1,"output_tokens":2,"cache_read_input_tokens":3,"cache_creation_input_tokens":4}}"#,
            [Some(1), Some(2), Some(3), Some(4)],
        ),
        (
            r#"{"usage":{"input_tokens":1,"cache_read_input_tokens":null,"service_tier":"x"},"more":[1]}"#,
            [Some(1), None, None, None],
        ),
        (r#"{"content":[{"input":{"usage":{"input_tokens":9}}}]}"#, [None; 4]),
        (r#"{"content":[{"text":"\"usage\":{\"input_tokens\":9}"}]}"#, [None; 4]),
        (r#"{"usage":{"input_tokens":-1}}"#, [None; 4]),
        (r#"{"usage":"no_tokens"}"#, [None; 4]),
        (r#"{"usage":{"input_tokens":1}"#, [None; 4]),
        ("", [None; 4]),
    ] {
        assert_eq!(told(Usage::of_message(json.as_bytes())), expected, "{json}");
    }
}

#[test]
fn the_usage_of_a_stream_is_the_last_figure_of_each_kind_with_or_without_names_of_events() {
    for (recording, expected) in [
        (include_str!("../fixtures/usage_only_delta.jsonl"), [Some(40), Some(8), None, None]),
        (
            "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":7}}}\n",
            [Some(5), None, Some(7), None],
        ),
    ] {
        for named in [true, false] {
            let mut usage = Usage::default();
            for data in recording.lines() {
                let json: serde_json::Value = serde_json::from_str(data).unwrap();
                usage.note(&event(if named { json["type"].as_str().unwrap() } else { "" }, data));
            }
            assert_eq!(told(usage), expected, "{named}");
        }
    }
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect()
}

fn http_error(status: u16, pairs: &[(&'static str, &str)], body: &'static str) -> Error {
    describe(StatusCode::from_u16(status).unwrap(), &headers(pairs), Bytes::from_static(body.as_bytes()))
}

#[test]
fn an_error_body_of_the_api_tells_type_message_and_request() {
    let body = r#"{"type":"error","error":{"type":"rate_limit_error","message":"Too many requests"},"request_id":"req_1"}"#;
    let error = http_error(429, &[("retry-after", "7")], body);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Status(429), Phase::FirstByte));
    assert_eq!(error.message(), "429 rate_limit_error: Too many requests (request req_1)");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    let response = error.response().unwrap();
    assert_eq!((response.status.as_u16(), response.api_type.as_deref()), (429, Some("rate_limit_error")));
    assert_eq!((&response.body[..], response.headers.len()), (body.as_bytes(), 1));
}

#[test]
fn the_request_id_comes_from_the_header_first() {
    let body = r#"{"request_id":"c"}"#;
    let id = |pairs| http_error(500, pairs, body).response().unwrap().request_id.clone();
    assert_eq!(id(&[("request-id", "a"), ("x-request-id", "b")]).as_deref(), Some("a"));
    assert_eq!(id(&[("x-request-id", "b")]).as_deref(), Some("b"));
    assert_eq!(id(&[]).as_deref(), Some("c"));
}

#[test]
fn other_error_bodies_are_understood_as_far_as_they_go() {
    for (status, body, message) in [
        (400, r#"{"error":{"message":"no type"}}"#, "400 Bad Request: no type"),
        (401, r#"{"error":"just text"}"#, "401 Unauthorized: just text"),
        (403, r#"{"message":"from a gateway"}"#, "403 Forbidden: from a gateway"),
        (500, r#"{"other":  1}"#, r#"500 Internal Server Error: {"other": 1}"#),
        (502, "<html>\r\n  <h1>Bad\u{1b}Gateway</h1>", "502 Bad Gateway: <html> <h1>Bad Gateway</h1>"),
        (503, "", "503 Service Unavailable"),
        (413, "<html>too large</html>", "413 Payload Too Large: <html>too large</html>"),
        (504, "<html>timed out</html>", "504 Gateway Timeout: <html>timed out</html>"),
        (529, "<html>busy</html>", "529: <html>busy</html>"),
        (529, " \n", "529"),
        (529, "full", "529: full"),
        (
            500,
            r#"{"error":{"message":"\ud800"}}"#,
            r#"500 Internal Server Error: {"error":{"message":"\ud800"}}"#,
        ),
    ] {
        assert_eq!(http_error(status, &[], body).message(), message);
    }
}

#[test]
fn long_bodies_are_quoted_and_kept_in_part() {
    let body = Bytes::from("é ".repeat(100_000));
    let error = describe(StatusCode::BAD_GATEWAY, &HeaderMap::new(), body);
    let quoted = error.message().strip_prefix("502 Bad Gateway: ").unwrap();
    assert_eq!((quoted.chars().count(), quoted.chars().last()), (200, Some('…')));
    assert_eq!(error.response().unwrap().body.len(), 64 * 1024);
    let broken = describe(StatusCode::BAD_GATEWAY, &HeaderMap::new(), Bytes::from_static(b"a\xFFb"));
    assert_eq!(broken.message(), "502 Bad Gateway: a\u{fffd}b");
}

#[test]
fn retry_after_is_read_in_every_form() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    for (pairs, expected) in [
        (&[("retry-after-ms", "1500.5"), ("retry-after", "9")][..], Some(1500.5)),
        (&[("retry-after-ms", "0"), ("retry-after", "9")], Some(0.0)),
        (&[("retry-after-ms", "soon"), ("retry-after", "9")], Some(9000.0)),
        (&[("retry-after-ms", "-1"), ("retry-after", "0.25")], Some(250.0)),
        (&[("retry-after", "0")], Some(0.0)),
        (&[("retry-after", " 3 ")], Some(3000.0)),
        (&[("retry-after", "Sun, 06 Nov 1994 08:49:40 GMT")], Some(3000.0)),
        (&[("retry-after", "Sun, 06 Nov 1994 08:49:30 GMT")], Some(0.0)),
        (&[("retry-after", "-5")], None),
        (&[("retry-after", "NaN")], None),
        (&[("retry-after", "inf")], None),
        (&[("retry-after", "1e3")], None),
        (&[("retry-after", ".")], None),
        (&[("retry-after", "tomorrow")], None),
        (&[("retry-after", "")], None),
        (&[], None),
    ] {
        let expected = expected.map(|milliseconds: f64| Duration::from_secs_f64(milliseconds / 1000.0));
        assert_eq!(retry_after(&headers(pairs), now), expected, "{pairs:?}");
    }
    let beyond = "99999999999999999999999999";
    for name in ["retry-after", "retry-after-ms"] {
        let told = retry_after(&headers(&[(name, beyond)]), now);
        assert_eq!(told, Some(Duration::MAX), "{name}: later than any time, and not at once");
    }
}

proptest! {
    #[test]
    fn what_is_accepted_is_json_and_what_is_json_is_accepted(
        words in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"type\"", "\"ping\"", "\"a\"", "1", "-0.5", "null", " ", "\"\\n\"", "\n", "x", "\"",
        ]), 0..12),
    ) {
        let text = words.concat();
        let parsed = serde_json::from_str::<serde_json::Value>(&text);
        prop_assert_eq!(inspect(&text).is_ok(), parsed.is_ok());
        if let (Ok(payload), Ok(json)) = (inspect(&text), parsed) {
            prop_assert_eq!(payload.typed, json["type"].is_string());
            prop_assert_eq!(payload.kind == Kind::Ping, json["type"] == "ping");
        }
    }

    #[test]
    fn a_piece_is_what_a_parser_finds_and_none_is_found_where_a_parser_refuses(
        text in "[a-zé\"\\\\u0-9\n ]{0,12}",
        end in "[ }]{0,4}",
    ) {
        let data = format!(
            r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{text}"{end}"#
        );
        let parsed: Option<serde_json::Value> = serde_json::from_str(&data).ok();
        if let Some(delta) = Delta::read(&data) {
            // Only a lone surrogate is JSON and no Rust string.
            match parsed {
                Some(value) => prop_assert_eq!(
                    &value["delta"]["text"],
                    &serde_json::from_str::<serde_json::Value>(delta.piece).unwrap()
                ),
                None => prop_assert!(data.contains("\\ud")),
            }
        }
    }

    #[test]
    fn no_error_body_is_too_strange(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let error = describe(StatusCode::BAD_REQUEST, &HeaderMap::new(), Bytes::from(body.clone()));
        prop_assert!(error.message().chars().count() < 300);
        error_from_event(&String::from_utf8_lossy(&body));
    }
}
