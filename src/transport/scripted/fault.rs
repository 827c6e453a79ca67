//! Failures of a network that a script asks for, with the words that the network's own would have.

use std::{io, time::Duration};

use url::Url;

use super::super::{
    errors,
    facts::{Facts, Http, Tls, TlsFault},
};
use crate::{Error, ErrorKind, Phase};

/// How no answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The name is not resolved.
    Dns,
    /// Nobody listens.
    Refused,
    /// The server's certificate is not trusted.
    Tls,
    /// The proxy does not reach it.
    Proxy,
    /// The connection breaks before the answer.
    Reset,
    /// What answers is not HTTP.
    Connection,
    /// No connection comes about: `timeout.connect` decides for how long that is waited for.
    Timeout,
}

const CODES: [(ErrorKind, Fault); 7] = [
    (ErrorKind::Dns, Fault::Dns),
    (ErrorKind::Refused, Fault::Refused),
    (ErrorKind::Tls, Fault::Tls),
    (ErrorKind::Proxy, Fault::Proxy),
    (ErrorKind::Reset, Fault::Reset),
    (ErrorKind::Connection, Fault::Connection),
    (ErrorKind::Timeout, Fault::Timeout),
];

impl Fault {
    /// The one that fails with this code.
    pub fn of(code: &str) -> Option<Self> {
        CODES.iter().find(|(kind, _)| kind.code() == code).map(|(_, fault)| *fault)
    }

    /// The codes that there are.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        CODES.iter().map(|(kind, _)| kind.code())
    }

    pub(super) fn error(self, url: &Url, connect: Duration) -> Error {
        let connecting = |io| Facts { connecting: true, io, ..Facts::default() };
        let facts = match self {
            Self::Dns => Facts { connecting: true, name: true, ..Facts::default() },
            Self::Refused | Self::Proxy => connecting(Some(io::ErrorKind::ConnectionRefused)),
            Self::Tls => {
                let tls = Tls { fault: TlsFault::Authority, reason: "the script says so".to_owned() };
                Facts { connecting: true, tls: Some(tls), ..Facts::default() }
            }
            Self::Reset => Facts { io: Some(io::ErrorKind::ConnectionReset), ..Facts::default() },
            Self::Connection => Facts { http: Some(Http::Garbled), ..Facts::default() },
            Self::Timeout => return errors::timed_out(Phase::Connect, connect, &errors::peer(url)),
        };
        errors::before_answer(&facts, url, self == Self::Proxy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fails_with_the_code_that_it_is_asked_for_by() {
        let url = Url::parse("https://api.example/v1").unwrap();
        for code in Fault::codes() {
            let error = Fault::of(code).unwrap().error(&url, Duration::from_secs(1));
            assert_eq!(error.code(), code, "{error}");
            assert!(error.message().contains("api.example"), "{error}");
        }
        assert_eq!(Fault::of("AUTHENTICATION"), None, "a status is no failure of the network");
    }
}
