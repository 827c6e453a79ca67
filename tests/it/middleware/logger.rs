//! `logger`: a line for each request, answer and failure, whatever way a call ends.

use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use serde_json::{Value, json};
use trae_native::{
    ErrorKind, Phase,
    body::{Body, collect},
    middleware::{
        logger::{Level, Levels, Logger, LoggerOptions},
        retry::{Jitter, Retry, RetryOptions},
    },
    pipeline::Middleware,
    redact::Rules,
};

use super::{
    MS, Peer, SECOND, after, answer, bytes, events, failure, never, now, ok, onion, post, read, status,
};

type Lines = Arc<Mutex<Vec<Value>>>;

fn logger(options: LoggerOptions) -> (Arc<dyn Middleware>, Lines) {
    let lines = Lines::default();
    let kept = Arc::clone(&lines);
    let sink = move |line: String| kept.lock().unwrap().push(serde_json::from_str(&line).unwrap());
    (Arc::new(Logger::new(options, Arc::new(sink))), lines)
}

/// Of all lines but those of requests, what stands under these names.
fn outcomes(lines: &Lines, names: &[&str]) -> Vec<Vec<Value>> {
    let lines = lines.lock().unwrap();
    let outcomes = lines.iter().filter(|line| line.get("responseTime").is_some());
    outcomes
        .map(|line| names.iter().map(|name| line.pointer(name).cloned().unwrap_or_default()).collect())
        .collect()
}

const MESSAGE: &str = r#"{"type":"message","usage":{"input_tokens":7,"output_tokens":9}}"#;

