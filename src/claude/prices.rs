//! What a message costs: prices by model, in US dollars for a million tokens.

use super::Usage;

/// What the tokens of a model cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    /// The model, with `*` for any text.
    pub model: String,
    /// Tokens that are read, and not from the cache.
    pub input: f64,
    /// Tokens that are written.
    pub output: f64,
    /// Tokens that are read from the cache.
    pub cache_read: f64,
    /// Tokens that are read and written to the cache.
    pub cache_creation: f64,
}

impl Price {
    /// A price by what is read and written; the cache costs a tenth to read, and a quarter more to write.
    pub fn new(model: impl Into<String>, input: f64, output: f64) -> Self {
        Self { model: model.into(), input, output, cache_read: input / 10.0, cache_creation: input * 1.25 }
    }
}

/// Prices; the first that fits a model is its.
#[derive(Debug, Clone, PartialEq)]
pub struct Prices(pub Vec<Price>);

/// As Anthropic listed them at the end of 2025 (https://www.anthropic.com/pricing); whoever pays others says so.
impl Default for Prices {
    fn default() -> Self {
        let known = [
            ("claude-opus-4-1*", 15.0, 75.0),
            ("claude-opus-4-2025*", 15.0, 75.0),
            ("claude-3-opus*", 15.0, 75.0),
            ("claude-opus-*", 5.0, 25.0),
            ("claude-sonnet-*", 3.0, 15.0),
            ("claude-3-7-sonnet*", 3.0, 15.0),
            ("claude-3-5-sonnet*", 3.0, 15.0),
            ("claude-haiku-*", 1.0, 5.0),
            ("claude-3-5-haiku*", 0.8, 4.0),
            ("claude-3-haiku*", 0.25, 1.25),
        ];
        Self(known.into_iter().map(|(model, input, output)| Price::new(model, input, output)).collect())
    }
}

impl Prices {
    /// What these tokens of this model cost, in US dollars; `None` where nobody knows.
    ///
    /// ```
    /// use trae_native::claude::{Prices, Usage};
    ///
    /// let usage = Usage { input_tokens: Some(1000), output_tokens: Some(200), ..Usage::default() };
    /// assert_eq!(Prices::default().cost("claude-sonnet-5", usage), Some(0.006));
    /// assert_eq!(Prices::default().cost("of-somebody-else", usage), None);
    /// ```
    #[expect(clippy::cast_precision_loss, reason = "tokens of a message stay far below 2^53")]
    pub fn cost(&self, model: &str, usage: Usage) -> Option<f64> {
        let price = self.0.iter().find(|price| fits(&price.model, model))?;
        let of = |tokens: Option<u64>, price: f64| tokens.unwrap_or_default() as f64 * price;
        let all = of(usage.input_tokens, price.input)
            + of(usage.output_tokens, price.output)
            + of(usage.cache_read_input_tokens, price.cache_read)
            + of(usage.cache_creation_input_tokens, price.cache_creation);
        Some(all / 1e6)
    }
}

/// Whether a text is what a pattern says, with `*` for any text.
pub fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let Some((between, last)) = rest.rsplit_once('*') else { return text.ends_with(rest) };
    for part in between.split('*') {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("claude-haiku-4", "claude-haiku-4", true),
            ("claude-haiku-4", "claude-haiku-45", false),
            ("claude-haiku-*", "claude-haiku-45", true),
            ("*haiku*", "claude-haiku-45", true),
            ("*-45", "claude-haiku-45", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*", "", true),
            ("**", "x", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn the_first_price_that_fits_is_the_models() {
        let usage = Usage { output_tokens: Some(1_000_000), ..Usage::default() };
        let prices = Prices::default();
        assert_eq!(prices.cost("claude-opus-4-1-20250805", usage), Some(75.0));
        assert_eq!(prices.cost("claude-opus-4-5-20251101", usage), Some(25.0));
    }
}
