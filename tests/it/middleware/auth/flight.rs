//! One question for all that wait: who leaves, who stays, what they are told.

use std::{error::Error as _, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::join_all};
use tokio::time::Instant;
use trae_native::{Error, ErrorKind, Phase, credential::Reason, pipeline::Pipeline};

use super::bank::{Bank, auth, token};
use crate::support::api::{Api, answer, around, busy, call};

fn api() -> Arc<Api> {
    Api::new(|_| Ok(answer(200, "")))
}

fn slow_bank() -> Arc<Bank> {
    Bank::slow(Duration::from_secs(3), |n| Ok(token(n, None)))
}

async fn run(pipeline: &Pipeline) -> trae_native::Result<()> {
    pipeline.run(call()).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn however_many_calls_wait_the_provider_is_asked_once() {
    let (api, bank) = (api(), slow_bank());
    let pipeline = around(vec![auth(&bank, |_| {})], &api);
    let outcomes = join_all((0..100).map(|_| run(&pipeline))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(api.shown("x-api-key"), ["t1"; 100]);
    assert_eq!(bank.asked(), [Reason::Missing]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_aborted_takes_nothing_from_the_others() {
    let (api, bank) = (api(), slow_bank());
    let pipeline = around(vec![auth(&bank, |_| {})], &api);
    let mut first = Box::pin(run(&pipeline));
    let mut second = Box::pin(run(&pipeline));
    assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
    drop(first);
    second.await.unwrap();
    assert_eq!((api.shown("x-api-key"), bank.asked().len()), (vec!["t1".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn the_last_one_that_leaves_ends_the_question_and_the_next_call_asks_anew() {
    let (api, bank) = (api(), slow_bank());
    let pipeline = around(vec![auth(&bank, |_| {})], &api);
    let mut waiting = [Box::pin(run(&pipeline)), Box::pin(run(&pipeline))];
    for call in &mut waiting {
        assert!(call.as_mut().now_or_never().is_none());
    }
    assert_eq!(bank.under_way(), 1);
    drop(waiting);
    assert_eq!(bank.under_way(), 0, "cancelled at once");
    run(&pipeline).await.unwrap();
    assert_eq!(api.shown("x-api-key"), ["t2"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_all_that_wait_in_the_words_of_both_and_the_next_call_asks_anew() {
    let (api, bank) = (
        api(),
        Bank::slow(Duration::from_secs(3), |n| match n {
            1 => Err(Error::new(ErrorKind::Refused, Phase::Connect, "nobody listens at vault:8200")),
            _ => Ok(token(n, None)),
        }),
    );
    let pipeline = around(vec![auth(&bank, |_| {})], &api);
    for outcome in join_all((0..3).map(|_| run(&pipeline))).await {
        let error = outcome.unwrap_err();
        assert_eq!(error.message(), "`auth` got no credential: nobody listens at vault:8200");
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Refused, Phase::Prepare));
        assert!(error.is_retryable() && error.source().is_some());
    }
    assert_eq!((api.seen().len(), bank.asked().len()), (0, 1));
    run(&pipeline).await.unwrap();
    assert_eq!(api.shown("x-api-key"), ["t2"]);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_for_patience_is_heard() {
    let bank = Bank::new(|_| Err(busy(429, "7")));
    let error = run(&around(vec![auth(&bank, |_| {})], &api())).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_is_given_up_after_the_timeout() {
    let bank = Bank::slow(Duration::from_secs(3600), |n| Ok(token(n, None)));
    let pipeline = around(vec![auth(&bank, |_| {})], &api());
    let started = Instant::now();
    let error = run(&pipeline).await.unwrap_err();
    assert_eq!(started.elapsed(), Duration::from_secs(10));
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Prepare));
    assert_eq!(
        error.message(),
        "`auth` got no credential: the provider gave none within 10000 ms (`auth.timeout`)"
    );
    assert_eq!(bank.under_way(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_under_way_when_all_was_thrown_away_serves_those_that_wait_and_nobody_else() {
    let (api, bank) = (api(), slow_bank());
    let auth = auth(&bank, |_| {});
    let pipeline = around(vec![Arc::clone(&auth) as Arc<_>], &api);
    let after = async |seconds| {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        run(&pipeline).await
    };
    let invalidate = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        auth.invalidate();
    };
    // The second asks when all has been thrown away; the third comes when only the first answer is there.
    let (first, (), second, third) = tokio::join!(after(0), invalidate, after(2), after(4));
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert_eq!(api.shown("x-api-key"), ["t1", "t2", "t2"]);
}

#[tokio::test]
async fn a_panic_of_the_provider_does_not_stay() {
    let bank = Bank::new(|n| if n == 1 { panic!("planted") } else { Ok(token(n, None)) });
    let pipeline = Arc::new(around(vec![auth(&bank, |_| {})], &api()));
    let shared = Arc::clone(&pipeline);
    assert!(tokio::spawn(async move { run(&shared).await }).await.unwrap_err().is_panic());
    run(&pipeline).await.unwrap();
}
