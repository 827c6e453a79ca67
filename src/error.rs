//! The one error of the engine: what happened, in which phase, and what may help.
//!
//! An `Error` never holds a request header, a request body or a query: it may be logged. It may hold
//! the response (status, headers, an excerpt of the body), because that is what explains it.

mod parts;

use std::{error::Error as StdError, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};

use self::parts::Partial;
use crate::attempt::Attempt;

/// The engine's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn StdError + Send + Sync>;

/// What went wrong, where, and the answer that said so. Cheap to move.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Inner>);

#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Inner {
    kind: ErrorKind,
    phase: Phase,
    message: String,
    retry_after: Option<Duration>,
    attempts: u32,
    history: Vec<Attempt>,
    response: Option<Box<ErrorResponse>>,
    source: Option<Source>,
    partial: Option<Partial>,
    option: Option<Box<str>>,
}

/// The answer that came with a failure.
#[derive(Debug, Clone, Default)]
pub struct ErrorResponse {
    /// The status of the answer.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, decoded and bounded; parsed by whoever shows it.
    pub body: Bytes,
    /// `error.type` of a Messages API error body.
    pub api_type: Option<String>,
    /// `request-id`, from the header or the body.
    pub request_id: Option<String>,
}

/// The class of a failure. Each has one stable [`code`](ErrorKind::code).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An option or argument is wrong; nothing was sent.
    Config,
    /// The server answered with a status that is no success.
    Status(u16),
    /// The name could not be resolved.
    Dns,
    /// Nobody listens there.
    Refused,
    /// The TLS handshake failed.
    Tls,
    /// The proxy refused or failed.
    Proxy,
    /// The connection broke.
    Reset,
    /// Any other failure to connect or to talk HTTP.
    Connection,
    /// A time limit passed; the phase says which.
    Timeout,
    /// The caller gave up.
    Aborted,
    /// The pool's queue is full.
    QueueFull,
    /// The body ended before its protocol said so.
    Incomplete,
    /// A stream of events ended before its protocol said so.
    IncompleteStream,
    /// A stream of events fell silent.
    StreamIdle,
    /// Something that should have been JSON is not.
    Parse,
    /// The API reported an error inside a stream, of a type that has no status.
    ApiStream,
    /// The body, an event or the headers are larger than allowed.
    TooLarge,
    /// A compressed body that expands beyond all reason, or is broken.
    Decode,
    /// A redirect that may not be followed.
    Redirect,
    /// The request's own body failed while it was read.
    RequestBody,
    /// The server fails too often, and is left alone.
    CircuitOpen,
    /// The store that replicas share is away, or does not understand.
    Store,
    /// The conversation has a turn under way already.
    SessionBusy,
    /// Nothing to authenticate a call with could be had.
    Credential,
    /// A middleware broke the contract of the onion.
    Middleware,
    /// A bug of ours, contained.
    Internal,
}

impl ErrorKind {
    /// The stable code that programs compare; the table is docs/errors.md.
    pub fn code(self) -> &'static str {
        match self {
            Self::Config => "CONFIG",
            Self::Status(400) => "BAD_REQUEST",
            Self::Status(401) => "AUTHENTICATION",
            Self::Status(403) => "PERMISSION",
            Self::Status(404) => "NOT_FOUND",
            Self::Status(409) => "CONFLICT",
            Self::Status(413) => "REQUEST_TOO_LARGE",
            Self::Status(422) => "UNPROCESSABLE",
            Self::Status(429) => "RATE_LIMIT",
            Self::Status(529) => "OVERLOADED",
            Self::Status(500..=599) => "SERVER",
            Self::Status(_) => "HTTP_STATUS",
            Self::Dns => "DNS",
            Self::Refused => "CONNECTION_REFUSED",
            Self::Tls => "TLS",
            Self::Proxy => "PROXY",
            Self::Reset => "CONNECTION_RESET",
            Self::Connection => "CONNECTION",
            Self::Timeout => "TIMEOUT",
            Self::Aborted => "ABORTED",
            Self::QueueFull => "QUEUE_FULL",
            Self::Incomplete => "INCOMPLETE",
            Self::IncompleteStream => "INCOMPLETE_STREAM",
            Self::StreamIdle => "STREAM_IDLE",
            Self::Parse => "PARSE",
            Self::ApiStream => "API_STREAM",
            Self::TooLarge => "TOO_LARGE",
            Self::Decode => "DECODE",
            Self::Redirect => "REDIRECT",
            Self::RequestBody => "REQUEST_BODY",
            Self::CircuitOpen => "CIRCUIT_OPEN",
            Self::Store => "STORE",
            Self::SessionBusy => "SESSION_BUSY",
            Self::Credential => "CREDENTIAL",
            Self::Middleware => "MIDDLEWARE",
            Self::Internal => "INTERNAL",
        }
    }
}

/// The stage a call had reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Before anything was sent: options, arguments, the request's own shape.
    Prepare,
    /// Waiting for a place in the pool.
    Queue,
    /// Name look-up, TCP, proxy, TLS.
    Connect,
    /// Sending the request and waiting for the response headers.
    FirstByte,
    /// Headers are here, the first event is not.
    FirstEvent,
    /// Between two reads of the body.
    Idle,
    /// Anywhere in the body.
    Body,
    /// The call as a whole.
    Total,
}

