//! Stores: the same contract for each that there is, in memory and in Redis.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "redis")]
mod buckets;
#[cfg(feature = "redis")]
mod redis;

use std::time::Duration;

use trae_native::store::{Entries, Leases, Memory};

const LONG: Duration = Duration::from_secs(60);

async fn entries_keep_what_was_set_until_it_is_deleted_replaced_or_cleared(store: &impl Entries) {
    assert_eq!(store.get("a").await.unwrap(), None);
    store.set("a", "1".into(), LONG).await.unwrap();
    store.set("a", "2".into(), LONG).await.unwrap();
    assert_eq!(store.get("a").await.unwrap().as_deref(), Some(b"2".as_slice()));
    assert!(store.delete("a").await.unwrap());
    assert!(!store.delete("a").await.unwrap());
    assert_eq!(store.get("a").await.unwrap(), None);
    let bytes: Vec<u8> = (0..=255).collect();
    store.set("b", bytes.clone().into(), LONG).await.unwrap();
    assert_eq!(store.get("b").await.unwrap().as_deref(), Some(&bytes[..]));
    for number in 0..1200 {
        store.set(&format!("x*:{number}"), "v".into(), LONG).await.unwrap();
    }
    store.set("xy:1", "other".into(), LONG).await.unwrap();
    store.clear("x*:").await.unwrap();
    for number in 0..1200 {
        assert_eq!(store.get(&format!("x*:{number}")).await.unwrap(), None);
    }
    assert!(store.get("xy:1").await.unwrap().is_some());
    store.clear("").await.unwrap();
    assert!(store.get("b").await.unwrap().is_none());
}

async fn a_lease_is_had_by_one_owner_at_a_time(store: &impl Leases) {
    assert!(store.acquire("l", "me", LONG).await.unwrap());
    assert!(store.acquire("l", "me", LONG).await.unwrap(), "who has it renews it");
    assert!(!store.acquire("l", "you", LONG).await.unwrap());
    store.release("l", "you").await.unwrap();
    assert!(!store.acquire("l", "you", LONG).await.unwrap(), "only who has it gives it back");
    store.release("l", "me").await.unwrap();
    assert!(store.acquire("l", "you", LONG).await.unwrap());
}

#[tokio::test]
async fn memory_keeps_the_contract_of_stores() {
    let store = Memory::new(1 << 20);
    entries_keep_what_was_set_until_it_is_deleted_replaced_or_cleared(&store).await;
    a_lease_is_had_by_one_owner_at_a_time(&store).await;
}

#[tokio::test(start_paused = true)]
async fn memory_forgets_entries_and_leases_when_their_time_is_over() {
    let store = Memory::new(1 << 20);
    store.set("a", "1".into(), Duration::from_secs(1)).await.unwrap();
    store.set("b", "1".into(), Duration::MAX).await.unwrap();
    assert!(store.acquire("l", "me", Duration::from_secs(1)).await.unwrap());
    tokio::time::advance(Duration::from_millis(999)).await;
    assert!(store.get("a").await.unwrap().is_some());
    assert!(!store.acquire("l", "you", LONG).await.unwrap());
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(store.get("a").await.unwrap(), None);
    assert!(!store.delete("a").await.unwrap());
    assert!(store.get("b").await.unwrap().is_some());
    assert!(store.acquire("l", "you", LONG).await.unwrap());
}

#[tokio::test]
async fn memory_holds_no_more_than_it_may() {
    let store = Memory::new(100_000);
    for number in 0..1000 {
        store.set(&number.to_string(), vec![0; 1000].into(), LONG).await.unwrap();
    }
    let mut kept = 0;
    for number in 0..1000 {
        kept += usize::from(store.get(&number.to_string()).await.unwrap().is_some());
    }
    assert!(kept <= 100, "{kept} of 1000 were kept");
}
