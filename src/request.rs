//! A call on its way out.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use crate::body::Body;

/// A request as the pipeline sees it. Its URL is absolute and its headers are checked.
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// Where it goes: `http` or `https`, the fragment kept for whoever asks.
    pub url: Url,
    /// All headers that will be sent, defaults included.
    pub headers: HeaderMap,
    /// What it carries.
    pub body: Body,
    /// What the transport has to obey.
    pub options: Arc<Options>,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// One bag per call, for middlewares.
    pub extensions: Extensions,
}

impl Request {
    /// The same request for another attempt; `None` when its body passes only once.
    pub fn replay(&self) -> Option<Self> {
        Some(Self {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: self.body.replay()?,
            options: Arc::clone(&self.options),
            attempt: self.attempt,
            extensions: self.extensions.clone(),
        })
    }

    /// Whether it goes to the client's own origin, wherever middlewares have sent it meanwhile.
    pub fn is_home(&self) -> bool {
        self.options.home.as_ref().is_none_or(|home| same_origin(home, &self.url))
    }
}

/// As `Url::origin` tells it for `http` and `https`, without building both anew for each call.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
}

/// Names a call among those of this process. The client puts one into each request's extensions, so that a
/// middleware knows the attempts of one call, whoever repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallId(u64);

impl CallId {
    /// The name of the next call.
    pub fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }

    /// The name as a number, for whoever makes the call again from outside.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The name that was this number.
    pub fn again(number: u64) -> Self {
        Self(number)
    }
}

/// Put into a request's extensions by whoever has put a credential on it in place of the client's own: layers further
/// in put on none of theirs.
#[derive(Debug, Clone, Copy)]
pub struct Authorized;

/// Put into a request's extensions by whoever has somewhere else to go: a layer that would have the call wait for its
/// turn refuses it at once instead, and says how long the wait would have been.
#[derive(Debug, Clone, Copy)]
pub struct Impatient;

/// Put into a request's extensions by whoever shows its answer: what takes the request's credentials out of it
/// ([`Conceal`](crate::response::Conceal)) is then there for answers of every kind.
#[derive(Debug, Clone, Copy)]
pub struct Repeated;

/// Tells attempts of one call apart that are under way at once. It stands in the extensions of those that whoever made
/// them has added to one that was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane(u32);

impl Lane {
    /// One that no other attempt has.
    pub fn next() -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1))
    }

    /// As a number above 0, for whoever keeps something of each attempt outside.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// Put into a request's extensions by whoever makes calls for others: in whose name this one is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(pub Arc<str>);

/// The same: what whoever asked calls this call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerRequestId(pub http::HeaderValue);

impl CallerRequestId {
    /// As a text, where the call has one.
    pub fn of(extensions: &Extensions) -> Option<&str> {
        extensions.get::<Self>().and_then(|Self(id)| id.to_str().ok())
    }
}

/// Put into a request's extensions where the caller judges the status himself: every status is then an answer.
#[derive(Debug, Clone, Copy)]
pub struct AnyStatus;

/// Counts the requests of a call that have gone out, for whoever ends it from outside of all layers.
#[derive(Debug, Clone, Default)]
pub struct Sent(Arc<AtomicU32>);

impl Sent {
    /// One more goes out.
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many have.
    pub fn number(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// When the call as a whole is given up from outside of all layers. It stands in the extensions of a request whose
/// call has such a limit: a layer that is dropped then knows why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// The moment.
    pub at: Instant,
    /// Whether a stream that has begun is given up too.
    pub in_streams: bool,
}

/// Header values and the query may hold credentials, so neither is shown.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &display_url(&self.url))
            .field("headers", &names)
            .field("body", &self.body)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// An URL that may be shown: no user, no password, no query, no fragment.
pub fn display_url(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// What the transport obeys for one call. `None` means no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long each stage may take.
    pub timeouts: Timeouts,
    /// Whether and where redirects are followed.
    pub redirect: Redirect,
    /// The largest decoded body, in bytes, of an answer that is read whole.
    pub max_response_bytes: u64,
    /// The largest single server-sent event, in bytes.
    pub max_event_bytes: usize,
    /// The client's own base without its query, to whose origin alone its credentials go; a client without one has
    /// none to guard.
    pub home: Option<Url>,
    /// Headers that never leave the first origin, besides those of credentials.
    pub secret_headers: Vec<HeaderName>,
    /// What the caller wants back.
    pub expect: Expect,
}

/// How an answer is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expect {
    /// Decide by media type: events for `text/event-stream`, otherwise whole.
    #[default]
    Auto,
    /// The whole answer at once.
    Whole,
    /// Bytes as they come.
    Bytes,
    /// What was sent, whole where that is at hand; events where somebody on the way looks at them.
    AsSent,
    /// Server-sent events as they come, whatever the media type says.
    Events,
    /// The same, but their data is text of no protocol: an event called `error` is the caller's.
    TextEvents,
    /// Rows of JSON as they come, one to a line; of no protocol either.
    Rows,
}

