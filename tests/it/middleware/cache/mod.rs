//! `cache`: what is kept, for whom, for how long; who asks where many ask the same; what becomes of those who leave.

mod flights;
mod keys;
mod model;
#[cfg(feature = "redis")]
mod redis;
mod store;
mod streams;

use std::sync::Arc;

use futures_util::StreamExt;
use http::{HeaderName, HeaderValue};
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::{Body, collect},
    middleware::cache::{Cache, CacheOptions, CacheOverride, Mode, Own},
    pipeline::{Middleware, Pipeline},
    request::Request,
    response::{Age, Cached, Response},
};

use super::{Peer, SECOND, Step, after, answer, bytes, failure, now, onion, post, status};

pub(super) const MESSAGE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"text","text":"Hi there"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":2}}"#;

pub(super) fn cache(change: impl FnOnce(&mut CacheOptions)) -> Arc<Cache> {
    let mut options = CacheOptions::default();
    change(&mut options);
    Arc::new(Cache::new(options))
}

pub(super) fn around(cache: &Arc<Cache>, steps: Vec<Step>) -> (Pipeline, Arc<Peer>) {
    let peer = Peer::new(steps);
    (onion(vec![Arc::clone(cache) as Arc<dyn Middleware>], &peer), peer)
}

/// A message whose text is this.
pub(super) fn message(text: &str) -> String {
    MESSAGE.replace("Hi there", text)
}

pub(super) fn whole(text: &str) -> Response {
    json(message(text))
}

pub(super) fn json(content: String) -> Response {
    let mut res = answer(200, Body::Full(content.into()));
    res.headers.insert("content-type", HeaderValue::from_static("application/json"));
    res
}

pub(super) fn asks(body: &str) -> Request {
    Request { body: Body::Full(body.to_owned().into()), ..post() }
}

pub(super) fn having(mut req: Request, headers: &[(&'static str, &str)]) -> Request {
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).unwrap();
        req.headers.insert(HeaderName::from_static(name), value);
    }
    req
}

pub(super) fn saying(mut req: Request, says: CacheOverride) -> Request {
    req.extensions.insert(says);
    req
}

pub(super) fn mode(mode: Mode) -> CacheOverride {
    CacheOverride::Own(Own { mode, ..Own::default() })
}

/// What an answer is out of, and its content.
pub(super) async fn given(outcome: Result<Response>) -> (Cached, String) {
    let res = outcome.unwrap();
    let cached = *res.extensions.get::<Cached>().unwrap();
    assert_eq!(res.attempts == 0, !matches!(cached, Cached::Miss | Cached::Bypass));
    (cached, content(res.body).await.unwrap())
}

/// The content of an answer; of a stream the data of its events.
pub(super) async fn content(body: Body) -> Result<String> {
    let Body::Events(mut events) = body else {
        return Ok(String::from_utf8(collect(body, 1 << 24, None).await?.to_vec()).unwrap());
    };
    let mut all = Vec::new();
    while let Some(read) = events.next().await {
        all.extend(read?.into_iter().map(|event| event.data));
    }
    Ok(all.join("\n"))
}

