//! The second level in Redis: two processes, one answer.

use std::sync::Arc;

use tokio::time::sleep;
use trae_native::{
    middleware::cache::Store,
    response::Cached,
    store::{Redis, redis::RedisOptions},
};

use super::{
    super::{MS, Peer, after},
    around, given, message, post, steps, whole,
};
use crate::support::redis::Server;

#[tokio::test]
async fn in_redis_two_processes_ask_once_and_share_what_they_were_answered() {
    let Some(server) = Server::start() else { return };
    // Two connections, as two processes have them.
    let cache = |prefix: &str| {
        let options = RedisOptions { urls: vec![server.url()], ..RedisOptions::default() };
        let redis = Arc::new(Redis::new(&options).unwrap());
        let mut store = Store::new(Arc::clone(&redis) as _, Some(redis as _));
        store.prefix = prefix.to_owned();
        super::cache(|options| options.store = Some(store))
    };
    let (large, peer) = ("long ".repeat(2000), Peer::new(Vec::new()));
    let [one, other] = [cache("c:"), cache("c:")];
    let (first, _) = around(&one, vec![after(200 * MS, Ok(whole(&large)))]);
    let second = super::onion(vec![Arc::clone(&other) as _], &peer);
    let led = async { given(first.run(post()).await).await };
    let followed = async {
        sleep(50 * MS).await;
        given(second.run(post()).await).await
    };
    let (led, followed) = tokio::join!(led, followed);
    assert_eq!((led.0, followed.0), (Cached::Miss, Cached::Hit));
    assert_eq!((led.1, followed.1, peer.count()), (message(&large), message(&large), 0));
    other.clear().await.unwrap();
    let third = cache("c:");
    let (third, asked) = around(&third, steps(&["b"]));
    assert_eq!(given(third.run(post()).await).await, (Cached::Miss, message("b")));
    assert_eq!(asked.count(), 1);
}
