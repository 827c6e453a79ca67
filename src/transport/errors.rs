//! Judges failures by their type: what a chain of foreign errors means, and what to tell the caller.

use std::{error::Error as StdError, io, time::Duration};

use url::Url;

use super::connect::{ConnectTimedOut, NotResolved};
use crate::{Error, ErrorKind, Phase};

/// What a chain of errors is known to contain.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// The failure came while connecting.
    pub connecting: bool,
    /// A name was not resolved.
    pub name: bool,
    /// Connecting took longer than this.
    pub connect_limit: Option<Duration>,
    /// What TLS complained about.
    pub tls: Option<Tls>,
    /// What the operating system said.
    pub io: Option<io::ErrorKind>,
    /// What went wrong with the protocol.
    pub http: Option<Http>,
}

/// A failure of TLS.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tls {
    /// The certificate is what failed.
    pub certificate: bool,
    /// The reason in words.
    pub reason: String,
}

/// A failure of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Http {
    /// The headers were too large or too many.
    HeadTooLarge,
    /// What came is not HTTP.
    Garbled,
    /// The connection ended in the middle of a message.
    CutShort,
    /// The other side no longer answers.
    Silent,
    /// The server says that it has not begun the request.
    Untouched,
    /// The server ended this one stream.
    StreamReset,
}