#[tokio::test(start_paused = true)]
async fn an_answer_is_told_when_all_of_it_is_there_with_what_it_took() {
    let (layer, lines) = logger(LoggerOptions::default());
    let peer =
        Peer::new(vec![after(SECOND, Ok(answer(200, bytes(vec![Ok(&MESSAGE[..20]), Ok(&MESSAGE[20..])]))))]);
    let res = onion(vec![layer], &peer).run(post()).await.unwrap();
    assert_eq!(lines.lock().unwrap().len(), 1, "the request alone");
    assert_eq!(collect(res.body, 1 << 20, None).await.unwrap(), MESSAGE);
    let told =
        outcomes(&lines, &["/level", "/res/statusCode", "/responseTime", "/attempts", "/usage", "/msg"]);
    let usage = json!({ "input_tokens": 7, "output_tokens": 9 });
    let msg = "POST http://api.test/v1/messages 200";
    assert_eq!(told, [[json!(30), json!(200), json!(3000.0), json!(1), usage, json!(msg)]]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_told_at_its_end_with_its_first_event_and_its_tokens() {
    let (layer, lines) = logger(LoggerOptions::default());
    let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":7,"output_tokens":1}}}"#;
    let delta = r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":9}}"#;
    let body = events(vec![
        Ok(vec![r#"{"type":"ping"}"#]),
        Ok(vec![start]),
        Ok(vec![delta, r#"{"type":"message_stop"}"#]),
    ]);
    let peer = Peer::new(vec![now(Ok(answer(200, body)))]);
    let res = onion(vec![layer], &peer).run(post()).await.unwrap();
    read(res).await;
    let told = outcomes(&lines, &["/responseTime", "/firstEventMs", "/events", "/usage", "/left"]);
    let usage = json!({ "input_tokens": 7, "output_tokens": 9 });
    assert_eq!(told, [[json!(3000.0), json!(2000.0), json!(3), usage, Value::Null]]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_was_left_and_one_that_breaks_has_failed() {
    let (layer, lines) = logger(LoggerOptions::default());
    let body = || {
        events(vec![Ok(vec!["{}"]), Err(trae_native::Error::new(ErrorKind::Reset, Phase::Body, "it broke"))])
    };
    let peer = Peer::new(vec![now(Ok(answer(200, body()))), now(Ok(answer(200, body())))]);
    let onion = onion(vec![layer], &peer);
    let Body::Events(mut left) = onion.run(post()).await.unwrap().body else { unreachable!("a stream") };
    assert!(left.next().await.is_some());
    drop(left);
    read(onion.run(post()).await.unwrap()).await;
    let told = outcomes(&lines, &["/level", "/left", "/events", "/err/code", "/err/message"]);
    let broken = [json!(50), Value::Null, json!(1), json!("CONNECTION_RESET"), json!("it broke")];
    assert_eq!(told, [[json!(30), json!(true), json!(1), Value::Null, Value::Null], broken]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_or_is_given_up_is_told_once() {
    let (layer, lines) = logger(LoggerOptions::default());
    let peer = Peer::new(vec![failure(ErrorKind::Dns, Phase::Connect), never()]);
    let onion = onion(vec![layer], &peer);
    assert!(onion.run(post()).await.is_err());
    assert!(tokio::time::timeout(SECOND, onion.run(post())).await.is_err());
    let told = outcomes(&lines, &["/err/code", "/err/phase", "/err/retryable", "/responseTime"]);
    let given_up = [json!("ABORTED"), json!("total"), json!(false), json!(1000.0)];
    assert_eq!(told, [[json!("DNS"), json!("connect"), json!(true), json!(0.0)], given_up]);
}

#[tokio::test(start_paused = true)]
async fn inside_of_retry_each_attempt_is_told_by_its_number() {
    let (inner, attempts) = logger(LoggerOptions::default());
    let (outer, calls) = logger(LoggerOptions::default());
    let options = RetryOptions { base: 100 * MS, jitter: Jitter::Fixed, ..RetryOptions::default() };
    let peer = Peer::new(vec![status(503), ok()]);
    onion(vec![outer, Arc::new(Retry::new(options)), inner], &peer).run(post()).await.unwrap();
    assert_eq!(
        outcomes(&attempts, &["/req/attempt", "/err/status", "/res/statusCode"]),
        [[json!(1), json!(503), Value::Null], [json!(2), Value::Null, json!(200)]]
    );
    assert_eq!(
        outcomes(&calls, &["/attempts", "/responseTime", "/res/statusCode"]),
        [[json!(2), json!(100.0), json!(200)]]
    );
}

#[tokio::test(start_paused = true)]
async fn only_lines_that_are_grave_enough_are_written_and_a_silent_logger_writes_none() {
    for (level, levels, expected) in [
        (Level::Error, LoggerOptions::default().levels, 1),
        (Level::Info, LoggerOptions::default().levels, 4),
        (Level::Trace, Levels { request: Level::Silent, response: Level::Trace, error: Level::Silent }, 1),
        (Level::Silent, LoggerOptions::default().levels, 0),
    ] {
        let (layer, lines) = logger(LoggerOptions { level, levels, ..LoggerOptions::default() });
        let peer = Peer::new(vec![ok(), status(400)]);
        let onion = onion(vec![layer], &peer);
        assert!(onion.run(post()).await.is_ok());
        assert!(onion.run(post()).await.is_err());
        assert_eq!(lines.lock().unwrap().len(), expected, "{level:?} {levels:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_rules_of_a_call_name_is_in_no_line() {
    let options = LoggerOptions { headers: true, bodies: Some(100), ..LoggerOptions::default() };
    let (layer, lines) = logger(options);
    let mut req = post();
    let rules =
        Rules { paths: vec!["prompt".parse().unwrap()], query: vec!["user".into()], ..Rules::default() };
    req.extensions.insert(Arc::new(rules));
    req.url.set_query(Some("user=joe&token=abc&beta=1"));
    req.headers.insert("authorization", "Bearer quite-secret".parse().unwrap());
    req.headers.insert("content-type", "application/json".parse().unwrap());
    req.body = Body::Full(r#"{"prompt":"private","model":"m"}"#.into());
    let mut res = answer(200, Body::Full(r#"{"prompt":"private"}"#.into()));
    res.headers.insert("set-cookie", "sid=1".parse().unwrap());
    onion(vec![layer], &Peer::new(vec![now(Ok(res))])).run(req).await.unwrap();
    let lines = lines.lock().unwrap();
    assert_eq!(lines[0]["req"]["url"], "http://api.test/v1/messages?user=[redacted]&token=[redacted]&beta=1");
    assert_eq!(lines[0]["req"]["body"], json!({ "prompt": "[redacted]", "model": "m" }));
    assert_eq!(lines[0]["req"]["headers"]["authorization"], "[redacted]");
    assert_eq!(lines[1]["res"]["headers"]["set-cookie"], "[redacted]");
    // The answer says nothing of its type, so that it is text.
    let text = Value::Array(lines.clone()).to_string();
    assert!(!["quite-secret", "joe", "abc", "sid=1"].iter().any(|secret| text.contains(secret)), "{text}");
}
