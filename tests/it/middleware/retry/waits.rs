//! How long is waited: by backoff, by the server's wish, by the deadline.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use trae_native::{
    ErrorKind, Phase,
    body::Body,
    middleware::retry::{Jitter, RetryOptions},
};

use super::{MS, Peer, SECOND, after, answer, around, exact, never, ok, post, refusal, run, status};

fn busy(name: &'static str, value: &str) -> super::Step {
    refusal(429, &[(name, value)])
}

#[tokio::test(start_paused = true)]
async fn the_wait_doubles_up_to_its_cap() {
    let options = RetryOptions { max_retries: 5, cap: Some(SECOND), ..exact() };
    let steps = (0..5).map(|_| status(500)).chain([ok()]).collect();
    let (_, peer) = run(steps, options, post()).await;
    assert_eq!(peer.times(), [0, 100, 300, 700, 1500, 2500]);
}

#[tokio::test(start_paused = true)]
async fn a_fixed_wait_is_always_the_same() {
    let options = RetryOptions { max_retries: 3, jitter: Jitter::Fixed, ..exact() };
    let steps = (0..3).map(|_| status(500)).chain([ok()]).collect();
    let (_, peer) = run(steps, options, post()).await;
    assert_eq!(peer.times(), [0, 100, 200, 300]);
}

/// The first wait of many calls, with default options but this jitter.
async fn first_waits(jitter: Jitter) -> Vec<Duration> {
    let mut waits = Vec::new();
    for _ in 0..300 {
        let options = RetryOptions { jitter, ..RetryOptions::default() };
        let (outcome, _) = run(vec![status(500), ok()], options, post()).await;
        waits.push(outcome.unwrap().history[1].waited);
    }
    waits.sort();
    waits
}

