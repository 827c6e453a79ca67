//! Reads from a chain of foreign errors, by type and never by text, what happened.

use std::{error::Error as StdError, io, time::Duration};

use hyper_util::client::legacy::connect::{
    HttpConnector,
    proxy::{SocksV5, Tunnel},
};
use tower_service::Service;

use super::connect::{ConnectTimedOut, NotResolved};

/// A socket that was dying when a request met it breaks within a round trip. One that lived on has brought the
/// request to its server, which may have worked on it ever since: to send it again could bill it twice.
const STALE_WITHIN: Duration = Duration::from_secs(1);

/// hyper-util names the errors of its proxies nowhere, but lets them be reached.
type TunnelError = <Tunnel<HttpConnector> as Service<http::Uri>>::Error;
type SocksError = <SocksV5<HttpConnector> as Service<http::Uri>>::Error;

/// What a chain of errors is known to contain.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Nothing was sent, because it cannot be written on the wire.
    pub unsendable: bool,
    /// The failure came while connecting.
    pub connecting: bool,
    /// A name was not resolved.
    pub name: bool,
    /// Connecting took longer than this.
    pub connect_limit: Option<Duration>,
    /// What TLS complained about.
    pub tls: Option<Tls>,
    /// How far it got with a proxy that opens tunnels.
    pub proxy: Option<Proxy>,
    /// What the operating system said.
    pub io: Option<io::ErrorKind>,
    /// What went wrong with the protocol.
    pub http: Option<Http>,
}

/// A failure of TLS.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tls {
    /// What is wrong.
    pub fault: TlsFault,
    /// The reason in words.
    pub reason: String,
}

/// Whose fault a failure of TLS is, as far as one can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsFault {
    /// The server's certificate comes from an authority that we do not know.
    Authority,
    /// The server's certificate is no good in another way.
    Certificate,
    /// The server speaks no version that we do.
    Version,
    /// What the server speaks is no TLS.
    Plain,
    /// The server does not want us, most often for a client certificate.
    Client,
    /// Any other.
    Other,
}

/// A failure of a tunnel.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proxy {
    /// On the way to the proxy.
    Unreached,
    /// The proxy does not do what it was asked; the reason in words, which hold no password.
    Refused(String),
}

/// A failure of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Http {
    /// The headers were too large or too many, or malformed.
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
            self.unsendable |= err.is_builder();
        } else if err.is::<NotResolved>() {
            self.name = true;
        } else if let Some(ConnectTimedOut(limit)) = err.downcast_ref() {
            self.connect_limit = Some(*limit);
        } else if let Some(err) = err.downcast_ref::<TunnelError>() {
            self.note_proxy(matches!(err, TunnelError::ConnectFailed(_)), err);
        } else if let Some(err) = err.downcast_ref::<SocksError>() {
            self.note_proxy(matches!(err, SocksError::Inner(_)), err);
        } else if let Some(err) = err.downcast_ref::<rustls::Error>() {
            self.tls = Some(Tls { fault: fault(err), reason: err.to_string() });
        } else if let Some(err) = err.downcast_ref::<hyper::Error>() {
            self.note_http(of_hyper(err));
        } else if let Some(err) = err.downcast_ref::<h2::Error>() {
            self.note_http2(err);
        } else if let Some(err) = err.downcast_ref::<io::Error>() {
            self.note_io(err.kind());
            if err.kind() == io::ErrorKind::InvalidData {
                // h2 passes on only kind and text of what rustls said after the handshake, as when the
                // server wants a certificate. Nothing else reports this kind before an answer.
                self.tls = Some(Tls { fault: TlsFault::Client, reason: err.to_string() });
            }
        }
    }

    /// Either the proxy was not reached, as what follows in the chain explains, or it said something.
    fn note_proxy(&mut self, unreached: bool, err: &dyn StdError) {
        self.proxy = Some(if unreached { Proxy::Unreached } else { Proxy::Refused(err.to_string()) });
    }

    fn note_http2(&mut self, err: &h2::Error) {
        if let Some(err) = err.get_io() {
            return self.note_io(err.kind());
        }
        let reset_for = |reason| err.is_reset() && err.reason() == Some(reason);
        self.note_http(Some(if err.is_remote() {
            // A server that goes away fails only the streams that it has not begun.
            let untouched = err.is_go_away() || reset_for(h2::Reason::REFUSED_STREAM);
            if untouched { Http::Untouched } else { Http::StreamReset }
        } else if reset_for(h2::Reason::PROTOCOL_ERROR) {
            // What h2 says of one answer alone; it tells no more, and malformed headers are the rarer case.
            Http::HeadTooLarge
        } else {
            // h2 gave up the whole connection: the server may have begun any stream on it.
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
    /// open socket that the server was just closing, or the server says that it has not begun. That a
    /// server broke off within the head of its answer looks the same: hyper reports both alike.
    /// `after` is how long ago the request was handed over. What never left hyper sends again itself.
    pub fn is_stale_socket(&self, reused: bool, after: Duration) -> bool {
        let gone = reused && !self.connecting && self.tls.is_none() && self.is_broken();
        (gone && after < STALE_WITHIN) || self.http == Some(Http::Untouched)
    }

    fn is_broken(&self) -> bool {
        match self.http {
            Some(http) => http == Http::CutShort,
            None => self.io.is_some_and(is_loss),
        }
    }
}

fn fault(err: &rustls::Error) -> TlsFault {
    use rustls::{AlertDescription as Alert, CertificateError, Error, PeerIncompatible as Peer};
    match err {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => TlsFault::Authority,
        Error::InvalidCertificate(_) => TlsFault::Certificate,
        Error::AlertReceived(Alert::ProtocolVersion)
        | Error::PeerIncompatible(
            Peer::ServerDoesNotSupportTls12Or13 | Peer::ServerTlsVersionIsDisabledByOurConfig,
        ) => TlsFault::Version,
        Error::InvalidMessage(_) => TlsFault::Plain,
        Error::AlertReceived(
            Alert::AccessDenied
            | Alert::BadCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRequired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::UnsupportedCertificate,
        ) => TlsFault::Client,
        _ => TlsFault::Other,
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

/// Two errors do not tell by `source` what they wrap, which is what matters.
fn inner<'a>(err: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    if let Some(err) = err.downcast_ref::<io::Error>() {
        err.get_ref().map(|inner| inner as &(dyn StdError + 'static))
    } else if let Some(SocksError::Inner(err)) = err.downcast_ref() {
        Some(err)
    } else {
        err.source()
    }
}

/// The connection is gone.
pub(super) fn is_loss(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::NotConnected
    )
}
