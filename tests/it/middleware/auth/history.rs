//! Whatever happens in whatever order: what holds of every history of calls.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use proptest::prelude::*;
use tokio::time::{Instant, advance};
use trae_native::credential::Reason;

use super::bank::{Bank, auth, token};
use crate::support::api::{Api, answer, around, call, refusal, reset};

/// What happens next.
#[derive(Debug, Clone)]
enum Happens {
    /// So many calls at once.
    Calls(usize),
    /// So many calls at once, of which each is aborted after so many milliseconds.
    Aborted(usize, u64),
    /// So many seconds pass.
    Pass(u64),
    /// The server forgets all tokens that were given so far.
    Forgets,
    /// The next questions to the provider fail.
    Fails(usize),
    /// All is thrown away.
    Invalidate,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (1..20_usize).prop_map(Happens::Calls),
        1 => (1..5_usize, 0..2000_u64).prop_map(|(count, ms)| Happens::Aborted(count, ms)),
        3 => (0..400_u64).prop_map(Happens::Pass),
        1 => Just(Happens::Forgets),
        1 => (1..3_usize).prop_map(Happens::Fails),
        1 => Just(Happens::Invalidate),
    ]
}

const LIFETIME: Duration = Duration::from_secs(300);

/// What provider and server know.
#[derive(Default)]
struct World {
    /// When each token was given, by number.
    given: std::sync::Mutex<Vec<(usize, Instant)>>,
    /// Tokens up to this number are forgotten.
    forgotten: AtomicUsize,
    failing: AtomicUsize,
    expired: AtomicUsize,
}

async fn play(history: Vec<Happens>) -> Result<(), TestCaseError> {
    let world = Arc::new(World::default());
    let issuer = Arc::clone(&world);
    let bank = Bank::slow(Duration::from_millis(700), move |n| {
        let left =
            issuer.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() {
            return Err(reset());
        }
        issuer.given.lock().unwrap().push((n, Instant::now()));
        Ok(token(n, LIFETIME.as_secs()))
    });
    let server = Arc::clone(&world);
    let api = Api::slow(Duration::from_millis(300), move |seen| {
        let number: usize = seen.header("x-api-key").unwrap()[1..].parse().unwrap();
        let given = server.given.lock().unwrap().iter().find(|(n, _)| *n == number).unwrap().1;
        // The answer comes 300 ms after the request went out, which is when the token must have been good.
        if given.elapsed() >= LIFETIME + Duration::from_millis(300) {
            server.expired.fetch_add(1, Ordering::SeqCst);
        }
        if number > server.forgotten.load(Ordering::SeqCst) {
            Ok(answer(200, ""))
        } else {
            Err(refusal(401, ""))
        }
    });
    let auth = auth(&bank, |_| {});
    let pipeline = around(vec![Arc::clone(&auth) as Arc<_>], &api);
    // What replaced a refused token is not replaced again at once.
    let mut calm = Instant::now();
    for step in history {
        let (sent, asked) = (api.seen().len(), bank.asked().len());
        let excused = world.failing.load(Ordering::SeqCst) > 0 || Instant::now() < calm;
        match step {
            Happens::Calls(count) => {
                let outcomes = join_all((0..count).map(|_| pipeline.run(call()))).await;
                let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
                prop_assert!(failed == 0 || excused, "{failed} calls failed for no reason");
                prop_assert!(api.seen().len() - sent <= 2 * count, "a call goes out twice at most");
                prop_assert!(bank.asked().len() - asked <= 3, "one question serves all that wait");
            }
            Happens::Aborted(count, ms) => {
                let limit = Duration::from_millis(ms);
                let calls = (0..count).map(|_| tokio::time::timeout(limit, pipeline.run(call())));
                join_all(calls).await;
            }
            Happens::Pass(seconds) => advance(Duration::from_secs(seconds)).await,
            Happens::Forgets => {
                let given = world.given.lock().unwrap().last().map_or(0, |(number, _)| *number);
                world.forgotten.store(given, Ordering::SeqCst);
            }
            Happens::Fails(count) => world.failing.store(count, Ordering::SeqCst),
            Happens::Invalidate => auth.invalidate(),
        }
        if bank.asked()[asked..].contains(&Reason::Refused) {
            calm = Instant::now() + Duration::from_secs(5);
        }
        prop_assert_eq!(world.expired.load(Ordering::SeqCst), 0, "no call goes out with an expired token");
    }
    // Once all is well again, calls are: what failed is not remembered, what was forgotten is replaced.
    world.failing.store(0, Ordering::SeqCst);
    advance(Duration::from_secs(10)).await;
    prop_assert!(pipeline.run(call()).await.is_ok());
    prop_assert!(pipeline.run(call()).await.is_ok());
    drop((pipeline, auth));
    tokio::task::yield_now().await;
    prop_assert_eq!(bank.under_way(), 0, "nothing is left running");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_history_of_calls_keeps_the_promises(history in prop::collection::vec(happens(), 1..25)) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(history))?;
    }

    #[test]
    fn no_more_than_one_question_is_open_unless_all_was_thrown_away(
        history in prop::collection::vec(happens().prop_filter("", |h| !matches!(h, Happens::Invalidate)), 1..25)
    ) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let most = runtime.block_on(async {
            let bank = Bank::slow(Duration::from_millis(700), |n| Ok(token(n, LIFETIME.as_secs())));
            let api = Api::slow(Duration::from_millis(300), |_| Ok(answer(200, "")));
            let pipeline = around(vec![auth(&bank, |_| {})], &api);
            for step in history {
                match step {
                    Happens::Calls(count) => {
                        join_all((0..count).map(|_| pipeline.run(call()))).await;
                    }
                    Happens::Aborted(count, ms) => {
                        let limit = Duration::from_millis(ms);
                        join_all((0..count).map(|_| tokio::time::timeout(limit, pipeline.run(call())))).await;
                    }
                    Happens::Pass(seconds) => advance(Duration::from_secs(seconds)).await,
                    _ => {}
                }
            }
            bank.most()
        });
        prop_assert!(most <= 1);
    }
}
