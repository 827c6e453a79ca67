//! Which failures may heal at another target.

use crate::{Error, ErrorKind};

/// A class of failures: by its stable code, or by its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// Those with this code.
    Code(&'static str),
    /// Those with this status.
    Status(u16),
}

/// Those that say something of the target, or of the way there, and nothing of the call.
const DEFAULTS: [ErrorKind; 16] = [
    ErrorKind::Status(429),
    ErrorKind::Status(529),
    ErrorKind::Status(500),
    ErrorKind::Dns,
    ErrorKind::Refused,
    ErrorKind::Tls,
    ErrorKind::Proxy,
    ErrorKind::Reset,
    ErrorKind::Connection,
    ErrorKind::Timeout,
    ErrorKind::Incomplete,
    ErrorKind::IncompleteStream,
    ErrorKind::StreamIdle,
    ErrorKind::ApiStream,
    ErrorKind::CircuitOpen,
    ErrorKind::QueueFull,
];

/// Those that may be worth another target where somebody says so.
const OTHERS: [ErrorKind; 14] = [
    ErrorKind::Status(400),
    ErrorKind::Status(401),
    ErrorKind::Status(403),
    ErrorKind::Status(404),
    ErrorKind::Status(409),
    ErrorKind::Status(413),
    ErrorKind::Status(422),
    ErrorKind::Status(402),
    ErrorKind::Parse,
    ErrorKind::TooLarge,
    ErrorKind::Decode,
    ErrorKind::Redirect,
    ErrorKind::Credential,
    ErrorKind::Store,
];

impl On {
    /// The classes that send a call on unless somebody says otherwise.
    pub fn defaults() -> Vec<Self> {
        DEFAULTS.map(|kind| Self::Code(kind.code())).to_vec()
    }

    /// The class of this code, or the codes that there are.
    pub fn code(given: &str) -> Result<Self, Vec<&'static str>> {
        let codes = || DEFAULTS.iter().chain(&OTHERS).map(|kind| kind.code());
        codes().find(|code| *code == given).map(Self::Code).ok_or_else(|| codes().collect())
    }

    /// Whether this failure is of the class.
    pub fn matches(self, error: &Error) -> bool {
        match self {
            Self::Code(code) => error.code() == code,
            Self::Status(status) => error.kind() == ErrorKind::Status(status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Phase;

    #[test]
    fn what_the_caller_has_done_wrong_is_wrong_everywhere() {
        let moves = |kind| {
            let error = Error::new(kind, Phase::FirstByte, "x");
            On::defaults().iter().any(|on| on.matches(&error))
        };
        for status in [429, 500, 502, 503, 504, 529] {
            assert!(moves(ErrorKind::Status(status)), "{status}");
        }
        for status in [400, 401, 402, 403, 404, 405, 408, 409, 413, 422, 304] {
            assert!(!moves(ErrorKind::Status(status)), "{status}");
        }
        for kind in [
            ErrorKind::Aborted,
            ErrorKind::Config,
            ErrorKind::RequestBody,
            ErrorKind::Middleware,
            ErrorKind::Internal,
        ] {
            assert!(!moves(kind), "{kind:?}");
        }
        for kind in [
            ErrorKind::Refused,
            ErrorKind::Timeout,
            ErrorKind::CircuitOpen,
            ErrorKind::QueueFull,
            ErrorKind::ApiStream,
        ] {
            assert!(moves(kind), "{kind:?}");
        }
    }

    #[test]
    fn a_class_is_known_by_its_code_or_its_status() {
        let gone = Error::new(ErrorKind::Status(410), Phase::FirstByte, "x");
        assert!(On::Status(410).matches(&gone) && !On::Status(404).matches(&gone));
        assert_eq!(On::code("AUTHENTICATION"), Ok(On::Code("AUTHENTICATION")));
        assert!(On::code("ABORTED").is_err(), "whoever gives up wants no other target");
    }
}
