//! Judges failures: from the facts to the error that the caller sees, in words that help.

use std::{io, time::Duration};

use url::Url;

use super::facts::{Facts, Http, Proxy, Tls, TlsFault, is_loss};
use crate::{Error, ErrorKind, Phase};

/// Why no answer came. `proxied` says that the request went through a proxy.
pub(super) fn before_answer(facts: &Facts, url: &Url, proxied: bool) -> Error {
    let peer = peer(url);
    if facts.unsendable {
        return Error::config("the URL can't be sent: it is longer than 64 KiB, or its host is none");
    }
    if let Some(limit) = facts.connect_limit {
        return timed_out(Phase::Connect, limit, &peer);
    }
    if let Some(tls) = &facts.tls {
        // A request without TLS of its own meets TLS only at its proxy.
        let at_proxy = facts.proxy == Some(Proxy::Unreached) || (proxied && url.scheme() == "http");
        let whose = if at_proxy { "the proxy" } else { &peer };
        return Error::new(ErrorKind::Tls, Phase::Connect, tls_words(tls, whose));
    }
    if facts.http == Some(Http::HeadTooLarge) {
        return Error::new(
            ErrorKind::TooLarge,
            Phase::FirstByte,
            format!("{peer} answered with more headers than are accepted, or with malformed ones"),
        );
    }
    if facts.connecting {
        return not_connected(facts, &peer, proxied);
    }
    let (kind, words) = if facts.http == Some(Http::Silent) {
        (
            ErrorKind::Reset,
            "no longer answers, so the connection was given up; it may be restarting or overloaded",
        )
    } else if facts.is_lost() {
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
        let words = match (&facts.proxy, facts.io) {
            (Some(Proxy::Refused(reason)), _) => reason,
            _ if facts.name => "a name could not be resolved",
            (_, Some(io::ErrorKind::ConnectionRefused)) => "nobody listens there",
            _ => "it refused or failed",
        };
        let advice = "check `proxy`, or HTTP_PROXY, HTTPS_PROXY and NO_PROXY, with user and password";
        (ErrorKind::Proxy, format!("could not reach {peer} through the proxy: {words}; {advice}"))
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
    let untrusted = || format!("the certificate of {peer} is not trusted ({reason})");
    match tls.fault {
        TlsFault::Authority => {
            format!("{}; a private authority goes into `tls.ca` or NODE_EXTRA_CA_CERTS", untrusted())
        }
        TlsFault::Certificate => untrusted(),
        TlsFault::Version => format!(
            "{peer} speaks no version of TLS that is allowed ({reason}); the oldest one is set by `tls.minVersion`"
        ),
        TlsFault::Plain => {
            format!("{peer} speaks something that is not TLS ({reason}); check the scheme and the port")
        }
        TlsFault::Client => format!(
            "{peer} refused the TLS connection ({reason}); a client certificate goes into `tls.cert` and `tls.key`"
        ),
        TlsFault::Other => format!("the TLS handshake with {peer} failed ({reason})"),
    }
}

/// Why an answer's body ended before its time.
pub(super) fn in_body(facts: &Facts, url: &Url) -> Error {
    let peer = peer(url);
    let lost = matches!(facts.io, Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted));
    // What hyper says of chunks and trailers that are none.
    let garbled = matches!(facts.io, Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput));
    let (kind, words) = if lost || facts.http == Some(Http::Silent) {
        (ErrorKind::Reset, "broke the connection in the middle of its answer")
    } else if garbled || facts.http == Some(Http::Garbled) {
        (ErrorKind::Connection, "sent a body that is not HTTP")
    } else if facts.io == Some(io::ErrorKind::BrokenPipe) {
        // All that HTTP/2 tells of a connection that ended, by whosever doing.
        (
            ErrorKind::Incomplete,
            "was lost before its answer was complete: it closed the connection, or answers no longer",
        )
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
    Error::timeout(phase, &format!("{what} {peer}"), limit, &option)
}

/// Host and port, all that a message may say of a URL.
pub(super) fn peer(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
