//! Halves of surrogate pairs in JSON: V8 writes them, no text has them, and most parsers refuse them.

use std::borrow::Cow;

/// What stands in place of half a character.
const REPLACEMENT: &str = "\\ufffd";

/// The same JSON with each half pair replaced, as a browser would when it writes bytes.
pub(super) fn mended(json: &str) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    let mut mended = String::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(step) = memchr::memchr(b'\\', &bytes[at..]) {
        at += step;
        let Some(half) = half(bytes, at) else {
            // An escape of another kind, or of a character that is whole.
            at = (at + 2).min(bytes.len());
            continue;
        };
        match half {
            Half::High if self::half(bytes, at + 6) == Some(Half::Low) => at += 12,
            Half::High | Half::Low => {
                mended.push_str(&json[from..at]);
                mended.push_str(REPLACEMENT);
                at += 6;
                from = at;
            }
        }
    }
    if from == 0 {
        return Cow::Borrowed(json);
    }
    mended.push_str(&json[from..]);
    Cow::Owned(mended)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    High,
    Low,
}

/// Which half the escape at this place is, if it is one.
fn half(bytes: &[u8], at: usize) -> Option<Half> {
    let escape = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let code = u16::from_str_radix(std::str::from_utf8(escape).ok()?, 16).ok()?;
    match code {
        0xd800..=0xdbff => Some(Half::High),
        0xdc00..=0xdfff => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_a_pair_is_replaced_and_nothing_else() {
        for (json, expected) in [
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\uDE00\uD83D""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#""a\n\u00e9é""#, r#""a\n\u00e9é""#),
            (r#"["\ud83d","x\udc00y"]"#, r#"["\ufffd","x\ufffdy"]"#),
            (r#""\ud83"#, r#""\ud83"#),
            ("\\", "\\"),
        ] {
            assert_eq!(mended(json), expected, "{json}");
        }
    }

    proptest! {
        #[test]
        fn what_is_mended_can_be_read(units in prop::collection::vec(any::<u16>(), 0..40)) {
            let escapes: Vec<String> = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let escapes = escapes.concat();
            let read: String = serde_json::from_str(&mended(&format!("\"{escapes}\"")))?;
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }
    }
}
