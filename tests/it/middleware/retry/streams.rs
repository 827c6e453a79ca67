//! A stream is retried until its first event is there, and never after.

use std::time::Duration;

use futures_util::StreamExt;
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    request::{Expect, Request},
    response::Conceal,
};

use super::{
    super::{event, events, read},
    MS, SECOND, Step, answer, exact, now, ok, post, run, with,
};

const PING: &str = r#"{"type":"ping"}"#;
const START: &str = r#"{"type":"message_start"}"#;
const DELTA: &str = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;
const OVERLOADED: &str = r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#;
const INVALID: &str = r#"{"type":"error","error":{"type":"invalid_request_error","message":"no"}}"#;

fn stream(batches: Vec<Result<Vec<&'static str>>>) -> Step {
    now(Ok(answer(200, events(batches))))
}

fn whole() -> Step {
    stream(vec![Ok(vec![START, DELTA]), Ok(vec![STOP])])
}

fn reset() -> Error {
    Error::new(ErrorKind::Reset, Phase::Body, "it broke")
}

#[tokio::test(start_paused = true)]
async fn an_error_event_that_comes_first_counts_as_its_status() {
    for first in [vec![Ok(vec![OVERLOADED])], vec![Ok(vec![PING]), Ok(vec![PING, PING, OVERLOADED])]] {
        let (outcome, _) = run(vec![stream(first), whole()], exact(), post()).await;
        let res = outcome.unwrap();
        assert_eq!((res.history[0].status, res.history[0].code), (Some(529), Some("OVERLOADED")));
        assert_eq!(read(res).await.0, [START, DELTA, STOP]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_event_that_will_not_heal_is_the_calls_error_at_once() {
    let (outcome, peer) = run(vec![stream(vec![Ok(vec![INVALID])]), whole()], exact(), post()).await;
    assert_eq!((outcome.unwrap_err().kind(), peer.count()), (ErrorKind::Status(400), 1));
    let overloaded = || stream(vec![Ok(vec![OVERLOADED])]);
    let (outcome, peer) = run(vec![overloaded(), overloaded(), overloaded()], exact(), post()).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), peer.count()), (ErrorKind::Status(529), 3, 3));
}

#[tokio::test(start_paused = true)]
async fn whatever_breaks_before_the_first_event_is_tried_again() {
    for first in [vec![Err(reset())], vec![Ok(vec![PING]), Err(reset())], vec![], vec![Ok(vec![PING])]] {
        let (outcome, peer) = run(vec![stream(first), whole()], exact(), post()).await;
        assert_eq!(read(outcome.unwrap()).await.0, [START, DELTA, STOP]);
        assert_eq!(peer.count(), 2);
    }
    let (outcome, _) =
        run(vec![stream(vec![])], super::RetryOptions { max_retries: 1, ..exact() }, post()).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Internal, 2), "the script has only one answer");
    assert_eq!(error.history()[0].code, Some("INCOMPLETE_STREAM"));
}

#[tokio::test(start_paused = true)]
async fn after_the_first_event_nothing_is_tried_again() {
    let tool = r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a"}}"#;
    for (batches, delivered) in [
        (vec![Ok(vec![START]), Ok(vec![OVERLOADED])], vec![START, OVERLOADED]),
        (vec![Ok(vec![START, OVERLOADED])], vec![START, OVERLOADED]),
        (vec![Ok(vec![START, DELTA]), Err(reset())], vec![START, DELTA]),
        (vec![Ok(vec![START, tool]), Ok(vec![OVERLOADED])], vec![START, tool, OVERLOADED]),
        (vec![Ok(vec![START])], vec![START]),
    ] {
        let (outcome, peer) = run(vec![stream(batches), whole()], exact(), post()).await;
        assert_eq!(read(outcome.unwrap()).await.0, delivered);
        assert_eq!(peer.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_read_is_put_back_batch_by_batch() {
    let batches = vec![Ok(vec![PING]), Ok(vec![PING, START, DELTA]), Ok(vec![STOP])];
    let (outcome, _) = run(vec![stream(batches)], exact(), post()).await;
    let Body::Events(stream) = outcome.unwrap().body else { unreachable!("it is a stream of events") };
    let batches: Vec<_> = stream.map(Result::unwrap).collect().await;
    assert_eq!(batches, [vec![event(PING)], [PING, START, DELTA].map(event).to_vec(), vec![event(STOP)]]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_handed_out_with_its_first_event_and_not_later() {
    let batches = vec![Ok(vec![PING]), Ok(vec![START]), Ok(vec![STOP])];
    let (outcome, _) = run(vec![stream(batches)], exact(), post()).await;
    assert_eq!(outcome.unwrap().history[0].took, 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_first_event_must_come_in_the_time_that_the_call_gives_it() {
    let hanging = || now(Ok(answer(200, Body::Events(Box::pin(futures_util::stream::pending())))));
    let req = with(post(), |options| options.timeouts.first_event = Some(1500 * MS));
    let (outcome, _) = run(vec![hanging(), whole()], exact(), req.replay().unwrap()).await;
    let res = outcome.unwrap();
    assert_eq!((res.history[0].code, res.history[0].took), (Some("TIMEOUT"), 1500 * MS));
    let (outcome, _) = run(vec![hanging(), hanging(), hanging()], exact(), req).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.phase(), Phase::FirstEvent);
    assert_eq!(error.message(), "no event came within 1500 ms (`timeout.firstEvent`)");
}

#[tokio::test(start_paused = true)]
async fn pings_alone_hold_nothing_up_for_ever() {
    let endless = futures_util::stream::repeat_with(|| Ok(vec![event(PING)]));
    let (outcome, _) =
        run(vec![now(Ok(answer(200, Body::Events(Box::pin(endless)))))], exact(), post()).await;
    assert!(outcome.is_ok(), "whoever reads it has limits of his own");
}

#[tokio::test(start_paused = true)]
async fn text_is_nobodys_protocol_and_is_handed_out_unread() {
    let req = with(post(), |options| options.expect = Expect::TextEvents);
    let (outcome, peer) = run(vec![stream(vec![Ok(vec![OVERLOADED])]), ok()], exact(), req).await;
    let res = outcome.unwrap();
    assert_eq!(res.history[0].took, Duration::ZERO);
    assert_eq!((read(res).await.0, peer.count()), (vec![OVERLOADED.to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_json_or_empty_where_no_message_must_come_is_the_readers() {
    let other = || Request { url: "http://api.test/v1/log".parse().unwrap(), ..post() };
    for batches in [vec![], vec!["plain text"], vec!["[DONE]"]] {
        let steps = vec![stream(vec![Ok(batches.clone())]), ok()];
        let (outcome, peer) = run(steps, exact(), other()).await;
        assert_eq!(
            (read(outcome.unwrap()).await.0, peer.count()),
            (batches.iter().map(ToString::to_string).collect(), 1)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_an_error_event_repeats_is_not_told() {
    let told = r#"{"type":"error","error":{"type":"authentication_error","message":"no quite-secret"}}"#;
    let mut res = answer(200, events(vec![Ok(vec![told])]));
    res.extensions.insert(Conceal::new(|text| {
        String::from_utf8(text.to_vec()).unwrap().replace("quite-secret", "[redacted]").into()
    }));
    let (outcome, _) = run(vec![now(Ok(res))], exact(), post()).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.message(), "authentication_error: no [redacted]");
    assert!(!format!("{error:?} {:?}", error.response().unwrap().body).contains("quite-secret"));
}