#[tokio::test(start_paused = true)]
async fn by_default_those_who_failed_together_come_back_spread_from_now_to_half_a_second() {
    assert_eq!(RetryOptions::default().jitter, Jitter::Full);
    let waits = first_waits(Jitter::Full).await;
    assert!(waits[0] < 100 * MS && waits[299] > 400 * MS && waits[299] < 500 * MS, "{waits:?}");
    assert!((150 * MS..350 * MS).contains(&waits[150]), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn equal_jitter_waits_at_least_half_and_decorrelated_at_least_the_base() {
    let equal = first_waits(Jitter::Equal).await;
    assert!(equal[0] >= 250 * MS && equal[299] < 500 * MS && equal[299] > equal[0] + 150 * MS, "{equal:?}");
    let free = first_waits(Jitter::Decorrelated).await;
    assert!(free[0] >= 500 * MS && free[299] < 1500 * MS && free[299] > free[0] + 600 * MS, "{free:?}");
}

#[tokio::test(start_paused = true)]
async fn decorrelated_waits_grow_out_of_each_other() {
    let options = RetryOptions { max_retries: 5, jitter: Jitter::Decorrelated, ..RetryOptions::default() };
    let mut longest = Duration::ZERO;
    for _ in 0..100 {
        let steps = (0..5).map(|_| status(500)).chain([ok()]).collect();
        let (outcome, _) = run(steps, options.clone(), post()).await;
        let waits: Vec<Duration> = outcome.unwrap().history.iter().map(|one| one.waited).collect();
        assert!(waits[1..].windows(2).all(|pair| pair[1] <= (pair[0] * 3).min(8 * SECOND)), "{waits:?}");
        longest = longest.max(waits[5]);
    }
    assert!(longest > 1500 * MS, "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_is_asked_again_when_it_said_so() {
    for (name, value, wait) in [
        ("retry-after-ms", "1", 1),
        ("retry-after-ms", "0", 0),
        ("retry-after-ms", "2500.5", 2501),
        ("retry-after", "3", 3000),
        ("retry-after", "0", 0),
        ("retry-after", "0.25", 250),
        ("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("retry-after", "soon", 100),
        ("retry-after", "-5", 100),
        ("retry-after", "", 100),
        ("retry-after-ms", "NaN", 100),
    ] {
        let (_, peer) = run(vec![busy(name, value), ok()], exact(), post()).await;
        assert_eq!(peer.times(), [0, wait], "{name}: {value}");
    }
    let both = refusal(503, &[("retry-after-ms", "40"), ("retry-after", "3")]);
    let (_, peer) = run(vec![both, ok()], exact(), post()).await;
    assert_eq!(peer.times(), [0, 40], "the finer one counts");
}

#[tokio::test(start_paused = true)]
async fn a_date_is_waited_for() {
    let date = httpdate::fmt_http_date(SystemTime::now() + 20 * SECOND);
    let (_, peer) = run(vec![busy("retry-after", &date), ok()], exact(), post()).await;
    let wait = peer.times()[1];
    assert!((15_000..=20_000).contains(&wait), "the date has whole seconds: {wait}");
}

#[tokio::test(start_paused = true)]
async fn those_who_were_told_the_same_moment_come_after_it_and_spread() {
    let mut waits = Vec::new();
    for _ in 0..300 {
        let (outcome, _) = run(vec![busy("retry-after", "2"), ok()], RetryOptions::default(), post()).await;
        waits.push(outcome.unwrap().history[1].waited);
    }
    waits.sort();
    assert!(
        waits[0] >= 2 * SECOND && waits[299] < 2500 * MS && waits[299] > waits[0] + 300 * MS,
        "{waits:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wish_for_days_fails_at_once_and_the_error_has_it() {
    let started = Instant::now();
    let (outcome, peer) = run(vec![busy("retry-after", "172800"), ok()], exact(), post()).await;
    let error = outcome.unwrap_err();
    assert_eq!((peer.count(), started.elapsed()), (1, Duration::ZERO));
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Status(429), Some(172_800 * SECOND)));
    assert!(
        error.message().ends_with(
            "not retried: the server asks to come back in 172800000 ms, later than `retry.maxRetryAfter` allows"
        ),
        "{error}"
    );
    let (_, peer) = run(vec![busy("retry-after", "60"), ok()], exact(), post()).await;
    assert_eq!(peer.times(), [0, 60_000], "a minute is still waited for");
}

#[tokio::test(start_paused = true)]
async fn no_wait_begins_that_would_last_beyond_the_deadline() {
    let options = RetryOptions { deadline: Some(250 * MS), ..exact() };
    let started = Instant::now();
    let (outcome, peer) = run(vec![status(500), status(529), ok()], options.clone(), post()).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.status(), peer.count(), started.elapsed()), (Some(529), 2, 100 * MS));
    assert!(error.message().ends_with("not retried: `retry.deadline` would pass before the next attempt"));
    let (outcome, _) = run(vec![busy("retry-after", "1"), ok()], options, post()).await;
    assert_eq!(outcome.unwrap_err().retry_after(), Some(SECOND));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_the_attempt_under_way_and_names_the_failure_before_it() {
    let options = RetryOptions { deadline: Some(SECOND), ..exact() };
    let started = Instant::now();
    let (outcome, peer) = run(vec![status(529), never()], options.clone(), post()).await;
    let error = outcome.unwrap_err();
    assert_eq!((peer.count(), started.elapsed()), (2, SECOND));
    assert_eq!((error.kind(), error.phase(), error.attempts()), (ErrorKind::Timeout, Phase::Total, 2));
    assert_eq!(error.message(), "the call was not answered within 1000 ms (`retry.deadline`)");
    let cause =
        std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<trae_native::Error>());
    assert_eq!(cause.unwrap().status(), Some(529));
    assert_eq!(error.history()[1].took, 900 * MS);

    let (outcome, _) = run(vec![after(900 * MS, Ok(answer(200, Body::Empty)))], options, post()).await;
    assert_eq!(outcome.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_beyond_the_end_of_time_is_none() {
    let options = RetryOptions { deadline: Some(Duration::MAX), max_retry_after: None, ..exact() };
    let peer = Peer::new(vec![status(500), ok()]);
    assert_eq!(around(&peer, options).run(post()).await.unwrap().attempts, 2);
}
