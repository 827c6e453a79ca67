//! What a request asks for, read from its body without building a tree of it.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Api, DEFAULT_MODEL};

/// The few facts of a request that an answer depends on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Ask {
    pub model: String,
    pub stream: bool,
    pub prompt: String,
    pub input_tokens: u64,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default, borrow)]
    messages: Vec<Message<'a>>,
    #[serde(default)]
    prompt: Option<String>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

#[derive(Deserialize)]
struct Block {
    text: Option<String>,
}

impl Ask {
    /// The error is what the API says about a body that it cannot read.
    pub fn read(api: Api, body: &[u8]) -> Result<Self, String> {
        let fields: Fields<'_> = serde_json::from_slice(body)
            .map_err(|error| format!("The request body is not valid JSON: {error}"))?;
        let prompt = match api {
            Api::Messages => {
                fields.messages.last().and_then(|last| last.content).map(text).unwrap_or_default()
            }
            Api::Complete => fields.prompt.as_deref().map(turn).unwrap_or_default(),
        };
        Ok(Self {
            model: fields.model.unwrap_or_else(|| DEFAULT_MODEL.to_owned()),
            stream: fields.stream.unwrap_or_default(),
            prompt,
            // Four bytes to a token is near enough for an answer that is made up.
            input_tokens: (body.len() as u64).div_ceil(4),
        })
    }

    /// What a made-up answer says.
    pub fn answer(&self) -> String {
        let prompt = self.prompt.trim();
        if prompt.is_empty() {
            return "You said nothing, so there is little to answer.".to_owned();
        }
        let shown: String = prompt.chars().take(400).collect();
        format!("You said: {shown}")
    }
}

fn text(content: &RawValue) -> String {
    match serde_json::from_str(content.get()) {
        Ok(Content::Text(text)) => text,
        Ok(Content::Blocks(blocks)) => blocks.into_iter().find_map(|block| block.text).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// The last human turn of a legacy prompt.
fn turn(prompt: &str) -> String {
    let last = prompt.rsplit("\n\nHuman:").next().unwrap_or(prompt);
    last.split("\n\nAssistant:").next().unwrap_or(last).trim().to_owned()
}
