//! Sessions that replicas share, in a real Redis and a real cluster: each `Sessions` stands for a process.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};
use trae_native::{
    ErrorKind,
    session::{SessionOptions, Sessions},
    store::{Redis, redis::RedisOptions},
};

use super::{MS, Talk, dialogue, gated, keep_the_contract, never, refusing, says, turn};
use crate::support::redis::{Cluster, Server};

fn store(urls: Vec<String>) -> Arc<Redis> {
    let options = RedisOptions { urls, timeout: Duration::from_secs(5), ..RedisOptions::default() };
    Arc::new(Redis::new(&options).unwrap())
}

fn process(server: &Server) -> Arc<Sessions> {
    Arc::new(Sessions::shared(store(vec![server.url()])))
}

#[tokio::test]
async fn sessions_in_redis_keep_the_contract() {
    let Some(server) = Server::start() else { return };
    keep_the_contract(&process(&server)).await;
    assert_eq!(server.cli(&["dbsize"]).trim(), "0", "nothing is left behind");
}

#[tokio::test]
async fn sessions_in_a_cluster_keep_the_contract() {
    let Some(cluster) = Cluster::start() else { return };
    keep_the_contract(&Arc::new(Sessions::shared(store(cluster.urls())))).await;
}

#[tokio::test]
async fn a_session_that_several_processes_write_stays_whole() {
    let Some(server) = Server::start() else { return };
    let talks: Vec<Talk> = (0..4)
        .map(|process_number| {
            let steps = (0..5).map(|n| {
                let words = format!("re {process_number}");
                Box::pin(async move {
                    tokio::time::sleep(n * MS).await;
                    says(&words).await
                }) as super::Step
            });
            Talk::new(&process(&server), steps.collect())
        })
        .collect();
    let talking = talks.iter().enumerate().map(|(number, talk)| async move {
        for _ in 0..5 {
            let options = SessionOptions::default();
            talk.pipeline.run(turn(&json!(number.to_string()), options)).await.unwrap();
        }
    });
    join_all(talking).await;
    let history = talks[0].history().await;
    let history = history.as_array().unwrap();
    assert_eq!(history.len(), 40);
    for pair in history.chunks(2) {
        let number = pair[0]["content"].as_str().unwrap();
        assert_eq!(pair[1]["content"][0]["text"], format!("re {number}"));
    }
    for talk in &talks {
        for messages in talk.sent() {
            let (_, before) = messages.as_array().unwrap().split_last().unwrap();
            assert!(history.starts_with(before));
        }
    }
}

#[tokio::test]
async fn the_lease_of_a_process_that_has_died_ends_and_its_turn_is_never_kept() {
    let Some(server) = Server::start() else { return };
    let options = SessionOptions { lease: 400 * MS, ..SessionOptions::default() };
    let (dead, alive) = (process(&server), process(&server));
    // A process that stops in mid-turn renews nothing and gives nothing back: so does a runtime that stands still.
    let stopped = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let talk: &'static Talk = Box::leak(Box::new(Talk::new(&dead, vec![never()])));
        runtime.block_on(async {
            tokio::spawn(async move { talk.pipeline.run(turn(&json!("dead"), options)).await.map(drop) });
            talk.asked(1).await;
        });
        std::mem::forget(runtime);
    });
    stopped.join().unwrap();
    let talk = Talk::new(&alive, vec![says("1")]);
    talk.pipeline.run(turn(&json!("alive"), options)).await.unwrap();
    assert_eq!(talk.history().await, dialogue(&[("alive", "1")]));
}

