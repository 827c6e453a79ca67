//! Sessions: turns that follow each other, kept whole or not at all, in memory and in Redis alike.

mod histories;
#[cfg(feature = "redis")]
mod replicas;

use std::sync::Arc;

use bytes::Bytes;
use http::Extensions;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    pipeline::{Endpoint, Middleware, Pipeline},
    request::Request,
    response::Response,
    session::{KeepOptions, OnBusy, Session, SessionOptions, Sessions},
};

use super::{MS, Peer, SECOND, Step, after, answer, events, failure, never, now, post, read};

fn memory() -> Arc<Sessions> {
    Arc::new(Sessions::in_memory(KeepOptions::default()))
}

fn refusing() -> SessionOptions {
    SessionOptions { on_busy: OnBusy::Refuse, ..SessionOptions::default() }
}

/// A call that says this in the session `s`.
fn turn(content: &Value, options: SessionOptions) -> Request {
    let body = json!({ "model": "m", "messages": [{ "role": "user", "content": content }], "max_tokens": 9 });
    let mut extensions = Extensions::new();
    extensions.insert(Session { id: "s".to_owned(), options });
    Request { body: Body::Full(body.to_string().into()), extensions, ..post() }
}

fn message(content: &Value, stop_reason: &str) -> Bytes {
    let message = json!({
        "type": "message", "role": "assistant", "content": content, "stop_reason": stop_reason,
        "usage": { "input_tokens": 3, "output_tokens": 5 },
    });
    message.to_string().into()
}

fn text(text: &str) -> Value {
    json!([{ "type": "text", "text": text }])
}

/// An answer that is there at once.
fn says(words: &str) -> Step {
    now(Ok(answer(200, Body::Full(message(&text(words), "end_turn")))))
}

/// A stream with an event a second, complete or cut off.
fn streams(complete: bool) -> Step {
    let mut batches = vec![
        Ok(vec![r#"{"type":"message_start","message":{"role":"assistant","content":[]}}"#]),
        Ok(vec![
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"He"}}"#,
        ]),
        Ok(vec![r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"llo"}}"#]),
        Ok(vec![
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#,
            r#"{"type":"message_stop"}"#,
        ]),
    ];
    if !complete {
        batches.pop();
    }
    now(Ok(answer(200, events(batches))))
}

/// An answer that comes when it is let go.
fn gated(step: Step) -> (oneshot::Sender<()>, Step) {
    let (open, gate) = oneshot::channel();
    let step = Box::pin(async move {
        let _opened = gate.await;
        step.await
    });
    (open, step)
}

/// Calls of one process with these answers.
struct Talk {
    sessions: Arc<Sessions>,
    peer: Arc<Peer>,
    pipeline: Pipeline,
}

impl Talk {
    fn new(sessions: &Arc<Sessions>, steps: Vec<Step>) -> Self {
        let peer = Peer::new(steps);
        let layers = vec![Arc::clone(sessions) as Arc<dyn Middleware>];
        let pipeline = Pipeline::new(layers, Arc::clone(&peer) as Arc<dyn Endpoint>);
        Self { sessions: Arc::clone(sessions), peer, pipeline }
    }

    async fn say(&self, words: &str) -> Result<Response> {
        self.pipeline.run(turn(&json!(words), refusing())).await
    }

    /// Waits until so many calls have come through: how long a store takes is its own.
    async fn asked(&self, count: usize) {
        while self.peer.count() < count {
            tokio::time::sleep(MS).await;
        }
    }

    /// The messages of each request.
    fn sent(&self) -> Vec<Value> {
        let bodies = self.peer.asked().into_iter().filter_map(|asked| asked.body);
        bodies.map(|body| serde_json::from_slice::<Value>(&body).unwrap()["messages"].clone()).collect()
    }

    async fn history(&self) -> Value {
        serde_json::from_str(&self.sessions.history("s", None).await.unwrap()).unwrap()
    }
}

/// What a conversation of these questions and answers looks like.
fn dialogue(said: &[(&str, &str)]) -> Value {
    let messages = said.iter().flat_map(|(question, words)| {
        [
            json!({ "role": "user", "content": question }),
            json!({ "role": "assistant", "content": text(words) }),
        ]
    });
    messages.collect()
}

