//! How many tokens a message took: read out of a whole answer, or out of the events of a stream.

use memchr::memmem;
use serde::Deserialize;

use crate::event::Event;

/// The tokens of a message, as far as they were told. Input that was read from or written to the cache is not part
/// of `input_tokens`.
///
/// ```
/// use trae_native::claude::Usage;
///
/// let usage = Usage::of_message(br#"{"content":[],"usage":{"input_tokens":12,"output_tokens":3}}"#);
/// assert_eq!((usage.input_tokens, usage.output_tokens), (Some(12), Some(3)));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Read, and not from the cache.
    pub input_tokens: Option<u64>,
    /// Written by the model.
    pub output_tokens: Option<u64>,
    /// Read from the cache.
    pub cache_read_input_tokens: Option<u64>,
    /// Read and written to the cache.
    pub cache_creation_input_tokens: Option<u64>,
}

/// A message, or an event that carries one or the end of one.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    message: Option<Message>,
    usage: Option<Usage>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    usage: Option<Usage>,
}

impl Usage {
    /// The usage of a whole answer; nothing where it has none.
    pub fn of_message(json: &[u8]) -> Self {
        // Most answers of other APIs are told by a search, which costs a tenth of a parse.
        if memmem::find(json, b"_tokens\"").is_none() {
            return Self::default();
        }
        serde_json::from_slice::<Told>(json).ok().and_then(|told| told.usage).unwrap_or_default()
    }

    /// Takes over what an event of a stream says: figures there count from the beginning of the message.
    pub fn note(&mut self, event: &Event) {
        let may_tell = match event.event.as_str() {
            "message_start" | "message_delta" => true,
            "" => event.data.contains("_tokens\""),
            _ => false,
        };
        if !may_tell {
            return;
        }
        let Ok(told) = serde_json::from_str::<Told>(&event.data) else { return };
        for usage in [told.message.and_then(|message| message.usage), told.usage].into_iter().flatten() {
            self.input_tokens = usage.input_tokens.or(self.input_tokens);
            self.output_tokens = usage.output_tokens.or(self.output_tokens);
            self.cache_read_input_tokens = usage.cache_read_input_tokens.or(self.cache_read_input_tokens);
            self.cache_creation_input_tokens =
                usage.cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        }
    }
}