#[tokio::test]
async fn a_turn_whose_lease_has_passed_to_another_is_told_that_it_was_not_kept() {
    let Some(server) = Server::start() else { return };
    let (one, other) = (process(&server), process(&server));
    let (open, step) = gated(says("1"));
    let slow = Talk::new(&one, vec![step]);
    let quick = Talk::new(&other, vec![says("2")]);
    let (slow_one, quick_one) = tokio::join!(slow.say("slow"), async {
        slow.asked(1).await;
        // As if its process had been away for longer than its lease.
        let key = server.cli(&["keys", "trae:session:*"]).trim().to_owned();
        server.cli(&["hset", &key, "u", "1"]);
        let said = quick.say("quick").await;
        open.send(()).unwrap();
        said
    });
    quick_one.unwrap();
    let error = slow_one.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionBusy);
    assert!(error.message().contains("its lease has passed to another turn"), "{error}");
    assert_eq!(quick.history().await, dialogue(&[("quick", "2")]));
}

#[tokio::test]
async fn a_server_that_is_killed_in_mid_turn_fails_the_turn_and_loses_none_that_was_kept() {
    let Some(mut server) = Server::start() else { return };
    let sessions = process(&server);
    let (open, step) = gated(says("3"));
    let talk = Talk::new(&sessions, vec![says("1"), says("2"), step, says("4")]);
    talk.say("a").await.unwrap();
    talk.say("b").await.unwrap();
    let (error, ()) = tokio::join!(talk.say("c"), async {
        talk.asked(3).await;
        server.kill();
        open.send(()).unwrap();
    });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Store);
    assert_eq!(talk.say("away").await.unwrap_err().kind(), ErrorKind::Store);
    server.restart();
    let start = std::time::Instant::now();
    // The turn that was cut off is over: its own process does not wait for the end of its lease.
    let options = SessionOptions { lease: Duration::from_secs(3600), ..SessionOptions::default() };
    while let Err(error) = talk.pipeline.run(turn(&json!("d"), options)).await {
        assert!(error.kind() == ErrorKind::Store && start.elapsed() < Duration::from_secs(20), "{error}");
        tokio::time::sleep(20 * MS).await;
    }
    assert_eq!(talk.history().await, dialogue(&[("a", "1"), ("b", "2"), ("d", "4")]));
}

#[tokio::test]
async fn a_long_session_costs_what_its_window_costs() {
    let Some(server) = Server::start() else { return };
    let sessions = process(&server);
    let long: Vec<(String, String)> =
        (0..10_000).map(|n| (format!("question {n}"), format!("answer {n}"))).collect();
    let said: Vec<(&str, &str)> = long.iter().map(|(question, words)| (&**question, &**words)).collect();
    sessions.import("s", &dialogue(&said).to_string(), refusing()).await.unwrap();
    let talk = Talk::new(&sessions, vec![says("1")]);
    let read = || -> u64 {
        let stats = server.cli(&["info", "stats"]);
        let line = stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:")).unwrap();
        line.trim().parse().unwrap()
    };
    let before = read();
    let options = SessionOptions { window: 1000, ..refusing() };
    talk.pipeline.run(turn(&json!("now"), options)).await.unwrap();
    let sent = talk.sent();
    let messages = sent[0].as_array().unwrap();
    assert!((20..200).contains(&messages.len()), "{}", messages.len());
    assert_eq!(messages[messages.len() - 2]["content"][0]["text"], json!("answer 9999") as Value);
    // What `info` itself says is part of it.
    assert!(read() - before < 40_000, "{}", read() - before);
}

#[tokio::test]
async fn nothing_of_an_id_is_told_by_a_key_and_its_time_to_live_is_renewed_with_each_turn() {
    let Some(server) = Server::start() else { return };
    let talk = Talk::new(&process(&server), vec![says("1"), says("2")]);
    let options = SessionOptions { ttl: Duration::from_secs(100), ..refusing() };
    for _ in 0..2 {
        talk.pipeline.run(turn(&json!("a"), options)).await.unwrap();
        let keys = server.cli(&["keys", "*"]);
        let key = keys.trim();
        assert!(key.starts_with("trae:session:") && key.len() == 45, "one key: {keys}");
        let left: u64 = server.cli(&["pttl", key]).trim().parse().unwrap();
        assert!((90_000..=100_000).contains(&left), "{left}");
        server.cli(&["pexpire", key, "50000"]);
    }
}
