//! The message that the events of a stream add up to, and the events that a whole message would have come as.
//!
//! Values are carried over as they are written, and pieces of a text are joined as they are written: a number keeps
//! its spelling, half a surrogate pair finds its other half, and what an event costs does not depend on what came
//! before it.
//!
//! - `members`: an object as its members are written · `block`: one block of content · `unfold`: the way back

mod block;
mod members;
mod unfold;

pub use self::unfold::events_of;
use self::{
    block::Block,
    members::{Members, read},
};
use crate::{Error, ErrorKind, Phase, claude::delta::Delta, event::Event};

/// Adds up the events of a stream of the Messages API.
///
/// ```
/// use trae_native::{claude::{Folding, events_of}, event::Event};
///
/// let message = r#"{"type":"message","role":"assistant","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn"}"#;
/// let mut folding = Folding::default();
/// for event in events_of(message).unwrap() {
///     folding.add(&event);
/// }
/// assert_eq!(folding.message().as_deref(), Some(message));
/// assert!(folding.is_complete() && folding.is_faithful());
/// ```
#[derive(Debug, Default)]
pub struct Folding {
    message: Option<Members>,
    blocks: Vec<Block>,
    /// The text of a text completion, as it is written.
    completion: Option<String>,
    complete: bool,
    unfaithful: bool,
    /// A piece has come for a block that nobody began.
    lost: bool,
}

impl Folding {
    /// Takes the next event in.
    pub fn add(&mut self, event: &Event) {
        if let Some(delta) = Delta::read(&event.data) {
            return self.delta(&delta);
        }
        match read(&event.data) {
            Some(members) => self.take(members),
            // Pings of proxies are no JSON, and say nothing.
            None => self.unfaithful |= event.event != "ping",
        }
    }

    /// Takes the next event in where it is known already that it is a piece, and which.
    pub fn delta(&mut self, delta: &Delta<'_>) {
        self.piece(Some(delta.index), |block| block.delta(delta.kind, delta.piece));
    }

    /// The tokens counted so far, as JSON; `None` before the first count.
    pub fn usage(&self) -> Option<&str> {
        self.message.as_ref()?.get("usage")
    }

    /// The message so far, as JSON; `None` before its start.
    pub fn message(&self) -> Option<String> {
        let mut message = self.message.clone()?;
        match &self.completion {
            Some(text) => message.set("completion", format!("\"{text}\"")),
            None => message.set("content", self.content()),
        }
        Some(message.write())
    }

    /// The message's content so far, as the JSON of a list.
    pub fn content(&self) -> String {
        let blocks: Vec<String> = self.blocks.iter().map(Block::write).collect();
        format!("[{}]", blocks.join(","))
    }

    /// Whether the message has come to its end.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether nothing has come that a message has no place for.
    pub fn is_faithful(&self) -> bool {
        !self.unfaithful
    }

    /// Why this is not the message that was sent, where a piece of content has come for a block that nobody began.
    pub fn lack(&self) -> Option<Error> {
        self.lost.then(|| {
            let lack =
                "the stream has pieces of content for a block that it never began: the message lacks them";
            Error::new(ErrorKind::Parse, Phase::Body, lack)
        })
    }

    fn take(&mut self, mut event: Members) {
        match event.text("type").as_deref() {
            Some("message_start") => {
                // Servers have been seen to start twice.
                *self = Self {
                    message: event.take("message").and_then(|message| read(&message)),
                    ..Self::default()
                };
                self.unfaithful |= self.message.is_none();
            }
            Some("content_block_start") => self.start(&mut event),
            Some("content_block_delta") => {
                let delta = event.take("delta").and_then(|delta| read(&delta));
                match delta {
                    Some(delta) => self.piece(event.number("index"), |block| block.other(delta)),
                    None => self.unfaithful = true,
                }
            }
            Some("content_block_stop") => match self.block(event.number("index")) {
                Some(block) => block.stop(),
                None => self.unfaithful = true,
            },
            Some("message_delta") => self.close(event),
            Some("message_stop") => self.complete = true,
            Some("completion") => self.complete(event),
            Some("ping") => {}
            _ => self.unfaithful = true,
        }
    }

    /// A piece of a text completion, which is all that the whole would be but its text. Of a whole one it is no event.
    fn complete(&mut self, mut event: Members) {
        self.unfaithful = true;
        let piece = event.get("completion").unwrap_or_default();
        let Some(piece) = piece.strip_prefix('"').and_then(|piece| piece.strip_suffix('"')) else { return };
        self.completion.get_or_insert_default().push_str(piece);
        self.complete = event.get("stop_reason").is_some_and(|reason| reason != "null");
        event.set("completion", "\"\"".to_owned());
        self.message = Some(event);
    }

    fn start(&mut self, event: &mut Members) {
        let block = event.take("content_block").and_then(|block| read(&block));
        let (Some(index), Some(members)) = (event.number("index"), block) else {
            self.unfaithful = true;
            return;
        };
        let block = Block::new(index, members);
        match self.blocks.iter_mut().find(|known| known.index == index) {
            Some(known) => *known = block,
            None => self.blocks.push(block),
        }
    }

    /// A piece for a block.
    fn piece(&mut self, index: Option<u32>, add: impl FnOnce(&mut Block) -> bool) {
        let added = self.block(index).map(add);
        self.lost |= added.is_none();
        self.unfaithful |= added != Some(true);
    }

    fn block(&mut self, index: Option<u32>) -> Option<&mut Block> {
        // Nearly always the last one.
        self.blocks.iter_mut().rev().find(|block| Some(block.index) == index)
    }

    /// Counts of usage are totals so far: a later one replaces the one before.
    fn close(&mut self, mut event: Members) {
        let Some(message) = &mut self.message else {
            self.unfaithful = true;
            return;
        };
        if let Some(delta) = event.take("delta").and_then(|delta| read(&delta)) {
            for (name, value) in delta.into_iter() {
                message.set(&name, value);
            }
        }
        if let Some(told) = event.take("usage").and_then(|usage| read(&usage)) {
            let mut usage = message.get("usage").and_then(read).unwrap_or_default();
            for (name, value) in told.into_iter().filter(|(_, value)| value != "null") {
                usage.set(&name, value);
            }
            message.set("usage", usage.write());
        }
        event.take("type");
        for (name, value) in event.into_iter() {
            message.set(&name, value);
        }
    }
}