impl Facts {
    /// Reads a chain of errors from the outermost to the innermost.
    pub fn of(err: &(dyn StdError + 'static)) -> Self {
        let mut facts = Self::default();
        let mut next = Some(err);
        while let Some(err) = next {
            facts.note(err);
            next = inner(err);
        }
        facts
    }

    fn note(&mut self, err: &(dyn StdError + 'static)) {
        if let Some(err) = err.downcast_ref::<reqwest::Error>() {
            self.connecting |= err.is_connect();
        } else if err.is::<NotResolved>() {
            self.name = true;
        } else if let Some(ConnectTimedOut(limit)) = err.downcast_ref() {
            self.connect_limit = Some(*limit);
        } else if let Some(err) = err.downcast_ref::<rustls::Error>() {
            let certificate = matches!(err, rustls::Error::InvalidCertificate(_));
            self.tls = Some(Tls { certificate, reason: err.to_string() });
        } else if let Some(err) = err.downcast_ref::<hyper::Error>() {
            self.note_http(of_hyper(err));
        } else if let Some(err) = err.downcast_ref::<h2::Error>() {
            self.note_http2(err);
        } else if let Some(err) = err.downcast_ref::<io::Error>() {
            self.note_io(err.kind());
        }
    }

    fn note_http2(&mut self, err: &h2::Error) {
        if let Some(err) = err.get_io() {
            return self.note_io(err.kind());
        }
        self.note_http(Some(if err.is_go_away() || err.reason() == Some(h2::Reason::REFUSED_STREAM) {
            // A connection that goes away fails only the streams that it has not begun.
            Http::Untouched
        } else if err.is_remote() {
            Http::StreamReset
        } else {
            Http::Garbled
        }));
    }

    fn note_io(&mut self, kind: io::ErrorKind) {
        self.io = Some(kind);
        self.note_http((kind == io::ErrorKind::TimedOut).then_some(Http::Silent));
    }

    /// The outermost says best what happened.
    fn note_http(&mut self, found: Option<Http>) {
        self.http = self.http.or(found);
    }

    /// The connection is gone, as opposed to never made or answered wrongly.
    pub fn is_lost(&self) -> bool {
        let ended = matches!(self.http, Some(Http::Silent | Http::Untouched | Http::StreamReset));
        !self.connecting && self.tls.is_none() && (ended || self.is_broken())
    }

    /// Whether the request may be sent again on another connection as if nothing had happened: it met an
    /// open socket that the server was just closing, or the server says that it has not begun.
    pub fn is_stale_socket(&self, reused: bool) -> bool {
        let gone = reused && !self.connecting && self.tls.is_none() && self.is_broken();
        gone || self.http == Some(Http::Untouched)
    }

    fn is_broken(&self) -> bool {
        match self.http {
            Some(http) => http == Http::CutShort,
            None => self.io.is_some_and(is_loss),
        }
    }
}

fn of_hyper(err: &hyper::Error) -> Option<Http> {
    if err.is_parse_too_large() {
        Some(Http::HeadTooLarge)
    } else if err.is_parse() {
        Some(Http::Garbled)
    } else if err.is_incomplete_message() || err.is_canceled() || err.is_closed() {
        Some(Http::CutShort)
    } else if err.is_timeout() {
        Some(Http::Silent)
    } else {
        None
    }
}

/// `io::Error::source` skips the error that an `io::Error` wraps, which is the one that matters.
fn inner<'a>(err: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match err.downcast_ref::<io::Error>() {
        Some(err) => err.get_ref().map(|inner| inner as &(dyn StdError + 'static)),
        None => err.source(),
    }
}

fn is_loss(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::NotConnected
    )
}

/// Why no answer came. `proxied` says that the request went through a proxy.
pub(super) fn before_answer(facts: &Facts, url: &Url, proxied: bool) -> Error {
    let peer = peer(url);
    if let Some(limit) = facts.connect_limit {
        return timed_out(Phase::Connect, limit, &peer);
    }
    if let Some(tls) = &facts.tls {
        return Error::new(ErrorKind::Tls, Phase::Connect, tls_words(tls, &peer));
    }
    if facts.http == Some(Http::HeadTooLarge) {
        return Error::new(
            ErrorKind::TooLarge,
            Phase::FirstByte,
            format!("{peer} answered with more headers than are accepted"),
        );
    }
    if facts.connecting {
        return not_connected(facts, &peer, proxied);
    }
    let (kind, words) = if facts.is_lost() {
        (ErrorKind::Reset, "closed the connection before it answered; it may be restarting or overloaded")
    } else if facts.http == Some(Http::Garbled) {
        (ErrorKind::Connection, "answered with something that is not HTTP; check the scheme and the port")
    } else {
        (ErrorKind::Connection, "could not be asked")
    };
    Error::new(kind, Phase::FirstByte, format!("{peer} {words}"))
}

fn not_connected(facts: &Facts, peer: &str, proxied: bool) -> Error {
    let (kind, message) = if proxied {
        let words = match facts.io {
            _ if facts.name => "its name could not be resolved",
            Some(io::ErrorKind::ConnectionRefused) => "nobody listens there",
            _ => "it refused or failed",
        };
        (ErrorKind::Proxy, format!("could not reach {peer} through the proxy: {words}; check `proxy`"))
    } else if facts.name {
        (ErrorKind::Dns, format!("the name of {peer} could not be resolved; check the host and the network"))
    } else {
        match facts.io {
            Some(io::ErrorKind::ConnectionRefused) => {
                (ErrorKind::Refused, format!("{peer} refused the connection; is the server running there?"))
            }
            Some(kind) if is_loss(kind) => {
                (ErrorKind::Reset, format!("{peer} broke off while the connection was made"))
            }
            _ => (ErrorKind::Connection, format!("no connection to {peer} could be made")),
        }
    };
    Error::new(kind, Phase::Connect, message)
}

fn tls_words(tls: &Tls, peer: &str) -> String {
    let reason = &tls.reason;
    if tls.certificate {
        format!(
            "the certificate of {peer} is not trusted ({reason}); a private authority goes into `tls.ca` or NODE_EXTRA_CA_CERTS"
        )
    } else {
        format!("the TLS handshake with {peer} failed ({reason})")
    }
}

/// Why an answer's body ended before its time.
pub(super) fn in_body(facts: &Facts, url: &Url) -> Error {
    let peer = peer(url);
    let lost = matches!(facts.io, Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted));
    let (kind, words) = if lost || facts.http == Some(Http::Silent) {
        (ErrorKind::Reset, "broke the connection in the middle of its answer")
    } else if facts.http == Some(Http::Garbled) {
        (ErrorKind::Connection, "sent a body that is not HTTP")
    } else {
        (ErrorKind::Incomplete, "ended its answer before it was complete")
    };
    Error::new(kind, Phase::Body, format!("{peer} {words}"))
}

/// A time limit that passed; the message names the stage, the limit and the option.
pub(super) fn timed_out(phase: Phase, limit: Duration, peer: &str) -> Error {
    let what = match phase {
        Phase::Queue => "no free socket for",
        Phase::Connect => "no connection to",
        Phase::FirstByte => "no answer from",
        Phase::Idle => "no further data from",
        _ => "the call was not finished by",
    };
    let option = match phase {
        Phase::Queue => "pool.queueTimeout".to_owned(),
        phase => format!("timeout.{}", phase.name()),
    };
    let limit = limit.as_millis();
    Error::new(ErrorKind::Timeout, phase, format!("{what} {peer} within {limit} ms (`{option}`)"))
}

/// Host and port, all that a message may say of a URL.
pub(super) fn peer(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