impl Phase {
    /// The name that JavaScript sees; the same as the key of the `timeout` option.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Queue => "queue",
            Self::Connect => "connect",
            Self::FirstByte => "firstByte",
            Self::FirstEvent => "firstEvent",
            Self::Idle => "idle",
            Self::Body => "body",
            Self::Total => "total",
        }
    }
}

impl Error {
    /// An error of this kind, met in this phase, saying this.
    pub fn new(kind: ErrorKind, phase: Phase, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            phase,
            message: message.into(),
            retry_after: None,
            attempts: 1,
            history: Vec::new(),
            response: None,
            source: None,
            partial: None,
            option: None,
        }))
    }

    /// An option or argument that cannot be used.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, Phase::Prepare, message).with_attempts(0)
    }

    /// A limit that passed: what has not happened by then, and the option as the user wrote it.
    pub fn timeout(phase: Phase, what: &str, limit: Duration, option: &str) -> Self {
        let ms = limit.as_millis();
        Self::new(ErrorKind::Timeout, phase, format!("{what} within {ms} ms (`{option}`)"))
    }

    /// The option that it is about, as the user wrote its name with its path.
    #[must_use]
    pub fn about(mut self, option: impl Into<Box<str>>) -> Self {
        self.0.option = Some(option.into());
        self
    }

    /// The same failure under the name it has one layer further out.
    #[must_use]
    pub fn into_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Keeps what caused it; questions about the cause go through [`std::error::Error::source`].
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Keeps the answer that said so.
    #[must_use]
    pub fn with_response(mut self, response: ErrorResponse) -> Self {
        self.0.response = Some(Box::new(response));
        self
    }

    /// Keeps what had come of the message that failed, as JSON.
    #[must_use]
    pub fn with_partial(mut self, message: Option<String>) -> Self {
        self.0.partial = message.map(Partial);
        self
    }

    /// When the server asks to come back.
    #[must_use]
    pub fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        self.0.retry_after = after;
        self
    }

    /// How many attempts were made.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// What each attempt came to, in order; says how many there were too.
    #[must_use]
    pub fn with_history(mut self, history: Vec<Attempt>) -> Self {
        if let Some(count) = u32::try_from(history.len()).ok().filter(|count| *count > 0) {
            self.0.attempts = count;
        }
        self.0.history = history;
        self
    }

    /// Adds to the message what a layer further out did about it, or why it did nothing.
    #[must_use]
    pub fn with_note(mut self, note: &str) -> Self {
        self.0.message.push_str("; ");
        self.0.message.push_str(note);
        self
    }

    /// The class of the failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// The stage the call had reached.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// What happened, for a person.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The status that the failure has, or would have had as a plain answer.
    pub fn status(&self) -> Option<u16> {
        match self.0.kind {
            ErrorKind::Status(status) => Some(status),
            _ => self.0.response.as_ref().map(|r| r.status.as_u16()),
        }
    }

    /// The answer that came with it.
    pub fn response(&self) -> Option<&ErrorResponse> {
        self.0.response.as_deref()
    }

    /// When the server asks to come back.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The option that it is about, where it is about one.
    pub fn option(&self) -> Option<&str> {
        self.0.option.as_deref()
    }

    /// What had come of the message that failed, as JSON.
    pub fn partial(&self) -> Option<&str> {
        self.0.partial.as_ref().map(|partial| partial.0.as_str())
    }

    /// How many attempts were made.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// What each attempt came to, in order; empty where nobody would have made another.
    pub fn history(&self) -> &[Attempt] {
        &self.0.history
    }

    /// Whether the same call may succeed if it is made again: by nature of the failure, not by policy.
    pub fn is_retryable(&self) -> bool {
        let told = self.0.response.as_ref().and_then(|r| r.headers.get("x-should-retry"));
        match told.map(HeaderValue::as_bytes) {
            Some(b"true") => return true,
            Some(b"false") => return false,
            _ => {}
        }
        match self.0.kind {
            ErrorKind::Status(status) => matches!(status, 408 | 409 | 429 | 500..=599),
            ErrorKind::Dns
            | ErrorKind::Refused
            | ErrorKind::Proxy
            | ErrorKind::Reset
            | ErrorKind::Connection
            | ErrorKind::Timeout
            | ErrorKind::QueueFull
            | ErrorKind::Incomplete
            | ErrorKind::IncompleteStream
            | ErrorKind::StreamIdle
            | ErrorKind::ApiStream
            | ErrorKind::Store
            | ErrorKind::SessionBusy => true,
            ErrorKind::Config
            | ErrorKind::Tls
            | ErrorKind::Aborted
            | ErrorKind::Parse
            | ErrorKind::TooLarge
            | ErrorKind::Decode
            | ErrorKind::Redirect
            | ErrorKind::RequestBody
            | ErrorKind::CircuitOpen
            | ErrorKind::Credential
            | ErrorKind::Middleware
            | ErrorKind::Internal => false,
        }
    }

    /// Whether a time limit passed.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Timeout | ErrorKind::StreamIdle)
    }
}
