//! `circuitBreaker`: whom it lets through, what counts, and what is told of an open circuit.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    middleware::circuit_breaker::{CircuitBreaker, CircuitBreakerOptions},
    partition::{KeyOf, Partition},
    pipeline::{BoxFuture, Middleware, Pipeline},
    request::Request,
    response::Response,
};

use super::{Peer, SECOND, Step, answer, events, failure, never, now, ok, onion, post, read, status};

fn breaker(per: Partition) -> Arc<dyn Middleware> {
    let options = CircuitBreakerOptions { min_calls: 4, trials: 1, per, ..CircuitBreakerOptions::default() };
    Arc::new(CircuitBreaker::new(options))
}

fn around(steps: Vec<Step>) -> (Pipeline, Arc<Peer>) {
    let peer = Peer::new(steps);
    (onion(vec![breaker(Partition::Origin)], &peer), peer)
}

fn refused(outcome: Result<Response>) -> Error {
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.phase(), error.attempts()), (ErrorKind::CircuitOpen, Phase::Prepare, 0));
    error
}

fn to(path: &str) -> Request {
    let mut req = post();
    req.url = path.parse().unwrap();
    req
}

#[tokio::test(start_paused = true)]
async fn after_enough_failures_nothing_is_sent_until_a_trial_has_succeeded() {
    let steps = (0..4).map(|_| status(529)).chain([ok(), ok()]).collect();
    let (onion, peer) = around(steps);
    for _ in 0..4 {
        assert_eq!(onion.run(post()).await.unwrap_err().kind(), ErrorKind::Status(529));
    }
    let error = refused(onion.run(post()).await);
    assert_eq!(error.retry_after(), Some(5 * SECOND));
    assert_eq!(
        error.message(),
        "too many calls to http://api.test have failed (`circuitBreaker()`): the next one is let through in 5000 ms"
    );
    assert_eq!(peer.count(), 4);
    tokio::time::sleep(5 * SECOND).await;
    for _ in 0..2 {
        assert_eq!(onion.run(post()).await.unwrap().status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn what_says_nothing_of_the_server_does_not_count() {
    let steps =
        vec![status(400), status(429), failure(ErrorKind::Aborted, Phase::Total), status(404), status(401)];
    let (onion, _) = around(steps);
    for _ in 0..5 {
        assert_ne!(onion.run(post()).await.unwrap_err().kind(), ErrorKind::CircuitOpen);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_counts_when_it_has_ended_and_not_when_it_is_left() {
    let broken = || events(vec![Ok(vec!["{}"]), Err(Error::new(ErrorKind::Reset, Phase::Body, "it broke"))]);
    let steps = (0..8).map(|_| now(Ok(answer(200, broken())))).collect();
    let (onion, _) = around(steps);
    for _ in 0..4 {
        let Body::Events(mut left) = onion.run(post()).await.unwrap().body else { unreachable!("a stream") };
        assert!(left.next().await.is_some());
    }
    for _ in 0..4 {
        read(onion.run(post()).await.unwrap()).await;
    }
    refused(onion.run(post()).await);
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_is_given_up_makes_room_for_another() {
    let steps = (0..4).map(|_| status(500)).chain([never(), ok()]).collect();
    let (onion, _) = around(steps);
    for _ in 0..4 {
        assert!(onion.run(post()).await.is_err());
    }
    tokio::time::sleep(5 * SECOND).await;
    let trial = tokio::time::timeout(SECOND, onion.run(post()));
    let other = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        refused(onion.run(post()).await)
    };
    let (trial, other) = tokio::join!(trial, other);
    assert!(trial.is_err());
    assert!(other.message().ends_with("calls on trial are under way"), "{other}");
    assert_eq!(onion.run(post()).await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn each_origin_each_endpoint_or_all_calls_have_a_circuit() {
    let (a, b, other) = ("http://a.test/v1/x", "http://a.test/v1/y", "http://b.test/v1/x");
    for (per, open) in [
        (Partition::Origin, [true, true, false]),
        (Partition::Endpoint, [true, false, false]),
        (Partition::All, [true; 3]),
    ] {
        let peer = Peer::new((0..4).map(|_| status(500)).chain((0..3).map(|_| ok())).collect());
        let name = format!("{per:?}");
        let onion = onion(vec![breaker(per)], &peer);
        for _ in 0..4 {
            assert!(onion.run(to(a)).await.is_err());
        }
        for (url, open) in [a, b, other].into_iter().zip(open) {
            assert_eq!(onion.run(to(&format!("{url}?beta=1"))).await.is_err(), open, "{name} {url}");
        }
    }
}

/// What `x-team` says.
struct Team;

impl KeyOf for Team {
    fn key(&self, req: &Request) -> BoxFuture<'static, Result<Option<String>>> {
        let team = req.headers.get("x-team").map(|team| team.to_str().unwrap().to_owned());
        Box::pin(std::future::ready(Ok(team)))
    }
}

#[tokio::test(start_paused = true)]
async fn each_credential_each_model_or_whatever_a_function_says_has_a_circuit() {
    let asked = |header: &'static str, value: &str, body: &'static str| {
        let mut req = post();
        req.headers.insert(header, value.parse().unwrap());
        req.body = Body::Full(body.into());
        req
    };
    let first = || asked("x-api-key", "one", r#"{"model":"a"}"#);
    let team = |team| asked("x-team", team, "{}");
    let cases: [(Partition, &str, [Request; 3], [bool; 3]); 3] = [
        (
            Partition::Credential,
            "with this credential",
            [first(), asked("x-api-key", "one", r#"{"model":"b"}"#), asked("x-api-key", "two", "{}")],
            [true, true, false],
        ),
        (
            Partition::Model,
            "with this credential and model",
            [
                first(),
                asked("x-api-key", "one", r#"{"model":"b"}"#),
                asked("x-api-key", "two", r#"{"model":"a"}"#),
            ],
            [true, false, false],
        ),
        (
            Partition::Own(Arc::new(Team)),
            "of this `key`",
            [team("t"), team("u"), post()],
            [true, false, false],
        ),
    ];
    for (per, words, calls, open) in cases {
        let peer = Peer::new((0..4).map(|_| status(500)).chain((0..3).map(|_| ok())).collect());
        let onion = onion(vec![breaker(per)], &peer);
        for _ in 0..4 {
            assert!(onion.run(calls[0].replay().unwrap()).await.is_err());
        }
        let error = refused(onion.run(calls[0].replay().unwrap()).await);
        assert!(error.message().starts_with(&format!("too many calls {words} have failed")), "{error}");
        for (call, open) in calls.into_iter().zip(open) {
            assert_eq!(onion.run(call).await.is_err(), open, "{words}");
        }
    }
}
