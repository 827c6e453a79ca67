//! An answer as bytes, for a store that others share.
//!
//! Layout: a magic word, the version, whether it is compressed, a checksum of what follows; then the length of the
//! head, the head as JSON, and the content. What does not read as that, of another version included, is no answer.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, Version};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64;

use super::super::{
    entry::{Batch, Content, Entry},
    packed::Packed,
    storable::Variant,
};
use crate::event::Event;

const MAGIC: &[u8; 2] = b"TC";
const VERSION: u8 = 1;
const PLAIN: u8 = 0;
const COMPRESSED: u8 = 1;
const FRAME: usize = 12;
/// Smaller ones gain nothing.
const COMPRESS_FROM: usize = 1 << 10;
const LEVEL: i32 = 3;

#[derive(Serialize, Deserialize)]
struct Head {
    status: u16,
    http2: bool,
    headers: Vec<(String, String)>,
    /// Milliseconds since 1970, by the clock of whoever stored it.
    at: u64,
    ttl: u64,
    vary: Option<(Vec<String>, [u8; 32])>,
    events: bool,
}

type Events = Vec<(u64, Vec<Written>)>;
type Written = (String, String, String, Option<u64>);

/// The answer, stored at this time of the wall clock.
pub(super) fn encode(entry: &Entry, at: u64) -> Option<Bytes> {
    let headers = entry.headers.iter();
    // One with odd bytes is left out: nobody's answer depends on it.
    let headers =
        headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let head = Head {
        status: entry.status.as_u16(),
        http2: entry.version == Version::HTTP_2,
        headers: headers.collect(),
        at,
        ttl: ms(entry.ttl),
        vary: entry
            .variant
            .as_ref()
            .map(|variant| (variant.names.iter().map(HeaderName::to_string).collect(), variant.values)),
        events: matches!(entry.content, Content::Events(_)),
    };
    let head = serde_json::to_vec(&head).ok()?;
    let mut payload = u32::try_from(head.len()).ok()?.to_le_bytes().to_vec();
    payload.extend_from_slice(&head);
    match &entry.content {
        Content::Whole(bytes) => payload.extend_from_slice(bytes),
        Content::Events(batches) => serde_json::to_writer(&mut payload, &written(batches)).ok()?,
    }
    let (form, payload) = if payload.len() < COMPRESS_FROM {
        (PLAIN, payload)
    } else {
        (COMPRESSED, zstd::bulk::compress(&payload, LEVEL).ok()?)
    };
    let mut frame = Vec::with_capacity(FRAME + payload.len());
    frame.extend_from_slice(MAGIC);
    frame.extend_from_slice(&[VERSION, form]);
    frame.extend_from_slice(&xxh3_64(&payload).to_le_bytes());
    frame.extend_from_slice(&payload);
    Some(frame.into())
}

/// The answer that these bytes are, if any, at this time of the wall clock; decompressed no larger than `most`.
pub(super) fn decode(frame: &[u8], wall: u64, most: usize) -> Option<Entry> {
    let (start, payload) = frame.split_at_checked(FRAME)?;
    let (magic, rest) = start.split_at(2);
    if magic != MAGIC || rest[0] != VERSION || rest[2..] != xxh3_64(payload).to_le_bytes() {
        return None;
    }
    match rest[1] {
        PLAIN => read(payload, wall),
        COMPRESSED => read(&zstd::bulk::decompress(payload, most).ok()?, wall),
        _ => None,
    }
}

fn read(payload: &[u8], wall: u64) -> Option<Entry> {
    let (length, rest) = payload.split_first_chunk::<4>()?;
    let (head, content) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let head: Head = serde_json::from_slice(head).ok()?;
    let headers = head
        .headers
        .into_iter()
        .map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, HeaderValue::try_from(value).ok()?)));
    let variant = match head.vary {
        None => None,
        Some((names, values)) => {
            let names = names.iter().map(|name| name.parse().ok()).collect::<Option<_>>()?;
            Some(Variant { names, values })
        }
    };
    let content = if head.events {
        Content::Events(batches(serde_json::from_slice(content).ok()?))
    } else {
        Content::Whole(Bytes::copy_from_slice(content))
    };
    // A clock that goes ahead of ours has stored it now.
    let age = Duration::from_millis(wall.saturating_sub(head.at));
    Some(Entry {
        status: StatusCode::from_u16(head.status).ok()?,
        version: if head.http2 { Version::HTTP_2 } else { Version::HTTP_11 },
        headers: headers.collect::<Option<_>>()?,
        content,
        variant,
        stored: Instant::now().checked_sub(age)?,
        ttl: Duration::from_millis(head.ttl),
        conceal: None,
    })
}

