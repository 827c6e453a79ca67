//! The rules of a stream of messages: what is delivered, what ends it, what fails it.

use bytes::Bytes;

use crate::{
    Error, ErrorKind, Phase,
    claude::{
        errors::error_from_event,
        payload::{Kind, NotJson, inspect},
    },
    event::Event,
    response::Conceal,
};

/// How streams of other APIs of this family say that they are complete.
const DONE: &str = "[DONE]";

/// What to do about an event.
#[derive(Debug)]
pub enum Verdict {
    /// It is the caller's.
    Deliver,
    /// A sign of life, for whoever asks for them.
    Ping,
    /// A sign of life that is no JSON and so no event of a stream of JSON: nobody is told.
    Skip,
    /// It is the caller's, and the last one.
    DeliverAndEnd,
    /// The stream is complete; this is no event of it.
    End,
    /// The stream has failed.
    Fail(Error),
}

/// The state of one stream. What an event is, its `type` says; without one, its name does.
///
/// ```
/// use trae_native::{claude::{StreamRules, Verdict}, event::Event};
///
/// let mut rules = StreamRules::new();
/// let event = Event { data: r#"{"type":"message_start"}"#.into(), ..Event::default() };
/// assert!(matches!(rules.accept(&event), Verdict::Deliver));
/// assert!(rules.end_of_body().is_some(), "the message is incomplete");
/// ```
#[derive(Debug, Clone, Default)]
pub struct StreamRules {
    message: Message,
    /// The message is a text completion, of the API before messages: its last piece says why it stops.
    completion: bool,
    events: u64,
    conceal: Option<Conceal>,
}

/// Which part of a message was seen. Not every stream carries one.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Message {
    #[default]
    None,
    /// One must come: nothing else is answered here.
    Awaited,
    Started,
    /// By its own end, or by that of the stream: the flag keeps whether there was a message.
    Ended {
        started: bool,
    },
}

impl StreamRules {
    /// The rules at the beginning of a stream that may carry a message.
    pub fn new() -> Self {
        Self::default()
    }

    /// The rules of a stream that must carry one: an end before it began is no end.
    pub fn of_message() -> Self {
        Self { message: Message::Awaited, ..Self::default() }
    }

    /// The rules of what is answered at this path. What the Messages API answers is a message; of other APIs we
    /// know less.
    pub fn at(path: &str) -> Self {
        match path.rsplit('/').next() {
            Some("messages") => Self::of_message(),
            // Others have this path too, and their pieces are not called completions.
            Some("complete") => Self { completion: true, ..Self::new() },
            _ => Self::new(),
        }
    }

    /// What the stream reports is told by way of this: it may repeat what it was asked with.
    #[must_use]
    pub fn concealing(self, conceal: Option<Conceal>) -> Self {
        Self { conceal, ..self }
    }

    /// What to do about the next event.
    pub fn accept(&mut self, event: &Event) -> Verdict {
        self.events += 1;
        if event.data == DONE {
            self.end();
            return Verdict::End;
        }
        match kind(event) {
            Ok(Kind::MessageStart) => {
                self.message = Message::Started;
                self.completion = false;
                Verdict::Deliver
            }
            Ok(Kind::MessageStop) => {
                self.end();
                Verdict::DeliverAndEnd
            }
            Ok(Kind::Completion) if self.completion => {
                let Some(reason) = stop_reason(&event.data) else { return Verdict::Deliver };
                self.message = Message::Started;
                if reason.is_null() {
                    return Verdict::Deliver;
                }
                self.end();
                Verdict::DeliverAndEnd
            }
            Ok(Kind::Ping) if inspect(&event.data).is_ok() => Verdict::Ping,
            Ok(Kind::Ping) => Verdict::Skip,
            Ok(Kind::Error) => Verdict::Fail(self.reported(&event.data)),
            Ok(Kind::Other | Kind::Completion) => Verdict::Deliver,
            Err(problem) => Verdict::Fail(not_json(&format!("event {}", self.events), &event.data, problem)),
        }
    }

    /// What to do about the next event where it is known already to be a piece of content: always the same.
    pub fn piece(&mut self) -> Verdict {
        self.events += 1;
        Verdict::Deliver
    }

    /// The failure that the end of the body is, if it is one: a message must come, or has begun, and has not stopped.
    pub fn end_of_body(&self) -> Option<Error> {
        matches!(self.message, Message::Awaited | Message::Started).then(|| {
            Error::new(
                ErrorKind::IncompleteStream,
                Phase::Body,
                format!(
                    "the stream ended before {}, after {} events",
                    if self.completion { "its stop_reason" } else { "message_stop" },
                    self.events
                ),
            )
        })
    }

    /// Whether a message has begun, that is, whether this is a stream of the Messages API.
    pub fn messages_started(&self) -> bool {
        matches!(self.message, Message::Started | Message::Ended { started: true })
    }

    fn end(&mut self) {
        self.message = Message::Ended { started: self.messages_started() };
    }

    fn reported(&self, data: &str) -> Error {
        let Some(conceal) = &self.conceal else { return error_from_event(data) };
        let told = conceal.apply(Bytes::copy_from_slice(data.as_bytes()));
        error_from_event(&String::from_utf8_lossy(&told))
    }
}

/// A ping or an error that is called so need not be JSON: proxies send both with plain text.
fn kind(event: &Event) -> Result<Kind, NotJson> {
    let named = Kind::of(&event.event);
    match inspect(&event.data) {
        Ok(payload) => Ok(if payload.typed { payload.kind } else { named }),
        Err(_) if matches!(named, Kind::Ping | Kind::Error) => Ok(named),
        Err(problem) => Err(problem),
    }
}

/// What a piece of a text completion says of the end: `null` where there is more to come.
fn stop_reason(data: &str) -> Option<serde_json::Value> {
    serde_json::from_str::<serde_json::Map<_, _>>(data).ok()?.remove("stop_reason")
}

/// Says which, where and what was expected, never what is there: the content is the caller's.
pub fn not_json(which: &str, data: &str, NotJson { offset }: NotJson) -> Error {
    let expected = match offset {
        0 => "a JSON value was expected",
        end if end == data.len() => "the JSON value should go on",
        _ => "the JSON value is malformed",
    };
    let message = format!("{which} of the stream is not JSON: {expected} at byte {offset}");
    Error::new(ErrorKind::Parse, Phase::Body, message)
}
