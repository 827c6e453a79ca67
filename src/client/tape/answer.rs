//! An answer as a cassette has it: a stream of events event by event, each with the time since the one before.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use serde_json::{Map, Value, json};

use super::{
    ms,
    text::{self, Shown},
};

pub(super) struct Head {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub delay: Duration,
}

/// An answer whose content came in these parts; `cut` says how it broke.
pub(super) fn written(head: &Head, parts: &[(Duration, Bytes)], cut: Option<&str>, shown: &Shown) -> Value {
    let mut answer = Map::new();
    answer.insert("status".to_owned(), head.status.as_u16().into());
    answer.insert("headers".to_owned(), text::headers(&head.headers, shown));
    answer.insert("delayMs".to_owned(), ms(head.delay).into());
    let media = head.headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    let media = media.to_ascii_lowercase();
    if media.starts_with("text/event-stream") {
        let events = frames(parts).iter().map(|(gap, frame)| event(*gap, frame, shown)).collect();
        answer.insert("events".to_owned(), Value::Array(events));
    } else if parts.iter().any(|(_, bytes)| !bytes.is_empty()) {
        let whole: Vec<u8> = parts.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        answer.insert("body".to_owned(), text::said(&media, &whole, shown));
    }
    if let Some(cut) = cut {
        answer.insert("cut".to_owned(), cut.into());
    }
    answer.into()
}

/// The events, each with its blank line, at the time when that came; what is left over is the last.
fn frames(parts: &[(Duration, Bytes)]) -> Vec<(Duration, String)> {
    let (mut frames, mut pending, mut gap) = (Vec::new(), Vec::new(), Duration::ZERO);
    for (after, bytes) in parts {
        gap += *after;
        pending.extend_from_slice(bytes);
        while let Some(end) = end_of_frame(&pending) {
            let rest = pending.split_off(end);
            let frame = std::mem::replace(&mut pending, rest);
            frames.push((std::mem::take(&mut gap), String::from_utf8_lossy(&frame).into_owned()));
        }
    }
    if !pending.is_empty() {
        frames.push((gap, String::from_utf8_lossy(&pending).into_owned()));
    }
    frames
}

fn end_of_frame(bytes: &[u8]) -> Option<usize> {
    let ends = [&b"\n\n"[..], b"\r\n\r\n", b"\r\r"];
    let places = ends.iter().filter_map(|end| memchr::memmem::find(bytes, end).map(|at| at + end.len()));
    places.min()
}

fn event(gap: Duration, frame: &str, shown: &Shown) -> Value {
    let Some((name, data)) = plain(frame) else {
        return json!({ "afterMs": ms(gap), "raw": shown.text(frame) });
    };
    let mut event = json!({ "afterMs": ms(gap) });
    if let Some(name) = name {
        event["event"] = shown.text(name).into();
    }
    match text::content(data.as_bytes(), shown) {
        Value::Object(mut content) if content.contains_key("json") => {
            event["data"] = content.remove("json").unwrap_or_default();
        }
        content => event["text"] = content["text"].clone(),
    }
    event
}

/// Name and data of an event that has nothing else, and that is written as everybody does.
fn plain(frame: &str) -> Option<(Option<&str>, &str)> {
    let (name, rest) = match frame.strip_prefix("event: ") {
        Some(rest) => rest.split_once('\n').map(|(name, rest)| (Some(name), rest))?,
        None => (None, frame),
    };
    let data = rest.strip_prefix("data: ")?.strip_suffix("\n\n")?;
    (!data.contains(['\n', '\r']) && name.is_none_or(|name| !name.contains('\r'))).then_some((name, data))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::client::secrets::Secrets;

    fn events(parts: &[(u64, &'static str)]) -> Vec<String> {
        let shown = Shown { rules: Arc::default(), secrets: Secrets::default() };
        let parts: Vec<_> = parts
            .iter()
            .map(|(ms, text)| (Duration::from_millis(*ms), Bytes::from_static(text.as_bytes())))
            .collect();
        frames(&parts).iter().map(|(gap, frame)| event(*gap, frame, &shown).to_string()).collect()
    }

    #[test]
    fn an_event_has_the_time_of_its_end_however_it_is_cut() {
        let whole = events(&[(5, "event: a\ndata: {\"n\":1}\n\ndata: x\n\n")]);
        assert_eq!(whole, [r#"{"afterMs":5,"event":"a","data":{"n":1}}"#, r#"{"afterMs":0,"text":"x"}"#]);
        let cut = events(&[(5, "event: a\nda"), (7, "ta: {\"n\":1}\n"), (1, "\ndata: x"), (9, "\n\n")]);
        assert_eq!(cut, [r#"{"afterMs":13,"event":"a","data":{"n":1}}"#, r#"{"afterMs":9,"text":"x"}"#]);
    }

    #[test]
    fn what_is_written_otherwise_is_kept_as_it_is() {
        assert_eq!(
            events(&[(0, ": hello\n\n"), (2, "id: 1\r\ndata: x\r\n\r\ndata: cut")]),
            [
                r#"{"afterMs":0,"raw":": hello\n\n"}"#,
                r#"{"afterMs":2,"raw":"id: 1\r\ndata: x\r\n\r\n"}"#,
                r#"{"afterMs":0,"raw":"data: cut"}"#
            ]
        );
    }
}
