//! The rules of a stream of JSON events: what is delivered, what ends it, what it ends in.

use super::{
    errors::error_from_event,
    payload::{Kind, inspect},
};
use crate::{Error, ErrorKind, Phase, event::Event};

/// What becomes of an event.
#[derive(Debug)]
pub enum Verdict {
    /// It goes to the caller.
    Deliver,
    /// It only shows that the server is alive.
    Skip,
    /// It goes to the caller and is the last.
    DeliverAndEnd,
    /// The stream is over and this is no event of it.
    End,
    /// The stream is over, and this is why.
    Fail(Error),
}

/// Judges one stream's events in their order.
#[derive(Debug, Default)]
pub struct StreamRules {
    /// Events seen, this one included.
    seen: u64,
    messages: Messages,
}

/// Whether this is a stream of the Messages API, which owes a `message_stop`.
#[derive(Debug, Default, PartialEq, Eq)]
enum Messages {
    #[default]
    NotYet,
    Started,
    Stopped,
}

impl StreamRules {
    /// Rules for a new stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Judges the next event. Its `type` decides, and its name where it has none.
    pub fn accept(&mut self, event: &Event) -> Verdict {
        self.seen += 1;
        // The end mark of OpenAI-compatible servers, the one well-known payload that is no JSON.
        if event.data == "[DONE]" {
            return Verdict::End;
        }
        let kind = match inspect(&event.data) {
            Ok(Kind::Untyped) => Kind::named(event.event.as_bytes()),
            Ok(kind) => kind,
            Err(not_json) => return Verdict::Fail(self.parse_error(not_json.offset)),
        };
        match kind {
            Kind::Ping => Verdict::Skip,
            Kind::Error => Verdict::Fail(error_from_event(&event.data)),
            Kind::MessageStart => {
                self.messages = Messages::Started;
                Verdict::Deliver
            }
            Kind::MessageStop => {
                self.messages = Messages::Stopped;
                Verdict::DeliverAndEnd
            }
            Kind::Other | Kind::Untyped => Verdict::Deliver,
        }
    }

    /// What the end of the body means here.
    pub fn end_of_body(&self) -> Option<Error> {
        (self.messages == Messages::Started).then(|| {
            let message = format!("the stream ended after {} events, before message_stop: the message is not complete", self.seen);
            Error::new(ErrorKind::IncompleteStream, Phase::Body, message)
        })
    }

    /// Says where, never what: a payload may be private.
    fn parse_error(&self, offset: usize) -> Error {
        let message = format!(
            "event {} of the stream is not one JSON value (from its byte {offset}); for streams of text use responseType 'sse'",
            self.seen
        );
        Error::new(ErrorKind::Parse, Phase::Body, message)
    }
}
