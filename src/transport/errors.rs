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
    /// The headers were too large or too many.
    pub head_too_large: bool,
    /// What the operating system said.
    pub io: Option<io::ErrorKind>,
    /// The connection ended in the middle of a message.
    pub cut_short: bool,
    /// What came is not HTTP.
    pub garbled: bool,
    /// An HTTP/2 stream or connection was ended by the other side.
    pub http2: Option<Http2End>,
}

/// A failure of TLS.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tls {
    /// The certificate is what failed.
    pub certificate: bool,
    /// The reason in words.
    pub reason: String,
}

/// How the other side ended an HTTP/2 stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Http2End {
    /// It says that it did nothing with the request.
    Refused,
    /// In any other way.
    Ended,
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
            self.head_too_large |= err.is_parse_too_large();
            self.garbled |= err.is_parse();
            self.cut_short |= err.is_incomplete_message() || err.is_canceled() || err.is_closed();
            self.cut_short |= err.is_timeout();
        } else if let Some(err) = err.downcast_ref::<h2::Error>() {
            self.note_http2(err);
        } else if let Some(err) = err.downcast_ref::<io::Error>() {
            self.io = Some(err.kind());
        }
    }

    fn note_http2(&mut self, err: &h2::Error) {
        if let Some(err) = err.get_io() {
            self.io = Some(err.kind());
        } else if err.is_remote() {
            let untouched = err.reason() == Some(h2::Reason::REFUSED_STREAM)
                || (err.is_go_away() && err.reason() == Some(h2::Reason::NO_ERROR));
            self.http2 = Some(if untouched { Http2End::Refused } else { Http2End::Ended });
        } else {
            self.garbled = true;
        }
    }

    /// The connection is gone, as opposed to never made or answered wrongly.
    pub fn is_lost(&self) -> bool {
        !self.connecting
            && self.tls.is_none()
            && !self.garbled
            && (self.cut_short || self.http2.is_some() || self.io.is_some_and(is_loss))
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
            | io::ErrorKind::TimedOut
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
    if facts.head_too_large {
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
    } else if facts.garbled {
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
    let lost = matches!(
        facts.io,
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::TimedOut)
    );
    let (kind, words) = if lost {
        (ErrorKind::Reset, "broke the connection in the middle of its answer")
    } else if facts.garbled && !facts.cut_short {
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
    let (limit, name) = (limit.as_millis(), phase.name());
    Error::new(ErrorKind::Timeout, phase, format!("{what} {peer} within {limit} ms (`timeout.{name}`)"))
}

/// Host and port, all that a message may say of a URL.
pub(super) fn peer(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