impl Expect {
    /// Whether a body that is still to come is handed on as it comes.
    pub fn streams_bytes(self) -> bool {
        matches!(self, Self::Bytes | Self::AsSent)
    }

    /// Whether what comes as events speaks the API's protocol, in which one of them can be an error.
    pub fn speaks(self) -> bool {
        !matches!(self, Self::TextEvents | Self::Rows)
    }
}

/// Time limits of the stages of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timeouts {
    /// Wait for a place in a pool whose sockets are all busy.
    pub queue: Option<Duration>,
    /// Name look-up, TCP, proxy and TLS handshakes.
    pub connect: Option<Duration>,
    /// From the moment the request has a socket until the response headers.
    pub first_byte: Option<Duration>,
    /// From the response headers until the first event that is no ping.
    pub first_event: Option<Duration>,
    /// Between two reads of the body; any byte counts, pings too.
    pub idle: Option<Duration>,
    /// The whole call, the last byte of the body included.
    pub total: Option<Duration>,
}

/// Which redirects are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Redirect {
    /// A 3xx answer is the answer.
    Manual,
    /// A 3xx answer with a `Location` is an error.
    Error,
    /// Followed to the same origin; anywhere else is an error.
    #[default]
    SameOrigin,
    /// Followed anywhere, but no credential leaves the first origin and `https` never becomes `http`.
    Follow,
}

/// How words end that stand for a credential; `redact::names` adds what is only never shown.
pub(crate) const CREDENTIALS: [&str; 16] = [
    "auth",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "jwt",
    "key",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "session",
    "signature",
    "token",
];

/// Several of these; `tokens` are what models count.
pub(crate) const PLURALS: [&str; 4] = ["cookies", "keys", "passwords", "secrets"];

/// Short words that stand for one by themselves.
pub(crate) const WHOLE: [&str; 5] = ["cert", "pass", "pfx", "sid", "sig"];

/// Keys that name a thing and not a caller.
pub(crate) const HARMLESS: [&str; 3] = ["idempotency-key", "cache-key", "public-key"];

/// Whether a header of this name says who is calling: its value is sensitive when printed, and never
/// sent to another origin than the first.
pub fn is_credential(name: &HeaderName) -> bool {
    let name = name.as_str();
    !HARMLESS.iter().any(|end| name.ends_with(end)) && name.split(['-', '_']).any(stands_for_credential)
}

/// Whether this word of a name, in lower case, makes it that of a credential: `apikey`, `cookies`, `sid`, `auth2`.
pub(crate) fn stands_for_credential(word: &str) -> bool {
    let is_numbered = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    CREDENTIALS.iter().chain(&PLURALS).any(|end| word.ends_with(end))
        || WHOLE.contains(&word)
        || word.strip_prefix("auth").is_some_and(is_numbered)
}

/// Takes away whatever names the caller's account: by the header's name, or by the mark on its value.
pub fn drop_credentials(headers: &mut HeaderMap, secret: &[HeaderName]) {
    let tells = |name: &HeaderName, value: &HeaderValue| {
        value.is_sensitive() || is_credential(name) || secret.contains(name)
    };
    let dropped: Vec<HeaderName> =
        headers.iter().filter(|(name, value)| tells(name, value)).map(|(name, _)| name.clone()).collect();
    for name in dropped {
        headers.remove(name);
    }
}
