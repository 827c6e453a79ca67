//! JSON as it comes. A name, a place or a key that is written by escapes is found in what was read alone: what is
//! meant as JSON and can't be read is therefore not shown.

use serde_json::{Deserializer, Value};

/// What a content turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// One value.
    One(Value),
    /// One after the other, as lines are.
    Many(Vec<Value>),
    /// Meant as JSON, and none.
    Unreadable,
    /// No JSON.
    Text,
}

/// What is shown of so many bytes that were meant as JSON.
pub fn unreadable(bytes: usize) -> String {
    format!("[{bytes} bytes of JSON that can't be read]")
}

/// Reads what is JSON by its looks, or where `said` is set by its type. Half a pair of surrogates, which JavaScript
/// writes without complaint, is read as the sign for what is no letter.
pub fn read(content: &[u8], said: bool) -> Content {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content).trim_ascii();
    if content.is_empty() || !said && !matches!(content[0], b'{' | b'[' | b'"') {
        return Content::Text;
    }
    let read = values(content).or_else(|| values(mended(content).as_bytes()));
    match read.map(|mut values| (values.pop(), values)) {
        Some((Some(one), rest)) if rest.is_empty() => Content::One(one),
        Some((Some(last), mut rest)) => {
            rest.push(last);
            Content::Many(rest)
        }
        _ if said || may_hide(content) => Content::Unreadable,
        _ => Content::Text,
    }
}

fn values(content: &[u8]) -> Option<Vec<Value>> {
    Deserializer::from_slice(content).into_iter().collect::<Result<_, _>>().ok()
}

/// Whether a text that only begins as JSON does has names or escapes in it: `[error] no route` has not.
fn may_hide(content: &[u8]) -> bool {
    let mark = if content[0] == b'"' { b'\\' } else { b'"' };
    content.contains(&mark)
}

/// The text with every half of a pair of surrogates, and every byte that is no letter, replaced.
fn mended(content: &[u8]) -> String {
    let text = String::from_utf8_lossy(content);
    let mut mended = String::with_capacity(text.len());
    let mut rest: &str = &text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        mended.push_str(before);
        let (written, length) = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (&escape[..12], 12),
            (Some(0xd800..=0xdfff), _) => ("\\ufffd", 6),
            (Some(_), _) => (&escape[..6], 6),
            // The letter after it belongs to it, as in `\\`.
            (None, _) => {
                let length = escape.chars().take(2).map(char::len_utf8).sum();
                (&escape[..length], length)
            }
        };
        mended.push_str(written);
        rest = &escape[length..];
    }
    mended.push_str(rest);
    mended
}

/// The number of `\uXXXX`.
fn unit(escape: &str) -> Option<u32> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

/// Values as lines.
pub fn lines(values: &[Value]) -> String {
    values.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_json_by_its_type_or_looks_is_read() {
        for (content, expected) in [
            (r#" {"a":1}"#, json!({ "a": 1 })),
            ("\u{feff}[1]", json!([1])),
            (r#""\ud83d\ude00 \ud83d""#, json!("\u{1f600} \u{fffd}")),
            (
                r#"{"\uD83D":"\\ud83d \udc00\ud83d\u0041"}"#,
                json!({ "\u{fffd}": "\\ud83d \u{fffd}\u{fffd}A" }),
            ),
        ] {
            assert_eq!(read(content.as_bytes(), false), Content::One(expected), "{content}");
        }
        assert_eq!(read(b"\"\xff\"", false), Content::One(json!("\u{fffd}")));
        assert_eq!(read(b"{\"a\":1}\n\n[2]\n", false), Content::Many(vec![json!({ "a": 1 }), json!([2])]));
        assert_eq!((read(b"7", false), read(b"7", true)), (Content::Text, Content::One(json!(7))));
    }

    #[test]
    fn what_is_meant_as_json_and_cannot_be_read_is_told_from_text() {
        let deep = format!("{}\"key\"{}", "[".repeat(130), "]".repeat(130));
        for content in
            [r#"{"a":1e999}"#, &deep, r#"{"a":"b"#, r#"{"a":"b"} and more"#, r#"{"a":"\u00"}"#, r#""\"#]
        {
            assert_eq!(read(content.as_bytes(), false), Content::Unreadable, "{content}");
        }
        for content in ["", " ", "no", "[error] no route", "{{name}}", r#""quoted" words"#] {
            assert_eq!(read(content.as_bytes(), false), Content::Text, "{content}");
        }
        assert_eq!(read(b"no", true), Content::Unreadable);
        assert_eq!(unreadable(7), "[7 bytes of JSON that can't be read]");
    }
}