/// What holds wherever sessions stand; each store calls it with one that is empty.
async fn keep_the_contract(sessions: &Arc<Sessions>) {
    let steps = vec![says("1"), says("2"), failure(ErrorKind::Reset, Phase::Body), never(), says("3")];
    let talk = Talk::new(sessions, steps);
    talk.say("a").await.unwrap();
    talk.say("b").await.unwrap();
    assert_eq!(talk.say("fails").await.unwrap_err().kind(), ErrorKind::Reset);
    tokio::select! {
        _ = talk.say("aborted") => unreachable!("it is never answered"),
        () = talk.asked(4) => {}
    }
    talk.say("c").await.unwrap();
    let all = dialogue(&[("a", "1"), ("b", "2"), ("c", "3")]);
    assert_eq!(talk.history().await, all);
    let sent = talk.sent();
    assert_eq!(sent[4], json!([all[0], all[1], all[2], all[3], { "role": "user", "content": "c" }]));

    assert_eq!(sessions.history("s", Some(1)).await.unwrap(), json!([all[4], all[5]]).to_string());
    sessions.fork("s", "t", refusing()).await.unwrap();
    let error = sessions.fork("s", "t", refusing()).await.unwrap_err();
    assert!(error.message().contains("there is a session of that id already"), "{error}");
    assert_eq!(sessions.trim("s", 2).await.unwrap(), 1);
    assert_eq!(sessions.trim("s", 2).await.unwrap(), 0);
    assert_eq!(talk.history().await, json!([all[2], all[3], all[4], all[5]]));
    assert_eq!(sessions.history("t", None).await.unwrap(), all.to_string());
    assert!(sessions.delete("s").await.unwrap());
    assert!(!sessions.delete("s").await.unwrap());
    assert_eq!(talk.history().await, json!([]));
    sessions.import("s", &all.to_string(), refusing()).await.unwrap();
    assert_eq!(talk.history().await, all);
    assert!(sessions.delete("t").await.unwrap());
    refuse_what_overlaps(sessions).await;
    keep_streams_and_tools(sessions).await;
}

async fn refuse_what_overlaps(sessions: &Arc<Sessions>) {
    let (open, step) = gated(says("late"));
    let talk = Talk::new(sessions, vec![step, says("next")]);
    let (first, second) = tokio::join!(talk.say("slow"), async {
        talk.asked(1).await;
        let early = talk.say("early").await;
        open.send(()).unwrap();
        early
    });
    first.unwrap();
    let error = second.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::SessionBusy, 0));
    assert_eq!(error.message(), "another turn of the session is under way (`onBusy: 'refuse'`)");
    talk.say("then").await.unwrap();
    // Deleted in mid-turn: the turn is told that it was not kept.
    let (open, step) = gated(says("lost"));
    let talk = Talk::new(sessions, vec![step]);
    let (turn, deleted) = tokio::join!(talk.say("late"), async {
        talk.asked(1).await;
        let deleted = sessions.delete("s").await;
        open.send(()).unwrap();
        deleted
    });
    assert!(deleted.unwrap());
    let error = turn.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionBusy);
    assert!(error.message().starts_with("the turn was not kept: its session was deleted"), "{error}");
    assert_eq!(talk.history().await, json!([]));
}

