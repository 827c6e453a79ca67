//! How long a credential is kept: fresh, stale while it is refreshed, late, expired.

use std::{sync::Arc, time::Duration};

use tokio::time::advance;
use trae_native::{Error, ErrorKind, Phase, Result, credential::Reason, pipeline::Pipeline};

use super::bank::{Bank, auth, token};
use crate::support::api::{Api, answer, around, call, reset};

fn api() -> Arc<Api> {
    Api::new(|_| Ok(answer(200, "")))
}

/// Lets time pass, and what it brings in the background come to an end.
async fn seconds(count: u64) {
    advance(Duration::from_secs(count)).await;
    settle().await;
}

async fn settle() {
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

async fn once(pipeline: &Pipeline) -> Result<()> {
    let outcome = pipeline.run(call()).await;
    settle().await;
    outcome.map(drop)
}

#[tokio::test(start_paused = true)]
async fn what_a_provider_gives_is_kept_until_told_otherwise() {
    let (api, bank) = (api(), Bank::new(|n| Ok(token(n, None))));
    let auth = auth(&bank, |_| {});
    let pipeline = around(vec![Arc::clone(&auth) as Arc<_>], &api);
    once(&pipeline).await.unwrap();
    seconds(1_000_000).await;
    once(&pipeline).await.unwrap();
    auth.invalidate();
    once(&pipeline).await.unwrap();
    assert_eq!(api.shown("x-api-key"), ["t1", "t1", "t2"]);
    assert_eq!(bank.asked(), [Reason::Missing, Reason::Missing]);
}

#[tokio::test(start_paused = true)]
async fn a_ttl_holds_where_the_provider_says_nothing() {
    let (api, bank) = (api(), Bank::new(|n| Ok(token(n, (n == 2).then_some(10)))));
    let pipeline = around(vec![auth(&bank, |options| options.ttl = Some(Duration::from_secs(1000)))], &api);
    for pause in [0, 879, 121, 11] {
        seconds(pause).await;
        once(&pipeline).await.unwrap();
    }
    assert_eq!(api.shown("x-api-key"), ["t1", "t1", "t2", "t3"], "the second says 10 seconds itself");
}

#[tokio::test(start_paused = true)]
async fn a_stale_credential_is_used_while_one_question_brings_the_next() {
    let api = api();
    let bank = Bank::slow(Duration::from_secs(3), |n| Ok(token(n, 3600)));
    let pipeline = around(vec![auth(&bank, |_| {})], &api);
    once(&pipeline).await.unwrap();
    seconds(3480).await;
    for _ in 0..5 {
        once(&pipeline).await.unwrap();
    }
    assert_eq!(api.shown("x-api-key"), ["t1"; 6], "nobody waits");
    assert_eq!(bank.asked(), [Reason::Missing, Reason::Expiring]);
    seconds(3).await;
    once(&pipeline).await.unwrap();
    once(&pipeline).await.unwrap();
    assert_eq!(api.shown("x-api-key")[6..], ["t2", "t2"]);
    assert_eq!(bank.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_late_credential_is_waited_past() {
    let api = api();
    let bank = Bank::slow(Duration::from_secs(3), |n| Ok(token(n, 3600)));
    let pipeline = around(vec![auth(&bank, |_| {})], &api);
    for pause in [0, 3571] {
        seconds(pause).await;
        once(&pipeline).await.unwrap();
    }
    assert_eq!(api.shown("x-api-key"), ["t1", "t2"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_in_the_background_the_old_one_is_used_and_the_provider_left_alone_for_a_while() {
    let (api, bank) = (api(), Bank::new(|n| if n == 1 { Ok(token(n, 3600)) } else { Err(reset()) }));
    let pipeline = around(vec![auth(&bank, |_| {})], &api);
    for pause in [0, 3500, 1, 1] {
        seconds(pause).await;
        once(&pipeline).await.unwrap();
    }
    assert_eq!(bank.asked().len(), 2);
    seconds(5).await;
    once(&pipeline).await.unwrap();
    assert_eq!(bank.asked().len(), 3);
    assert_eq!(api.shown("x-api-key"), ["t1"; 5]);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_late_credential_is_used_when_no_other_comes_and_nothing_of_an_expired_one() {
    let (api, bank) = (api(), Bank::new(|n| if n == 1 { Ok(token(n, 3600)) } else { Err(reset()) }));
    let pipeline = around(vec![auth(&bank, |_| {})], &api);
    for pause in [0, 3590, 1] {
        seconds(pause).await;
        once(&pipeline).await.unwrap();
    }
    assert_eq!(bank.asked().len(), 2, "it has just failed, and there is something left");
    seconds(9).await;
    let error = once(&pipeline).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Reset, Phase::Prepare));
    assert_eq!(bank.asked().len(), 3);
    assert_eq!(api.shown("x-api-key"), ["t1"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_beyond_all_clocks_and_one_of_nothing_both_serve() {
    let (api, bank) = (api(), Bank::new(|n| Ok(token(n, if n == 1 { 0 } else { u64::MAX }))));
    let pipeline = around(vec![auth(&bank, |_| {})], &api);
    for _ in 0..3 {
        once(&pipeline).await.unwrap();
    }
    assert_eq!(api.shown("x-api-key"), ["t1", "t2", "t2"]);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_in_the_background_ends_with_its_middleware() {
    let api = api();
    let bank = Bank::slow(Duration::from_secs(3), |n| Ok(token(n, 3600)));
    let pipeline = around(vec![auth(&bank, |_| {})], &api);
    once(&pipeline).await.unwrap();
    seconds(3500).await;
    once(&pipeline).await.unwrap();
    assert_eq!(bank.under_way(), 1);
    drop(pipeline);
    tokio::task::yield_now().await;
    assert_eq!(bank.under_way(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_credential_with_a_line_break_inside_is_told_and_not_shown() {
    let bank = Bank::new(|_| {
        Ok(trae_native::credential::Token {
            secret: trae_native::secret::Secret::new("quite\nsecret"),
            lifetime: None,
        })
    });
    let error: Error = around(vec![auth(&bank, |_| {})], &api()).run(call()).await.unwrap_err();
    assert!(error.message().starts_with("`auth` got no credential: "), "{error}");
    assert!(!crate::support::api::told(&error).contains("quite"), "{error}");
}
