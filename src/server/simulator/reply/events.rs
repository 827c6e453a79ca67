//! Made-up streams: their frames are built once, and only a time stamp is written per event.

use bytes::Bytes;

use super::super::{
    api::{self, Api},
    head::since_epoch,
};

/// Digits of a stamp: enough for ever, and always the same, so that it can be written in place.
const STAMP: usize = 20;

/// A stream of so many deltas, ready to be written.
#[derive(Debug, Clone)]
pub(in super::super) struct Made {
    count: usize,
    stamp: bool,
    messages: Frames,
    complete: Frames,
}

#[derive(Debug, Clone)]
struct Frames {
    head: Vec<Bytes>,
    delta: Bytes,
    stamp_at: usize,
    tail: Vec<Bytes>,
}

impl Frames {
    fn new(api: Api, count: usize, stamp: bool) -> Self {
        let text = if stamp { "0".repeat(STAMP) } else { "token ".to_owned() };
        let all = api::stream(api, api::DEFAULT_MODEL, 25, &[text.as_str()], count);
        let at = all.iter().position(|frame| find(frame, text.as_bytes()).is_some()).unwrap_or(0);
        Self {
            stamp_at: find(&all[at], text.as_bytes()).unwrap_or(0),
            delta: all[at].clone(),
            head: all[..at].to_vec(),
            tail: all[at + 1..].to_vec(),
        }
    }
}

fn find(frame: &[u8], text: &[u8]) -> Option<usize> {
    memchr::memmem::find(frame, text)
}

impl Made {
    pub fn new(count: usize, stamp: bool) -> Self {
        Self {
            count,
            stamp,
            messages: Frames::new(Api::Messages, count, stamp),
            complete: Frames::new(Api::Complete, count, stamp),
        }
    }

    /// The frames, in the shape of this API.
    pub fn frames(&self, api: Api) -> impl Iterator<Item = Bytes> + Send + use<> {
        let Frames { head, delta, stamp_at, tail } =
            if api == Api::Complete { self.complete.clone() } else { self.messages.clone() };
        let stamp = self.stamp;
        let deltas =
            std::iter::repeat_with(move || if stamp { stamped(&delta, stamp_at) } else { delta.clone() });
        head.into_iter().chain(deltas.take(self.count)).chain(tail)
    }
}

fn stamped(frame: &Bytes, at: usize) -> Bytes {
    let mut frame = frame.to_vec();
    let now = format!("{:0width$}", since_epoch().as_micros(), width = STAMP);
    if let Some(place) = frame.get_mut(at..at + STAMP) {
        place.copy_from_slice(&now.as_bytes()[..STAMP]);
    }
    frame.into()
}

/// Cuts a literal body into events, each with the blank line that ends it.
pub(in super::super) fn split(body: &str) -> Vec<Bytes> {
    let bytes = body.as_bytes();
    let (mut events, mut start, mut at) = (Vec::new(), 0, 0);
    while at < bytes.len() {
        let Some(first) = line_end(&bytes[at..]) else {
            at += 1;
            continue;
        };
        at += first;
        while let Some(next) = line_end(&bytes[at..]) {
            at += next;
            if line_end(&bytes[at..]).is_none() {
                events.push(Bytes::copy_from_slice(&bytes[start..at]));
                start = at;
            }
        }
    }
    if start < bytes.len() {
        events.push(Bytes::copy_from_slice(&bytes[start..]));
    }
    events
}

fn line_end(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\r', b'\n', ..] => Some(2),
        [b'\r' | b'\n', ..] => Some(1),
        _ => None,
    }
}
