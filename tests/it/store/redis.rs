//! Redis: single, as a cluster, behind Sentinels; killed and started again. Always a real server.

use std::time::Duration;

use trae_native::{
    ErrorKind,
    store::{
        Arg, Entries, Leases, Redis, Reply, Script, Shared,
        redis::{RedisOptions, RedisTls, SentinelOptions},
    },
};

use super::{
    LONG, a_lease_is_had_by_one_owner_at_a_time,
    entries_keep_what_was_set_until_it_is_deleted_replaced_or_cleared,
};
use crate::support::redis::{Cluster, Sentinels, Server};

static COUNT: Script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");

fn options(url: String) -> RedisOptions {
    // A machine that builds and tests at once may take longer than a user wants to wait.
    RedisOptions { urls: vec![url], timeout: Duration::from_secs(5), ..RedisOptions::default() }
}

fn single(server: &Server) -> Redis {
    Redis::new(&options(server.url())).unwrap()
}

fn cluster(cluster: &Cluster) -> Redis {
    Redis::new(&RedisOptions { urls: cluster.urls(), ..options(String::new()) }).unwrap()
}

/// Asks until Redis is back: it connects in the background, in its own time.
async fn until_back(store: &Redis) {
    let start = std::time::Instant::now();
    while let Err(error) = store.get("back").await {
        assert!(start.elapsed() < Duration::from_secs(20), "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn redis_keeps_the_contract_of_stores() {
    let Some(server) = Server::start() else { return };
    let store = single(&server);
    entries_keep_what_was_set_until_it_is_deleted_replaced_or_cleared(&store).await;
    a_lease_is_had_by_one_owner_at_a_time(&store).await;
}

#[tokio::test]
async fn a_cluster_keeps_the_contract_of_stores() {
    let Some(nodes) = Cluster::start() else { return };
    let store = cluster(&nodes);
    entries_keep_what_was_set_until_it_is_deleted_replaced_or_cleared(&store).await;
    a_lease_is_had_by_one_owner_at_a_time(&store).await;
}

#[tokio::test]
async fn times_to_live_are_kept_by_the_server() {
    let Some(server) = Server::start() else { return };
    let store = single(&server);
    store.set("a", "1".into(), Duration::from_secs(60)).await.unwrap();
    store.acquire("l", "me", Duration::from_secs(60)).await.unwrap();
    for key in ["trae:a", "trae:l"] {
        let left: u64 = server.cli(&["pttl", key]).trim().parse().unwrap();
        assert!((50_000..=60_000).contains(&left), "{key}: {left}");
    }
    store.set("a", "1".into(), Duration::ZERO).await.unwrap();
    store.set("b", "1".into(), Duration::MAX).await.unwrap();
    assert!(store.get("b").await.unwrap().is_some());
}

#[tokio::test]
async fn a_script_runs_and_is_told_again_to_a_server_that_has_forgotten_it() {
    let Some(server) = Server::start() else { return };
    let store = single(&server);
    let count = async || store.invoke(&COUNT, &["n"], &[2_i64.into()]).await.unwrap();
    assert_eq!(count().await, Reply::Int(2));
    assert_eq!(count().await, Reply::Int(4));
    assert!(server.cli(&["script", "flush"]).contains("OK"));
    assert_eq!(count().await, Reply::Int(6));
    assert_eq!(server.cli(&["get", "trae:n"]).trim(), "6");
}

#[tokio::test]
async fn what_a_script_says_comes_as_it_is() {
    static SAY: Script = Script::repeatable("return {1, 'a', ARGV[1], ARGV[2], {true, false, 'cut'}, 2.9}");
    let Some(server) = Server::start() else { return };
    let args = [Arg::Bytes(&[0, 255]), Arg::Float(0.1)];
    let said = single(&server).invoke(&SAY, &[], &args).await.unwrap().list();
    assert_eq!((said[0].int(), said[1].text(), said[3].float()), (Some(1), Some("a"), Some(0.1)));
    assert_eq!(said[2].clone().bytes().as_deref(), Some([0, 255].as_slice()));
    assert_eq!(said[4], Reply::List(vec![Reply::Int(1), Reply::Nil, Reply::Bytes("cut".into())]));
    assert_eq!(said[5], Reply::Int(2), "Redis cuts numbers");
}

#[tokio::test]
async fn scripts_run_where_the_key_is_also_while_its_slot_moves() {
    let Some(nodes) = Cluster::start() else { return };
    let store = cluster(&nodes);
    let slot = |key: &str| nodes.nodes[0].cli(&["cluster", "keyslot", &format!("trae:{key}")]);
    for key in ["a", "b", "c", "d", "e"] {
        assert_eq!(store.invoke(&COUNT, &[key], &[1_i64.into()]).await.unwrap(), Reply::Int(1));
        nodes.move_slot(slot(key).trim().parse().unwrap());
        assert_eq!(store.invoke(&COUNT, &[key], &[1_i64.into()]).await.unwrap(), Reply::Int(2), "{key}");
        assert_eq!(store.get(key).await.unwrap().as_deref(), Some(b"2".as_slice()));
    }
}

#[tokio::test]
async fn a_server_that_is_away_fails_every_command_at_once_and_is_found_again() {
    let Some(mut server) = Server::start() else { return };
    let store = single(&server);
    store.set("kept", "1".into(), LONG).await.unwrap();
    server.kill();
    let start = std::time::Instant::now();
    for _ in 0..100 {
        let error = store.get("kept").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store);
        let place = format!("Redis at 127.0.0.1:{} failed: ", server.port);
        let reason = error.message().strip_prefix(&place);
        assert!(matches!(reason, Some("nobody listens there" | "the connection broke")), "{error}");
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    server.restart();
    until_back(&store).await;
    assert_eq!(store.get("kept").await.unwrap().as_deref(), Some(b"1".as_slice()));
}

#[tokio::test]
async fn a_connection_that_the_server_let_go_of_fails_nothing_that_can_be_asked_again() {
    let Some(server) = Server::start() else { return };
    let store = single(&server);
    store.set("a", "1".into(), LONG).await.unwrap();
    for _ in 0..20 {
        server.cli(&["client", "kill", "type", "normal"]);
        assert!(store.get("a").await.unwrap().is_some());
        server.cli(&["client", "kill", "type", "normal"]);
        assert!(store.acquire("l", "me", LONG).await.unwrap());
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_in_time() {
    let Some(server) = Server::start() else { return };
    let timeout = Duration::from_millis(100);
    let store = Redis::new(&RedisOptions { timeout, ..options(server.url()) }).unwrap();
    store.set("a", "1".into(), LONG).await.unwrap();
    server.cli(&["client", "pause", "2000", "all"]);
    let error = store.get("a").await.unwrap_err();
    assert!(error.message().ends_with("it did not answer within 100 ms (`store.timeout`)"), "{error}");
    server.cli(&["client", "unpause"]);
    until_back(&store).await;
}

#[tokio::test]
async fn sentinels_lead_to_the_master_also_after_a_fail_over() {
    let Some(mut set) = Sentinels::start() else { return };
    let sentinel = Some(SentinelOptions { name: "mymaster".into(), username: None, password: None });
    let store = Redis::new(&RedisOptions { sentinel, ..options(set.sentinel.url()) }).unwrap();
    store.set("a", "1".into(), LONG).await.unwrap();
    assert_eq!(set.servers[0].cli(&["get", "trae:a"]).trim(), "1");
    crate::support::redis::until("the replica has it", || {
        set.servers[1].cli(&["get", "trae:a"]).trim() == "1"
    });
    set.fail_over();
    until_back(&store).await;
    let start = std::time::Instant::now();
    while store.set("b", "2".into(), LONG).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(set.servers[1].cli(&["get", "trae:b"]).trim(), "2");
    assert_eq!(store.get("a").await.unwrap().as_deref(), Some(b"1".as_slice()));
}

#[tokio::test]
async fn a_user_a_password_and_a_database_come_by_url_and_are_never_repeated() {
    let acl = ["--user", "svc", "on", ">p%ss:w/rd", "~*", "+@all", "--user", "default", "off"];
    let Some(server) = Server::with(&acl) else { return };
    let at = |who: &str| options(format!("redis://{who}@127.0.0.1:{}/3", server.port));
    let store = Redis::new(&at("svc:p%25ss%3Aw%2Frd")).unwrap();
    store.set("a", "1".into(), LONG).await.unwrap();
    let told = server.cli(&["--user", "svc", "--pass", "p%ss:w/rd", "-n", "3", "get", "trae:a"]);
    assert_eq!(told.trim(), "1");
    let wrong = Redis::new(&at("svc:quite-secret")).unwrap();
    let error = wrong.get("a").await.unwrap_err();
    assert!(error.message().contains("refuses the user or the password"), "{error}");
    assert!(!format!("{error} {error:?} {:?}", at("svc:quite-secret")).contains("quite-secret"));
}

#[tokio::test]
async fn what_the_server_dislikes_is_told_without_the_key() {
    let Some(server) = Server::start() else { return };
    let store = single(&server);
    server.cli(&["lpush", "trae:private", "1"]);
    let error = store.get("private").await.unwrap_err();
    assert!(error.message().ends_with("failed: it answered WRONGTYPE"), "{error}");
    assert!(!format!("{error:?}").contains("private"));
}

#[tokio::test]
async fn tls_is_spoken_by_url_with_the_authorities_that_are_given() {
    let Some(files) = Server::start() else { return };
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = files.folder();
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (cert, key, port) = (cert.to_str().unwrap(), key.to_str().unwrap(), free.to_string());
    let tls =
        ["--tls-port", &port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no"];
    let Some(_server) = Server::with(&tls) else { return };
    let url = format!("rediss://localhost:{port}");
    let ca = Some(made.cert.pem().into_bytes());
    let trusting = RedisOptions { tls: RedisTls { ca, ..RedisTls::default() }, ..options(url.clone()) };
    Redis::new(&trusting).unwrap().set("a", "1".into(), LONG).await.unwrap();
    let error = Redis::new(&options(url)).unwrap().get("a").await.unwrap_err();
    assert!(error.message().ends_with("TLS with it failed"), "{error}");
}

#[tokio::test]
async fn equal_options_share_a_connection_and_others_have_their_own() {
    let Some(server) = Server::start() else { return };
    let shared = || Redis::shared(options(server.url())).unwrap();
    let (one, two) = (shared(), shared());
    assert!(std::sync::Arc::ptr_eq(&one, &two));
    for store in [&one, &two] {
        store.get("a").await.unwrap();
    }
    let connections = server.cli(&["info", "clients"]);
    assert!(connections.contains("connected_clients:2"), "one, and redis-cli: {connections}");
    let other = Redis::shared(RedisOptions { prefix: "other:".into(), ..options(server.url()) }).unwrap();
    assert!(!std::sync::Arc::ptr_eq(&one, &other));
}
