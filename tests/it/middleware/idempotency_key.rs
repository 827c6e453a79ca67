//! `idempotency_key`: which requests get a key, and that a call has one however often it is sent.

use std::{collections::HashSet, sync::Arc};

use http::{HeaderName, HeaderValue, Method};
use trae_native::{
    Result,
    middleware::{
        idempotency_key::{IdempotencyKey, IdempotencyKeyOptions},
        retry::{Retry, RetryOptions},
    },
    pipeline::{BoxFuture, Middleware, Next},
    request::{CallId, Request},
    response::Response,
};

use super::{Asked, Peer, ok, onion, post, status};

fn key() -> Arc<dyn Middleware> {
    Arc::new(IdempotencyKey::new(IdempotencyKeyOptions::default()))
}

fn sent(asked: &Asked) -> &str {
    asked.headers["idempotency-key"].to_str().unwrap()
}

#[tokio::test]
async fn a_call_has_a_uuid_of_version_4_of_its_own() {
    let peer = Peer::new((0..1000).map(|_| ok()).collect());
    for layer in [key(), key()] {
        for _ in 0..500 {
            onion(vec![Arc::clone(&layer)], &peer).run(post()).await.unwrap();
        }
    }
    let asked = peer.asked();
    let keys: HashSet<&str> = asked.iter().map(sent).collect();
    assert_eq!(keys.len(), 1000);
    for key in keys {
        let parts: Vec<&str> = key.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{key}");
        assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "{key}");
    }
}

/// A retry that knows nothing of ours: it keeps the request that it was given and sends it again.
struct Twice;

impl Middleware for Twice {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let again = req.replay().unwrap();
            let _ = next.run(req).await;
            next.run(again).await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn all_attempts_of_a_call_have_the_same_key_whether_they_are_made_outside_or_inside_of_it() {
    let retry: Arc<dyn Middleware> = Arc::new(Retry::new(RetryOptions::default()));
    let twice: Arc<dyn Middleware> = Arc::new(Twice);
    for repeat in [retry, twice] {
        for layers in [vec![key(), Arc::clone(&repeat)], vec![Arc::clone(&repeat), key()]] {
            let peer = Peer::new(vec![status(500), ok()]);
            let mut req = post();
            req.extensions.insert(CallId::next());
            onion(layers, &peer).run(req).await.unwrap();
            let asked = peer.asked();
            assert_eq!(asked.len(), 2);
            assert_eq!(sent(&asked[0]), sent(&asked[1]));
        }
    }
}

#[tokio::test]
async fn a_key_that_the_caller_has_set_stays() {
    let peer = Peer::new(vec![ok()]);
    let mut req = post();
    req.headers.insert("idempotency-key", HeaderValue::from_static("mine"));
    onion(vec![key()], &peer).run(req).await.unwrap();
    assert_eq!(sent(&peer.asked()[0]), "mine");
}

#[tokio::test]
async fn only_what_changes_something_gets_a_key_unless_told_otherwise() {
    let methods = [
        (Method::POST, true),
        (Method::PUT, true),
        (Method::PATCH, true),
        (Method::DELETE, true),
        (Method::GET, false),
        (Method::HEAD, false),
        (Method::OPTIONS, false),
    ];
    for (method, expected) in methods {
        let peer = Peer::new(vec![ok()]);
        onion(vec![key()], &peer).run(Request { method: method.clone(), ..post() }).await.unwrap();
        assert_eq!(peer.asked()[0].headers.contains_key("idempotency-key"), expected, "{method}");
    }
    let options =
        IdempotencyKeyOptions { header: HeaderName::from_static("x-once"), methods: vec![Method::GET] };
    let layer: Arc<dyn Middleware> = Arc::new(IdempotencyKey::new(options));
    for (method, expected) in [(Method::GET, 1), (Method::POST, 0)] {
        let peer = Peer::new(vec![ok()]);
        onion(vec![Arc::clone(&layer)], &peer).run(Request { method, ..post() }).await.unwrap();
        let headers = &peer.asked()[0].headers;
        assert_eq!((headers.get_all("x-once").iter().count(), headers.len()), (expected, expected));
    }
}
