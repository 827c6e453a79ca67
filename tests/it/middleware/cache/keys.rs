//! What tells two questions apart, and what does not.

use std::sync::Arc;

use http::Method;
use trae_native::{
    Result,
    body::Body,
    identity::Identity,
    middleware::cache::{CacheOptions, CacheOverride, Own},
    partition::KeyOf,
    pipeline::BoxFuture,
    request::{Expect, Request},
    response::Cached,
};

use super::{super::with, around, asks, cache, given, having, post, saying, steps};

/// Whether the second request is answered with what the first one was.
async fn shares(change: impl FnOnce(&mut CacheOptions), first: Request, second: Request) -> bool {
    let cache = cache(change);
    let (onion, peer) = around(&cache, steps(&["a", "b"]));
    given(onion.run(first).await).await;
    given(onion.run(second).await).await;
    peer.count() == 1
}

#[tokio::test(start_paused = true)]
async fn a_question_is_the_same_however_it_is_written_and_another_where_it_asks_otherwise() {
    let asked = r#"{"model":"m","temperature":1,"messages":[{"role":"user","content":"Hi"}]}"#;
    for (other, same) in [
        (r#"{ "messages": [{"content":"\u0048i","role":"user"}], "temperature": 1.0, "model":"m" }"#, true),
        (
            r#"{"model":"m","temperature":1,"messages":[{"role":"user","content":"Hi"}],"metadata":{"user_id":"u"}}"#,
            true,
        ),
        (r#"{"model":"m","temperature":1,"messages":[{"role":"user","content":"Hi"}],"stream":false}"#, true),
        (r#"{"model":"m","temperature":0.9,"messages":[{"role":"user","content":"Hi"}]}"#, false),
        (r#"{"model":"m","temperature":1,"messages":[{"role":"user","content":"hi"}]}"#, false),
    ] {
        assert_eq!(shares(|_| {}, asks(asked), asks(other)).await, same, "{other}");
    }
    let own = |options: &mut CacheOptions| options.ignore = vec!["temperature".to_owned()];
    assert!(shares(own, asks(r#"{"temperature":1}"#), asks(r#"{"temperature":0}"#)).await);
    assert!(!shares(own, asks(r#"{"metadata":{"user_id":1}}"#), asks("{}")).await);
}

#[tokio::test(start_paused = true)]
async fn method_url_and_chosen_headers_are_part_of_the_question() {
    let to = |url: &str| Request { url: url.parse().unwrap(), ..post() };
    assert!(
        shares(|_| {}, to("http://a.test/v1/messages?beta=1#x"), to("http://a.test/v1/messages?beta=1#y"))
            .await
    );
    assert!(!shares(|_| {}, to("http://a.test/v1/messages?beta=1"), to("http://a.test/v1/messages")).await);
    assert!(!shares(|_| {}, to("http://a.test/v1/messages"), to("http://b.test/v1/messages")).await);
    let get = || Request { method: Method::GET, body: Body::Empty, ..to("http://a.test/v1/models") };
    assert!(shares(|_| {}, get(), get()).await);
    let versioned = |version| having(post(), &[("anthropic-version", version)]);
    assert!(!shares(|_| {}, versioned("2023-06-01"), versioned("2024-01-01")).await);
    let traced = |id| having(post(), &[("x-trace", id)]);
    assert!(shares(|_| {}, traced("1"), traced("2")).await);
    assert!(
        !shares(|options| options.vary = vec!["x-trace".parse().unwrap()], traced("1"), traced("2")).await
    );
    let accepting = |req, media| having(req, &[("accept", media)]);
    assert!(!shares(|_| {}, accepting(get(), "text/csv"), accepting(get(), "application/json")).await);
    assert!(shares(|_| {}, accepting(post(), "text/event-stream"), accepting(post(), "*/*")).await);
}

#[tokio::test(start_paused = true)]
async fn two_who_ask_never_share_an_answer_unless_they_are_told_to() {
    let key = |key| having(post(), &[("x-api-key", key)]);
    let layered = |name: &str| {
        let mut req = post();
        req.extensions.insert(Identity::of([name.as_bytes()]));
        req
    };
    assert!(shares(|_| {}, key("a"), key("a")).await);
    assert!(!shares(|_| {}, key("a"), key("b")).await);
    assert!(!shares(|_| {}, key("a"), post()).await);
    assert!(!shares(|_| {}, layered("a"), layered("b")).await);
    let own = || CacheOverride::Own(Own { key: Some("k".to_owned()), ..Own::default() });
    assert!(!shares(|_| {}, saying(key("a"), own()), saying(key("b"), own())).await);
    let tenant = |options: &mut CacheOptions| options.tenant = Some("team".to_owned());
    assert!(shares(tenant, key("a"), key("b")).await);
}

struct ByPath;

impl KeyOf for ByPath {
    fn key(&self, req: &Request) -> BoxFuture<'static, Result<Option<String>>> {
        let path = req.url.path().to_owned();
        Box::pin(async move { Ok((path != "/none").then_some(path)) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_of_the_callers_own_stands_for_the_request() {
    let own = |options: &mut CacheOptions| options.key = Some(Arc::new(ByPath));
    assert!(shares(own, asks(r#"{"a":1}"#), asks(r#"{"a":2}"#)).await);
    let none = || Request { url: "http://api.test/none".parse().unwrap(), ..post() };
    assert!(!shares(own, none(), none()).await);
    let call =
        |key: &str| saying(post(), CacheOverride::Own(Own { key: Some(key.to_owned()), ..Own::default() }));
    assert!(!shares(own, call("a"), call("b")).await);
    assert!(
        shares(
            |_| {},
            call("a"),
            saying(asks(r#"{"a":1}"#), CacheOverride::Own(Own { key: Some("a".into()), ..Own::default() }))
        )
        .await
    );
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_asked_again_or_does_something_passes_by() {
    let to = |path: &str| Request { url: format!("http://api.test{path}").parse().unwrap(), ..post() };
    let expecting = |body: &str, expect| with(asks(body), |options| options.expect = expect);
    for req in [
        Request { method: Method::DELETE, ..post() },
        to("/v1/messages/batches"),
        Request { method: Method::GET, body: Body::Empty, ..to("/v1/messages/batches/b_1") },
        to("/v1/files"),
        asks("no json"),
        having(asks("{}"), &[("content-type", "text/plain")]),
        Request { body: Body::Stream(Box::pin(futures_util::stream::empty())), ..post() },
        expecting("{}", Expect::Bytes),
        expecting(r#"{"stream":true}"#, Expect::TextEvents),
        expecting(r#"{"stream":true}"#, Expect::Whole),
        expecting("{}", Expect::Events),
        saying(post(), CacheOverride::Off),
    ] {
        let cache = cache(|_| {});
        let (onion, _) = around(&cache, steps(&["a"]));
        let shown = format!("{req:?}");
        assert_eq!(given(onion.run(req).await).await.0, Cached::Bypass, "{shown}");
        assert_eq!((cache.stats().bypassed, cache.stats().entries), (1, 0));
    }
}
