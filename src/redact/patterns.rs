//! Which texts are a secret wherever they stand: keys by their looks, and what a rule describes.

use std::borrow::Cow;

use memchr::memmem;
use regex_lite::{Regex, RegexBuilder};

use super::SHOWN_AS;

/// A description of a secret.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

/// Why a description is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPattern {
    /// It would match everywhere.
    #[error("is empty, and would stand everywhere")]
    Empty,
    /// The engine knows upper and lower case of ASCII alone, and would pass over some of what is meant.
    #[error(
        "has the flag `i` and a letter beyond ASCII, whose case is not ignored here: write both, as `[Éé]`"
    )]
    Case,
    /// It is not written in a way that this engine knows.
    #[error("is no pattern here (look-around and back-references are not known): {0}")]
    Syntax(String),
}

impl Pattern {
    /// What begins like this, with the letters, digits, `-` and `_` that follow.
    pub fn prefix(prefix: &str) -> Result<Self, NoPattern> {
        Self::expression(&format!("{}[A-Za-z0-9_-]*", regex_lite::escape(prefix)), "")
    }

    /// A regular expression with flags of JavaScript's; those that mean nothing here are let be.
    pub fn expression(source: &str, flags: &str) -> Result<Self, NoPattern> {
        if flags.contains('i') && letters(source).any(|letter| !letter.is_ascii() && has_case(letter)) {
            return Err(NoPattern::Case);
        }
        let regex = RegexBuilder::new(source)
            .case_insensitive(flags.contains('i'))
            .multi_line(flags.contains('m'))
            .dot_matches_new_line(flags.contains('s'))
            .build()
            .map_err(|cause| NoPattern::Syntax(cause.to_string()))?;
        if regex.is_match("") { Err(NoPattern::Empty) } else { Ok(Self(regex)) }
    }

    /// The text without what it describes; `None` where that is not in it.
    pub fn replace(&self, text: &str) -> Option<String> {
        match self.0.replace_all(text, regex_lite::NoExpand(SHOWN_AS)) {
            Cow::Borrowed(_) => None,
            Cow::Owned(shown) => Some(shown),
        }
    }
}

fn has_case(letter: char) -> bool {
    !letter.to_lowercase().eq([letter]) || !letter.to_uppercase().eq([letter])
}

/// What an expression is written of, with letters that are written by their numbers (`\xe9`, `\u00e9`, `\u{e9}`).
fn letters(source: &str) -> impl Iterator<Item = char> {
    let numbered = source.split('\\').skip(1).filter_map(|escape| {
        let digits = match escape.chars().next()? {
            'x' => escape.get(1..3)?,
            'u' => match escape.get(1..)?.strip_prefix('{') {
                Some(braced) => braced.split('}').next()?,
                None => escape.get(1..5)?,
            },
            _ => return None,
        };
        char::from_u32(u32::from_str_radix(digits, 16).ok()?)
    });
    source.chars().chain(numbered)
}

/// The text without anything that looks like a key: people paste them in the wrong places.
pub fn without_keys(text: &str) -> Cow<'_, str> {
    match without_key_bytes(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(shown) => Cow::Owned(String::from_utf8_lossy(&shown).into_owned()),
    }
}

/// A key of the Claude API is known by its beginning, any other only by being long besides.
pub fn without_key_bytes(text: &[u8]) -> Cow<'_, [u8]> {
    let part_of_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let keys = memmem::find_iter(text, b"sk-").filter_map(|start| {
        let length = text[start..].iter().take_while(|byte| part_of_key(byte)).count();
        let claude = text[start..].starts_with(b"sk-ant-") && length >= "sk-ant-".len() + 4;
        let begins = start == 0 || !part_of_key(&text[start - 1]);
        (claude || begins && length >= 24).then_some((start, start + length))
    });
    let mut last = 0;
    // A key may have the mark inside it once more.
    let apart = keys.filter(move |(_, end)| std::mem::replace(&mut last, *end) != *end);
    replace(text, apart).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The text with these places, in order, replaced; `None` where there are none.
pub fn replace(text: &[u8], places: impl Iterator<Item = (usize, usize)>) -> Option<Vec<u8>> {
    let mut places = places.peekable();
    places.peek()?;
    let mut shown = Vec::new();
    let mut rest = 0;
    for (start, end) in places {
        shown.extend_from_slice(&text[rest..start]);
        shown.extend_from_slice(SHOWN_AS.as_bytes());
        rest = end;
    }
    shown.extend_from_slice(&text[rest..]);
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_takes_the_rest_of_the_word_with_it() {
        let pattern = Pattern::prefix("ghp_").unwrap();
        assert_eq!(pattern.replace("a ghp_0-1_z, b"), Some("a [redacted], b".to_owned()));
        assert_eq!(pattern.replace("a gh_"), None);
        assert_eq!(
            Pattern::prefix("a.b").unwrap().replace("axb"),
            None,
            "its marks are no marks of a pattern"
        );
    }

    #[test]
    fn an_expression_obeys_its_flags() {
        let pattern = Pattern::expression(r"\b[a-z]+@[a-z.]+", "gi").unwrap();
        assert_eq!(pattern.replace("To: Joe@Example.com!"), Some("To: [redacted]!".to_owned()));
        let dollars = Pattern::expression("x", "").unwrap();
        assert_eq!(dollars.replace("x$0"), Some("[redacted]$0".to_owned()));
    }

    #[test]
    fn an_expression_whose_case_would_be_ignored_in_part_is_refused() {
        for source in ["é1+", "[À-Ý]x", r"\u00e9", r"\xE9", r"\u{e9}1", "ſ2"] {
            assert_eq!(Pattern::expression(source, "i").unwrap_err(), NoPattern::Case, "{source}");
            assert!(!matches!(Pattern::expression(source, ""), Err(NoPattern::Case)), "{source}");
        }
        assert!(Pattern::expression(r"日本\w+\x41", "i").is_ok(), "these have no case, or one of ASCII");
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        assert_eq!(Pattern::expression("", "").unwrap_err(), NoPattern::Empty);
        assert_eq!(Pattern::expression("a*", "").unwrap_err(), NoPattern::Empty);
        assert!(matches!(Pattern::expression("(?=a)b", ""), Err(NoPattern::Syntax(_))));
        assert!(matches!(Pattern::expression("(a", ""), Err(NoPattern::Syntax(_))));
    }
}