fn steps(texts: &[&str]) -> Vec<Step> {
    texts.iter().map(|text| now(Ok(whole(text)))).collect()
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_given_again_until_its_time_is_over() {
    let cache = cache(|_| {});
    let (onion, peer) = around(&cache, steps(&["a", "b"]));
    assert_eq!(given(onion.run(post()).await).await, (Cached::Miss, message("a")));
    tokio::time::sleep(299 * SECOND).await;
    let res = onion.run(post()).await.unwrap();
    assert_eq!(res.extensions.get(), Some(&Age(299 * SECOND)));
    assert_eq!(given(Ok(res)).await, (Cached::Hit, message("a")));
    tokio::time::sleep(SECOND).await;
    assert_eq!(given(onion.run(post()).await).await, (Cached::Miss, message("b")));
    assert_eq!(given(onion.run(post()).await).await, (Cached::Hit, message("b")));
    assert_eq!(peer.count(), 2);
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.stored, stats.entries), (2, 2, 2, 1));
    assert!(stats.bytes > 200 && stats.bytes < 2000, "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_never_kept_and_neither_is_an_answer_that_is_not_final() {
    let odd = |code| now(Ok(Response { status: code, ..whole("x") }));
    for step in [
        status(404),
        status(529),
        failure(ErrorKind::Reset, Phase::Body),
        odd(http::StatusCode::CREATED),
        odd(http::StatusCode::ACCEPTED),
        odd(http::StatusCode::PARTIAL_CONTENT),
        odd(http::StatusCode::FOUND),
        now(Ok(json(r#"{"type":"error","error":{}}"#.to_owned()))),
        now(Ok(json(r#"{"type":"mess"#.to_owned()))),
        now(Ok(answer(
            200,
            bytes(vec![Ok("{"), Err(Error::new(ErrorKind::Incomplete, Phase::Body, "cut"))]),
        ))),
    ] {
        let cache = cache(|_| {});
        let (onion, peer) = around(&cache, vec![step, now(Ok(whole("good")))]);
        let first = onion.run(post()).await;
        if let Ok(res) = first {
            let _ = content(res.body).await;
        }
        assert_eq!(given(onion.run(post()).await).await, (Cached::Miss, message("good")));
        assert_eq!(peer.count(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn what_headers_say_of_caches_is_obeyed() {
    let says = |name: &'static str, value: &str| {
        let mut res = whole("a");
        res.headers.insert(name, HeaderValue::from_str(value).unwrap());
        now(Ok(res))
    };
    for (sent, first, second, kept) in [
        (None, says("cache-control", "no-store"), None, false),
        (None, says("cache-control", "no-cache"), None, true),
        (None, says("vary", "*"), None, false),
        (None, says("vary", "accept-language"), None, true),
        (
            Some(("accept-language", "de")),
            says("vary", "accept-language"),
            Some(("accept-language", "en")),
            false,
        ),
        (
            Some(("accept-language", "de")),
            says("vary", "accept-language"),
            Some(("accept-language", "de")),
            true,
        ),
        (Some(("cache-control", "no-store")), says("x", "y"), None, false),
        (None, says("x", "y"), Some(("cache-control", "no-store")), false),
        (None, says("x", "y"), Some(("cache-control", "no-cache")), false),
    ] {
        let cache = cache(|_| {});
        let (onion, peer) = around(&cache, vec![first, now(Ok(whole("b")))]);
        let with = |header: Option<(&'static str, &str)>| having(post(), header.as_slice());
        given(onion.run(with(sent)).await).await;
        let (_, content) = given(onion.run(with(second)).await).await;
        assert_eq!((content == message("a"), peer.count() == 1), (kept, kept), "{sent:?} {second:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_meant_for_one_caller_or_one_moment_is_not_given_to_another() {
    let cache = cache(|_| {});
    let mut res = whole("a");
    for (name, value) in [
        ("set-cookie", "session=secret"),
        ("anthropic-ratelimit-requests-remaining", "3"),
        ("retry-after", "9"),
        ("request-id", "req_1"),
    ] {
        res.headers.insert(name, HeaderValue::from_static(value));
    }
    let (onion, _) = around(&cache, vec![now(Ok(res))]);
    let first = onion.run(post()).await.unwrap();
    assert_eq!(first.headers.len(), 5);
    let again = onion.run(post()).await.unwrap();
    let mut names: Vec<&str> = again.headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-type", "request-id"]);
    assert_eq!((again.attempts, again.timing.sent, again.history.len()), (0, None, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_is_given_while_another_is_fetched() {
    let cache = cache(|options| options.stale_while_revalidate = 60 * SECOND);
    let (onion, peer) = around(
        &cache,
        vec![now(Ok(whole("a"))), after(SECOND, Ok(whole("b"))), status(500), now(Ok(whole("c")))],
    );
    given(onion.run(post()).await).await;
    tokio::time::sleep(310 * SECOND).await;
    for _ in 0..3 {
        assert_eq!(given(onion.run(post()).await).await, (Cached::Stale, message("a")));
    }
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(given(onion.run(post()).await).await, (Cached::Hit, message("b")));
    assert_eq!(peer.count(), 2, "many who find it stale fetch another once");
    tokio::time::sleep(310 * SECOND).await;
    assert_eq!(given(onion.run(post()).await).await, (Cached::Stale, message("b")));
    tokio::time::sleep(SECOND).await;
    assert_eq!(
        given(onion.run(post()).await).await,
        (Cached::Stale, message("b")),
        "a failure changes nothing"
    );
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(given(onion.run(post()).await).await.0, Cached::Hit, "the next try has succeeded");
    assert_eq!(cache.stats().flights, 0);
}

#[tokio::test(start_paused = true)]
async fn where_the_server_fails_a_stale_answer_is_given_and_not_where_the_caller_does() {
    let failing = || {
        vec![
            now(Ok(whole("a"))),
            status(529),
            failure(ErrorKind::Refused, Phase::Connect),
            failure(ErrorKind::CircuitOpen, Phase::Prepare),
            status(400),
            status(500),
        ]
    };
    let cache = cache(|options| options.stale_if_error = 600 * SECOND);
    let (onion, _) = around(&cache, failing());
    given(onion.run(post()).await).await;
    tokio::time::sleep(400 * SECOND).await;
    for _ in 0..3 {
        assert_eq!(given(onion.run(post()).await).await, (Cached::Stale, message("a")));
    }
    assert_eq!(onion.run(post()).await.unwrap_err().kind(), ErrorKind::Status(400));
    tokio::time::sleep(600 * SECOND).await;
    assert_eq!(onion.run(post()).await.unwrap_err().kind(), ErrorKind::Status(500), "it is too old");
}

#[tokio::test(start_paused = true)]
async fn a_call_says_what_it_wants_of_the_cache() {
    let cache = cache(|_| {});
    let (onion, peer) = around(&cache, steps(&["a", "b", "c", "d", "e", "f"]));
    let run = async |says| given(onion.run(saying(post(), says)).await).await;
    let (miss, hit) = (Cached::Miss, Cached::Hit);
    assert_eq!(run(mode(Mode::ReadOnly)).await, (miss, message("a")));
    assert_eq!(run(mode(Mode::ReadOnly)).await, (miss, message("b")), "what it was given was not kept");
    assert_eq!(run(mode(Mode::WriteOnly)).await, (miss, message("c")));
    assert_eq!(run(mode(Mode::ReadOnly)).await, (hit, message("c")));
    assert_eq!(run(mode(Mode::Refresh)).await, (miss, message("d")));
    assert_eq!(given(onion.run(post()).await).await, (hit, message("d")));
    assert_eq!(run(CacheOverride::Off).await, (Cached::Bypass, message("e")));
    assert_eq!(given(onion.run(post()).await).await, (hit, message("d")));
    tokio::time::sleep(10 * SECOND).await;
    let young = Own { ttl: Some(5 * SECOND), ..Own::default() };
    assert_eq!(run(CacheOverride::Own(young)).await, (miss, message("f")), "it takes none that is older");
    assert_eq!(peer.count(), 6);
    tokio::time::sleep(6 * SECOND).await;
    assert!(onion.run(post()).await.is_err(), "what it kept lives as long as it said");
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_be_forgotten_and_all_of_them_too() {
    let cache = cache(|_| {});
    let (onion, peer) = around(&cache, steps(&["a", "b", "c"]));
    let forget =
        async || onion.run(saying(post(), CacheOverride::Forget(Own::default()))).await.unwrap().status;
    assert_eq!(forget().await, 204);
    given(onion.run(post()).await).await;
    assert_eq!((forget().await, forget().await), (http::StatusCode::OK, http::StatusCode::NO_CONTENT));
    assert_eq!(given(onion.run(post()).await).await, (Cached::Miss, message("b")));
    cache.clear().await.unwrap();
    assert_eq!(given(onion.run(post()).await).await, (Cached::Miss, message("c")));
    assert_eq!(peer.count(), 3, "to forget asks nobody");
    assert_eq!(cache.stats().entries, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_bounded_by_bytes_by_number_and_by_the_largest() {
    let cache = cache(|options| {
        options.max_entries = 10;
        options.max_bytes = 20_000;
        options.max_entry_bytes = 4000;
    });
    let large = "x".repeat(5000);
    let mut all: Vec<Step> = (0..200).map(|number| now(Ok(whole(&number.to_string())))).collect();
    all.push(now(Ok(whole(&large))));
    let (onion, _) = around(&cache, all);
    for number in 0..200 {
        given(onion.run(asks(&format!("{{\"n\":{number}}}"))).await).await;
    }
    assert_eq!(
        given(onion.run(asks("{}")).await).await.1,
        message(&large),
        "the caller gets it all the same"
    );
    let stats = cache.stats();
    assert!(stats.entries <= 10 && stats.bytes <= 20_000, "{stats:?}");
    assert_eq!(stats.too_large, 1);
}