async fn keep_streams_and_tools(sessions: &Arc<Sessions>) {
    let uses = json!([{ "type": "tool_use", "id": "t1", "name": "clock", "input": {} }]);
    let calls = now(Ok(answer(200, Body::Full(message(&uses, "tool_use")))));
    let talk = Talk::new(sessions, vec![streams(true), calls, says("noon"), says("bye")]);
    let res = talk.say("hi").await.unwrap();
    assert_eq!(talk.history().await, json!([]), "nothing before its end");
    assert!(talk.say("early").await.is_err(), "the session is his until then");
    let (data, error) = read(res).await;
    assert!(error.is_none() && data.len() == 6);
    assert_eq!(talk.history().await, dialogue(&[("hi", "Hello")]));
    talk.say("what time is it?").await.unwrap();
    let result = json!([{ "type": "tool_result", "tool_use_id": "t1", "content": "12:00" }]);
    talk.pipeline.run(turn(&result, refusing())).await.unwrap();
    // A window that has no place for all of it begins after the tool's turns, and not between them.
    talk.pipeline.run(turn(&json!("thanks"), SessionOptions { window: 45, ..refusing() })).await.unwrap();
    assert_eq!(talk.sent().last(), Some(&json!([{ "role": "user", "content": "thanks" }])));
    assert_eq!(sessions.trim("s", 2).await.unwrap(), 1, "what answers a tool has the tool's use with it");
    assert!(sessions.delete("s").await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn sessions_in_memory_keep_the_contract() {
    keep_the_contract(&memory()).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_fails_or_is_left_keeps_nothing_and_frees_the_session_at_once() {
    let reported = r#"{"type":"error","error":{"type":"overloaded_error","message":"no"}}"#;
    let broken = || Err(Error::new(ErrorKind::Reset, Phase::Body, "it broke"));
    let start = r#"{"type":"message_start","message":{"role":"assistant","content":[]}}"#;
    for step in [
        streams(false),
        now(Ok(answer(200, events(vec![Ok(vec![start]), broken()])))),
        now(Ok(answer(200, events(vec![Ok(vec![start, reported])])))),
    ] {
        let talk = Talk::new(&memory(), vec![step, says("1")]);
        read(talk.say("a").await.unwrap()).await;
        tokio::task::yield_now().await;
        talk.say("b").await.unwrap();
        assert_eq!(talk.history().await, dialogue(&[("b", "1")]));
    }
    let talk = Talk::new(&memory(), vec![streams(true), says("1")]);
    drop(talk.say("left").await.unwrap());
    tokio::task::yield_now().await;
    talk.say("b").await.unwrap();
    assert_eq!(talk.history().await, dialogue(&[("b", "1")]));
}

#[tokio::test(start_paused = true)]
async fn turns_that_wait_come_in_their_order_and_not_for_ever() {
    let answers = || {
        (0..4).map(|n| {
            Box::pin(async move {
                tokio::time::sleep(10 * SECOND).await;
                says(&n.to_string()).await
            }) as Step
        })
    };
    let talk = Talk::new(&memory(), answers().collect());
    let options = SessionOptions { busy_timeout: 25 * SECOND, ..SessionOptions::default() };
    let say = async |words: &str| talk.pipeline.run(turn(&json!(words), options)).await;
    let outcome = tokio::join!(say("a"), say("b"), say("c"), say("d"));
    assert!(outcome.0.is_ok() && outcome.1.is_ok() && outcome.2.is_ok());
    let error = outcome.3.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionBusy);
    assert_eq!(error.message(), "other turns of the session took longer than 25000 ms (`busyTimeout`)");
    assert_eq!(talk.history().await, dialogue(&[("a", "0"), ("b", "1"), ("c", "2")]));
}

#[tokio::test(start_paused = true)]
async fn a_turn_keeps_its_lease_however_long_its_answer_takes_and_however_slowly_it_is_read() {
    let talk = Talk::new(&memory(), vec![after(600 * SECOND, says("1").await), streams(true)]);
    let options = SessionOptions { lease: SECOND, ..refusing() };
    let long = talk.pipeline.run(turn(&json!("long"), options));
    let (long, other) = tokio::join!(long, async {
        tokio::time::sleep(300 * SECOND).await;
        talk.pipeline.run(turn(&json!("other"), options)).await
    });
    assert!(long.is_ok() && other.is_err());
    let res = talk.pipeline.run(turn(&json!("slow"), options)).await.unwrap();
    tokio::time::sleep(600 * SECOND).await;
    let (_, error) = read(res).await;
    assert!(error.is_none());
    assert_eq!(talk.history().await, dialogue(&[("long", "1"), ("slow", "Hello")]));
}

#[tokio::test(start_paused = true)]
async fn a_session_is_forgotten_when_its_time_is_over_and_each_turn_renews_it() {
    let talk = Talk::new(&memory(), vec![says("1"), says("2")]);
    let options = SessionOptions { ttl: 100 * SECOND, ..refusing() };
    for (words, rest) in [("a", 99), ("b", 99)] {
        talk.pipeline.run(turn(&json!(words), options)).await.unwrap();
        tokio::time::sleep(rest * SECOND).await;
        assert_ne!(talk.history().await, json!([]));
    }
    tokio::time::sleep(SECOND).await;
    assert_eq!(talk.history().await, json!([]));
}

#[tokio::test(start_paused = true)]
async fn what_no_turn_could_follow_is_answered_and_not_kept() {
    let cut = json!([{ "type": "tool_use", "id": "t1", "name": "clock", "input": "{\"a\":" }]);
    for (content, reason) in
        [(text("no"), "refusal"), (json!([]), "end_turn"), (cut, "max_tokens"), (json!("text"), "end_turn")]
    {
        let body = Body::Full(message(&content, reason));
        let talk = Talk::new(&memory(), vec![now(Ok(answer(200, body))), says("1")]);
        talk.say("a").await.unwrap();
        talk.say("b").await.unwrap();
        assert_eq!(talk.history().await, dialogue(&[("b", "1")]), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_turn_is_refused_before_anything_is_sent() {
    let talk = Talk::new(&memory(), vec![]);
    for body in
        ["[]", "{}", r#"{"messages":[]}"#, r#"{"messages":[{"role":"assistant","content":"x"}]}"#, "no"]
    {
        let req = Request { body: Body::Full(body.into()), ..turn(&json!(""), refusing()) };
        let error = talk.pipeline.run(req).await.unwrap_err();
        assert!(
            error.kind() == ErrorKind::Config && error.message().starts_with("a turn of a session is JSON")
        );
    }
    let error =
        talk.sessions.import("s", r#"[{"role":"user","content":"x"}]"#, refusing()).await.unwrap_err();
    assert!(error.message().starts_with("a history is a list of messages"), "{error}");
    assert_eq!(talk.peer.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_sent_as_it_was_written() {
    let talk = Talk::new(&memory(), vec![says("1"), says("2")]);
    let odd = r#"{"temperature":1.0,"messages":[{"role":"user","content":"a","n":1e2}],"model":"m"}"#;
    for _ in 0..2 {
        let req = Request { body: Body::Full(odd.into()), ..turn(&json!(""), refusing()) };
        talk.pipeline.run(req).await.unwrap();
    }
    let asked = talk.peer.asked();
    let sent = std::str::from_utf8(asked[1].body.as_deref().unwrap()).unwrap();
    let user = r#"{"role":"user","content":"a","n":1e2}"#;
    let assistant = r#"{"role":"assistant","content":[{"type":"text","text":"1"}]}"#;
    assert_eq!(sent, format!(r#"{{"temperature":1.0,"model":"m","messages":[{user},{assistant},{user}]}}"#));
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_and_forgets_what_was_used_least_lately() {
    let long = "x".repeat(1000);
    let history: Value = dialogue(&[(&long, &long), (&long, &long)]);
    for keep in [
        KeepOptions { max_sessions: 5, ..KeepOptions::default() },
        KeepOptions { max_bytes: 25_000, max_sessions: 100 },
    ] {
        let sessions = Sessions::in_memory(keep);
        for id in 0..20 {
            sessions.import(&id.to_string(), &history.to_string(), refusing()).await.unwrap();
        }
        let mut kept = Vec::new();
        for id in 0..20 {
            if sessions.history(&id.to_string(), None).await.unwrap() != "[]" {
                kept.push(id);
            }
        }
        assert!((3..=5).contains(&kept.len()) && kept.ends_with(&[18, 19]), "{kept:?}");
    }
    let sessions = Arc::new(Sessions::in_memory(KeepOptions { max_bytes: 5000, max_sessions: 9 }));
    let talk = Talk::new(&sessions, (0..9).map(|_| says(&long)).collect());
    for _ in 0..9 {
        talk.say("a").await.unwrap();
    }
    assert_eq!(
        talk.history().await.as_array().unwrap().len(),
        6,
        "one that is too large alone loses its oldest"
    );
}

#[tokio::test(start_paused = true)]
async fn an_image_counts_as_one_and_not_by_the_length_of_its_bytes() {
    let data = "A".repeat(400_000);
    let image =
        json!([{ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": data } }]);
    let talk = Talk::new(&memory(), vec![says("1"), says("2")]);
    for content in [image, json!("what is it?")] {
        let options = SessionOptions { window: 2000, ..refusing() };
        talk.pipeline.run(turn(&content, options)).await.unwrap();
    }
    assert_eq!(talk.sent()[1].as_array().unwrap().len(), 3);
}
