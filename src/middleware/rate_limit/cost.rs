//! What a call takes of each limit.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::{body::Body, claude::Usage};

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Requests,
    InputTokens,
    OutputTokens,
}

impl Of {
    pub const ALL: [Self; 3] = [Self::Requests, Self::InputTokens, Self::OutputTokens];

    /// As the API's headers call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::InputTokens => "input-tokens",
            Self::OutputTokens => "output-tokens",
        }
    }
}

/// So much of each, in the order of [`Of::ALL`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost(pub [u64; 3]);

impl Cost {
    pub fn of(&self, of: Of) -> u64 {
        self.0[of as usize]
    }
}

/// What can be known of a call before it is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Estimate {
    /// Tokens that it will read, roughly.
    pub input: u64,
    /// The most that it lets be written; a call that says nothing of it writes no message.
    pub max_tokens: Option<u64>,
}

/// A text of so many bytes is one token, on average over languages and code.
const BYTES_PER_TOKEN: u64 = 4;
/// What the largest image costs. A text in base64 counts as one: what it is cannot be told without decoding it.
const IMAGE: u64 = 1600;
/// From so many bytes on a member `data` is taken for something in base64.
const LONG: usize = 1024;

impl Estimate {
    /// Of this body, in one pass over its JSON. What is no JSON in memory costs nothing that we would know of.
    pub fn of(body: &Body) -> Self {
        let Body::Full(json) = body else { return Self::default() };
        match serde_json::from_slice::<Weight>(json) {
            Ok(Weight { bytes, tokens, max_tokens }) => {
                Self { input: tokens + bytes.div_ceil(BYTES_PER_TOKEN), max_tokens }
            }
            Err(_) => Self::default(),
        }
    }
}

/// What tokens were read and written, of a usage that was told.
pub(super) fn used(usage: Usage) -> (Option<u64>, Option<u64>) {
    let read = usage.input_tokens.map(|input| input + usage.cache_creation_input_tokens.unwrap_or_default());
    (read, usage.output_tokens)
}

#[derive(Default)]
struct Weight {
    bytes: u64,
    tokens: u64,
    max_tokens: Option<u64>,
}

impl Weight {
    fn of_text(text: &str) -> Self {
        Self { bytes: text.len() as u64, ..Self::default() }
    }

    fn add(&mut self, other: &Self) {
        self.bytes += other.bytes;
        self.tokens += other.tokens;
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scale)
    }
}

struct Scale;

impl<'de> Visitor<'de> for Scale {
    type Value = Weight;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Weight, E> {
        Ok(Weight::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Weight, E> {
        Ok(Weight::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Weight, E> {
        Ok(Weight::default())
    }

    /// Only who looks at a member `max_tokens` takes this for what it says.
    fn visit_u64<E>(self, number: u64) -> Result<Weight, E> {
        Ok(Weight { max_tokens: Some(number), ..Weight::default() })
    }

    fn visit_f64<E>(self, _: f64) -> Result<Weight, E> {
        Ok(Weight::default())
    }

    fn visit_str<E>(self, text: &str) -> Result<Weight, E> {
        Ok(Weight::of_text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Weight, A::Error> {
        let mut all = Weight::default();
        while let Some(item) = items.next_element::<Weight>()? {
            all.add(&item);
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Weight, A::Error> {
        let mut all = Weight::default();
        while let Some(name) = members.next_key::<std::borrow::Cow<'de, str>>()? {
            let value = members.next_value::<Weight>()?;
            match &*name {
                "data" if value.bytes >= LONG as u64 => all.tokens += IMAGE,
                "max_tokens" => all.max_tokens = value.max_tokens,
                _ => all.add(&value),
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn estimate(body: &serde_json::Value) -> Estimate {
        Estimate::of(&Body::Full(body.to_string().into()))
    }

    #[test]
    fn a_call_reads_a_token_for_four_bytes_of_text_and_as_many_as_an_image_has() {
        let text = json!({ "max_tokens": 64, "messages": [{ "content": "x".repeat(4000), "max_tokens": 5 }], "n": 7 });
        assert_eq!(estimate(&text), Estimate { input: 1000, max_tokens: Some(64) });
        let image =
            json!({ "content": [{ "source": { "data": "A".repeat(100_000) } }, { "data": "short" }] });
        assert_eq!(estimate(&image), Estimate { input: IMAGE + 2, max_tokens: None });
    }

    #[test]
    fn what_is_no_json_costs_nothing_that_we_would_know_of() {
        assert_eq!(Estimate::of(&Body::Full("{broken".into())), Estimate::default());
        assert_eq!(Estimate::of(&Body::Empty), Estimate::default());
        assert_eq!(estimate(&json!([null, true, -1, 1.5])), Estimate::default());
    }
}
