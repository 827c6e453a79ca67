//! The budget: all calls through one middleware together.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::sleep;
use trae_native::{
    Error, ErrorKind,
    middleware::retry::{BudgetOptions, RetryOptions},
};

use super::{MS, Peer, SECOND, around, exact, post, status};

fn failing(calls: usize) -> Arc<Peer> {
    Peer::new((0..calls).map(|_| status(529)).collect())
}

fn with(share: f64, min_per_second: f64) -> RetryOptions {
    RetryOptions { budget: Some(BudgetOptions { share, min_per_second }), ..exact() }
}

#[tokio::test(start_paused = true)]
async fn a_storm_stops_when_everything_fails() {
    let peer = failing(5000);
    let pipeline = around(&peer, exact());
    let outcomes = join_all((0..1000).map(|_| pipeline.run(post()))).await;
    let retries = peer.count() - 1000;
    // Of 2000 that would be made: what is kept for ten seconds, a tenth of a second of waiting, and the share.
    assert!((100..=100 + 200 + 2).contains(&retries), "{retries}");
    let refused: Vec<Error> =
        outcomes.into_iter().filter_map(Result::err).filter(|error| error.attempts() < 3).collect();
    assert!(refused.len() > 700);
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Status(529));
        assert!(
            error.message().ends_with("not retried: too many calls fail for their `retry.budget`"),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_succeed_pay_for_those_that_do_not() {
    let peer = Peer::new((0..2000).map(|n| if n % 10 == 0 { status(529) } else { super::ok() }).collect());
    let pipeline = around(&peer, with(0.2, 0.0));
    for _ in 0..1000 {
        assert_eq!(pipeline.run(post()).await.unwrap().status, 200, "one in ten fails and may be retried");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_spent_comes_back_with_time() {
    let peer = failing(1000);
    let pipeline = around(&peer, with(0.0, 1.0));
    let retries = async || {
        let before = peer.count();
        let _ = pipeline.run(post()).await;
        peer.count() - before - 1
    };
    for _ in 0..5 {
        assert_eq!(retries().await, 2);
    }
    sleep(100 * MS).await;
    assert_eq!(retries().await, 1, "the waits of the calls before have paid for one");
    assert_eq!(retries().await, 0);
    sleep(2 * SECOND).await;
    assert_eq!(retries().await, 2);
    sleep(3600 * SECOND).await;
    let mut kept = 0;
    for _ in 0..10 {
        kept += retries().await;
    }
    assert!((10..=13).contains(&kept), "ten seconds' worth are kept, however quiet it was: {kept}");
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_every_call_retries_as_often_as_it_may() {
    let peer = failing(5000);
    let pipeline = around(&peer, RetryOptions { budget: None, ..exact() });
    join_all((0..1000).map(|_| pipeline.run(post()))).await;
    assert_eq!(peer.count(), 3000);
}

#[tokio::test(start_paused = true)]
async fn what_would_not_be_retried_anyway_spends_nothing() {
    let peer = Peer::new((0..100).map(|_| status(400)).chain((0..30).map(|_| status(529))).collect());
    let pipeline = around(&peer, with(0.0, 1e-9));
    for _ in 0..100 {
        let _ = pipeline.run(post()).await;
    }
    for _ in 0..5 {
        assert_eq!(pipeline.run(post()).await.unwrap_err().attempts(), 3);
    }
    assert_eq!(pipeline.run(post()).await.unwrap_err().attempts(), 1);
}
