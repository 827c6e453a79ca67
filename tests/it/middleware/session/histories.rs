//! Random histories of turns, failures, aborts and streams that overlap as they like, on paused time.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::join_all;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    claude::events_of,
    pipeline::{BoxFuture, Endpoint, Pipeline},
    request::Request,
    response::Response,
    session::SessionOptions,
};

use super::{MS, answer, memory, message, read, refusing, text, turn};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Answers,
    Streams,
    Fails,
    StreamBreaks,
    IsAborted,
    IsRefused,
}

#[derive(Debug, Clone, Copy)]
struct Act {
    starts: u64,
    takes: u64,
    ends: End,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let end = prop_oneof![
        3 => Just(End::Answers),
        3 => Just(End::Streams),
        1 => Just(End::Fails),
        1 => Just(End::StreamBreaks),
        2 => Just(End::IsAborted),
        1 => Just(End::IsRefused),
    ];
    prop::collection::vec((0_u64..200, 1_u64..60, end), 1..24)
        .prop_map(|acts| acts.into_iter().map(|(starts, takes, ends)| Act { starts, takes, ends }).collect())
}

/// Does what the question asks of it, and remembers what it was sent.
struct Model {
    acts: Vec<Act>,
    sent: Mutex<Vec<Vec<Value>>>,
}

impl Endpoint for Model {
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        let Body::Full(body) = req.body else { unreachable!("a turn is whole") };
        let body: Value = serde_json::from_slice(&body).unwrap();
        let messages = body["messages"].as_array().unwrap().clone();
        let number: usize = messages.last().unwrap()["content"].as_str().unwrap().parse().unwrap();
        self.sent.lock().unwrap().push(messages);
        let act = self.acts[number];
        Box::pin(async move {
            sleep(act.takes as u32 * MS).await;
            let whole = message(&text(&format!("re {number}")), "end_turn");
            match act.ends {
                End::Fails => Err(Error::new(ErrorKind::Reset, Phase::Body, "it failed")),
                End::Answers | End::IsAborted | End::IsRefused => Ok(answer(200, Body::Full(whole))),
                End::Streams | End::StreamBreaks => {
                    let mut events = events_of(std::str::from_utf8(&whole).unwrap()).unwrap();
                    if act.ends == End::StreamBreaks {
                        events.pop();
                    }
                    let one_by_one =
                        futures_util::stream::iter(events.into_iter().map(|event| Ok(vec![event])));
                    Ok(answer(200, Body::Events(Box::pin(one_by_one))))
                }
            }
        })
    }
}

/// Whether the turn was acknowledged to its caller.
async fn run(pipeline: &Pipeline, number: usize, act: Act) -> bool {
    sleep(Duration::from_millis(act.starts)).await;
    let waits = SessionOptions { lease: 20 * MS, ..SessionOptions::default() };
    let options = if act.ends == End::IsRefused { refusing() } else { waits };
    let call = async {
        let res = pipeline.run(turn(&json!(number.to_string()), options)).await?;
        match &res.body {
            // The end of a stream is judged where it is read.
            Body::Events(_) => match read(res).await {
                (data, None) => Ok(data.last().is_some_and(|last| last.contains("message_stop"))),
                (_, Some(error)) => Err(error),
            },
            _ => Ok(true),
        }
    };
    let limit = if act.ends == End::IsAborted { Duration::from_millis(act.takes / 2) } else { Duration::MAX };
    // Whoever waits for others would be aborted while it waits, too.
    let outcome: Result<Result<bool>, _> = timeout(limit.min(Duration::from_secs(3600)), call).await;
    matches!(outcome, Ok(Ok(true)))
}

async fn check(acts: Vec<Act>) -> Result<(), TestCaseError> {
    let sessions = memory();
    let model = Arc::new(Model { acts: acts.clone(), sent: Mutex::default() });
    let pipeline = Pipeline::new(vec![sessions.clone()], model.clone());
    let calls = acts.iter().enumerate().map(|(number, act)| run(&pipeline, number, *act));
    let acknowledged: BTreeSet<usize> = join_all(calls)
        .await
        .into_iter()
        .enumerate()
        .filter(|(_, yes)| *yes)
        .map(|(number, _)| number)
        .collect();

    let history: Vec<Value> = serde_json::from_str(&sessions.history("s", None).await.unwrap()).unwrap();
    let mut kept = BTreeSet::new();
    for pair in history.chunks(2) {
        let number = pair[0]["content"].as_str().unwrap();
        prop_assert_eq!(&pair[1], &json!({ "role": "assistant", "content": text(&format!("re {number}")) }));
        prop_assert!(kept.insert(number.parse::<usize>().unwrap()), "kept twice");
    }
    prop_assert_eq!(&kept, &acknowledged);
    for messages in model.sent.lock().unwrap().iter() {
        let (question, before) = messages.split_last().unwrap();
        prop_assert!(history.starts_with(before), "what was sent is the beginning of what is kept");
        if let Some(at) = history.iter().position(|message| message == question) {
            prop_assert_eq!(at, before.len(), "a turn stands where it was sent");
        }
    }
    tokio::task::yield_now().await;
    let free = pipeline.run(turn(&json!("0"), refusing())).await;
    prop_assert!(!matches!(free, Err(error) if error.kind() == ErrorKind::SessionBusy));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_what_is_kept_is_what_was_acknowledged_each_turn_whole_and_in_its_place(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(check(acts))?;
    }
}