fn written(batches: &[Arc<Batch>]) -> Events {
    let event = |event: Event| (event.event, event.data, event.id, event.retry.map(ms));
    batches.iter().map(|batch| (ms(batch.after), batch.events.events().map(event).collect())).collect()
}

fn batches(events: Events) -> Arc<[Arc<Batch>]> {
    let batch = |(after, events): (u64, Vec<Written>)| {
        let events = events.into_iter().map(|(event, data, id, retry)| Event {
            event,
            data,
            id,
            retry: retry.map(Duration::from_millis),
        });
        let events: Vec<Event> = events.collect();
        let events = Arc::new(Packed::of(events.iter()));
        Arc::new(Batch { after: Duration::from_millis(after), events })
    };
    events.into_iter().map(batch).collect()
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: usize = 1 << 20;

    fn entry(content: Content) -> Entry {
        let mut headers = http::HeaderMap::new();
        headers.append("request-id", HeaderValue::from_static("req_1"));
        Entry {
            status: StatusCode::OK,
            version: Version::HTTP_2,
            headers,
            content,
            variant: Some(Variant { names: vec![http::header::ACCEPT_LANGUAGE], values: [7; 32] }),
            stored: Instant::now(),
            ttl: Duration::from_secs(300),
            conceal: None,
        }
    }

    fn content() -> impl Strategy<Value = Content> {
        let event = ("[a-z_]{0,12}", ".{0,40}", ".{0,3}", prop::option::of(0..9000_u64)).prop_map(
            |(event, data, id, retry)| Event { event, data, id, retry: retry.map(Duration::from_millis) },
        );
        let batch = (0..90_000_u64, prop::collection::vec(event, 1..4)).prop_map(|(after, events)| {
            let events = Arc::new(Packed::of(events.iter()));
            Arc::new(Batch { after: Duration::from_millis(after), events })
        });
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..3000).prop_map(|bytes| Content::Whole(bytes.into())),
            prop::collection::vec(batch, 0..20).prop_map(|batches| Content::Events(batches.into())),
        ]
    }

    proptest! {
        #[test]
        fn what_is_stored_comes_back(content in content()) {
            let stored = entry(content);
            let read = decode(&encode(&stored, 1000).unwrap(), 1250, MOST).unwrap();
            prop_assert_eq!(&read.content, &stored.content);
            prop_assert_eq!((read.status, read.version, read.ttl), (stored.status, stored.version, stored.ttl));
            prop_assert_eq!((&read.headers, &read.variant), (&stored.headers, &stored.variant));
            let age = read.stored.elapsed();
            prop_assert!(age >= Duration::from_millis(250) && age < Duration::from_secs(60), "{:?}", age);
        }

        #[test]
        fn what_is_broken_anywhere_is_no_answer(content in content(), at in any::<prop::sample::Index>(), bit in 0..8) {
            let mut bytes = encode(&entry(content), 0).unwrap().to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            prop_assert!(decode(&bytes, 0, MOST).is_none());
        }

        #[test]
        fn what_is_cut_off_or_anything_else_is_no_answer(content in content(), cut in any::<prop::sample::Index>(), other in prop::collection::vec(any::<u8>(), 0..60)) {
            let bytes = encode(&entry(content), 0).unwrap();
            prop_assert!(decode(&bytes[..cut.index(bytes.len())], 0, MOST).is_none());
            prop_assert!(decode(&other, 0, MOST).is_none());
        }
    }

    #[test]
    fn what_would_become_too_large_is_no_answer() {
        let bytes = encode(&entry(Content::Whole(vec![0; MOST * 2].into())), 0).unwrap();
        assert!(bytes.len() < 1000);
        assert!(decode(&bytes, 0, MOST).is_none());
    }

    #[test]
    fn an_answer_of_another_version_is_none() {
        let mut bytes = encode(&entry(Content::Whole("{}".into())), 0).unwrap().to_vec();
        bytes[2] += 1;
        assert!(decode(&bytes, 0, MOST).is_none());
    }
}
