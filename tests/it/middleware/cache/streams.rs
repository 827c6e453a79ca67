//! Streams: recorded while they pass, kept when they have come to their end, given again in either form.

use futures_util::StreamExt;
use trae_native::{
    Error, ErrorKind, Phase,
    body::Body,
    claude::events_of,
    middleware::cache::Replay,
    request::Request,
    response::{Cached, Response},
};

use super::{
    super::{SECOND, Step, answer, events, now},
    around, asks, cache, content, given, message, post, whole,
};

pub(super) const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"stop_reason":null,"usage":{"input_tokens":3,"output_tokens":1}}}"#;
pub(super) const BEGIN: &str =
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
pub(super) const PIECE: &str =
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#;
pub(super) const END: &str = r#"{"type":"content_block_stop","index":0}"#;
pub(super) const DELTA: &str =
    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#;
pub(super) const STOP: &str = r#"{"type":"message_stop"}"#;
const PING: &str = r#"{"type":"ping"}"#;

pub(super) fn streams(req: &str) -> Request {
    asks(&format!(r#"{{"stream":true,{}"#, &req[1..]))
}

fn asked() -> Request {
    streams(r#"{"n":1}"#)
}

fn all() -> Step {
    now(Ok(answer(
        200,
        events(vec![Ok(vec![START, BEGIN]), Ok(vec![PING]), Ok(vec![PIECE, END]), Ok(vec![DELTA, STOP])]),
    )))
}

fn told() -> String {
    [START, BEGIN, PIECE, END, DELTA, STOP].join("\n")
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_kept_when_it_has_come_to_its_end_and_given_again_as_one() {
    let cache = cache(|_| {});
    let (onion, peer) = around(&cache, vec![all()]);
    let first = onion.run(asked()).await.unwrap();
    assert_eq!(cache.stats().stored, 0);
    assert_eq!(content(first.body).await.unwrap(), told().replace(PIECE, &format!("{PING}\n{PIECE}")));
    assert_eq!(given(onion.run(asked()).await).await, (Cached::Hit, told()), "pings are no part of it");
    assert_eq!(peer.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_is_left_or_reports_an_error_is_not_kept() {
    let broken = Error::new(ErrorKind::Reset, Phase::Body, "it broke");
    for batches in [
        vec![Ok(vec![START, BEGIN, PIECE])],
        vec![Ok(vec![START, BEGIN]), Err(broken)],
        vec![
            Ok(vec![START]),
            Ok(vec![r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#]),
        ],
        vec![Ok(vec![START, "no json", STOP])],
    ] {
        let cache = cache(|_| {});
        let (onion, peer) = around(&cache, vec![now(Ok(answer(200, events(batches)))), all()]);
        let _ = content(onion.run(asked()).await.unwrap().body).await;
        assert_eq!(given(onion.run(asked()).await).await.0, Cached::Miss);
        assert_eq!(peer.count(), 2);
    }
    let cache = cache(|_| {});
    let (onion, peer) = around(&cache, vec![all(), all()]);
    let Body::Events(mut left) = onion.run(asked()).await.unwrap().body else { unreachable!() };
    assert!(left.next().await.is_some());
    drop(left);
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(given(onion.run(asked()).await).await.0, Cached::Miss, "what nobody reads is given up");
    assert_eq!((peer.count(), cache.stats().flights), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_kept_stream_is_given_whole_and_a_kept_message_as_a_stream() {
    let cache = cache(|_| {});
    let (onion, peer) = around(&cache, vec![all(), now(Ok(whole("b")))]);
    given(onion.run(asked()).await).await;
    let res = onion.run(asks(r#"{"n":1}"#)).await.unwrap();
    assert_eq!(res.headers["content-type"], "application/json");
    let (cached, message) = given(Ok(res)).await;
    assert_eq!(cached, Cached::Hit);
    assert_eq!(
        message,
        r#"{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}}"#
    );
    given(onion.run(asks(r#"{"n":2}"#)).await).await;
    let res = onion.run(streams(r#"{"n":2}"#)).await.unwrap();
    assert_eq!(res.headers["content-type"], "text/event-stream; charset=utf-8");
    let expected: Vec<_> =
        events_of(&super::message("b")).unwrap().into_iter().map(|event| event.data).collect();
    assert_eq!(given(Ok(res)).await, (Cached::Hit, expected.join("\n")));
    assert_eq!(peer.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_had_in_the_other_form_is_asked_for_again() {
    let odd = r#"{"type":"content_block_delta","index":0,"delta":{"type":"hologram_delta","light":1}}"#;
    let stream = now(Ok(answer(200, events(vec![Ok(vec![START, BEGIN, odd, END, DELTA, STOP])]))));
    let cache = cache(|_| {});
    let (onion, peer) = around(&cache, vec![stream, now(Ok(whole("b")))]);
    given(onion.run(asked()).await).await;
    assert_eq!(given(onion.run(asked()).await).await.0, Cached::Hit);
    assert_eq!(given(onion.run(asks(r#"{"n":1}"#)).await).await, (Cached::Miss, message("b")));
    assert_eq!(peer.count(), 2);
}

/// When each batch comes, in seconds from the first call to `next`.
async fn times(res: Response) -> Vec<u64> {
    let Body::Events(mut events) = res.body else { unreachable!("a stream") };
    let begun = tokio::time::Instant::now();
    let mut times = Vec::new();
    while let Some(read) = events.next().await {
        assert!(!read.unwrap().is_empty());
        times.push(begun.elapsed().as_secs());
    }
    times
}

#[tokio::test(start_paused = true)]
async fn a_stream_comes_again_at_once_or_with_its_pauses() {
    for (replay, expected) in [(Replay::Instant, &[0][..]), (Replay::Paced, &[1, 3, 4])] {
        let cache = cache(|options| options.replay = replay);
        let (onion, _) = around(&cache, vec![all()]);
        given(onion.run(asked()).await).await;
        assert_eq!(times(onion.run(asked()).await.unwrap()).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_larger_than_one_may_be_passes_and_is_not_kept() {
    let cache = cache(|options| options.max_entry_bytes = 600);
    let batches = || (0..20).map(|_| Ok(vec![PIECE])).chain([Ok(vec![STOP])]);
    let large = || now(Ok(answer(200, events([Ok(vec![START])].into_iter().chain(batches()).collect()))));
    let (onion, peer) = around(&cache, vec![large(), large()]);
    for _ in 0..2 {
        let (cached, content) = given(onion.run(asked()).await).await;
        assert_eq!((cached, content.lines().count()), (Cached::Miss, 22));
    }
    assert_eq!((peer.count(), cache.stats().too_large, cache.stats().stored), (2, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn of_another_api_a_stream_is_kept_that_says_that_it_is_done() {
    let url = "http://api.test/v1/chat/completions";
    let asked = || Request { url: url.parse().unwrap(), ..post() };
    for (batches, kept) in [(vec!["{\"n\":1}", "[DONE]"], true), (vec!["{\"n\":1}"], false)] {
        let cache = cache(|_| {});
        let stream = || now(Ok(answer(200, events(vec![Ok(batches.clone())]))));
        let (onion, peer) = around(&cache, vec![stream(), stream()]);
        let first = given(onion.run(asked()).await).await.1;
        assert_eq!(given(onion.run(asked()).await).await.1, first);
        assert_eq!(peer.count() == 1, kept);
    }
}
