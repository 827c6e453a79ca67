//! Steps that are atomic where state is shared: small programs that the store runs by itself.

use std::{fmt, sync::OnceLock};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::{Entries, Leases};
use crate::Result;

/// A store that several processes share.
///
/// Whoever keeps state in memory too needs no scripts there: it writes its own step under its own lock.
pub trait Shared: Entries + Leases {
    /// Runs a script to its end before anybody else's step; what it says is the answer. The keys get the prefix of
    /// the store. All keys of one script must lie together: in a cluster, in one slot.
    fn invoke<'a>(
        &'a self,
        script: &'a Script,
        keys: &'a [&'a str],
        args: &'a [Arg<'a>],
    ) -> BoxFuture<'a, Result<Reply>>;
}

/// A script in Redis's Lua. It is sent once and then named by its digest; a store that has forgotten it is told again.
///
/// ```
/// use trae_native::store::Script;
///
/// static COUNT: Script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
/// static PEEK: Script = Script::repeatable("return redis.call('GET', KEYS[1])");
/// # assert_eq!(COUNT.digest().len(), 40);
/// # assert!(PEEK.is_repeatable() && !COUNT.is_repeatable());
/// ```
pub struct Script {
    source: &'static str,
    repeatable: bool,
    digest: OnceLock<String>,
}

impl Script {
    /// A script of this source. Where nobody knows whether it has run, since the connection broke, it fails.
    pub const fn new(source: &'static str) -> Self {
        Self { source, repeatable: false, digest: OnceLock::new() }
    }

    /// One that, run twice with the same arguments, leaves and says what it does when it runs once: where nobody
    /// knows whether it has run, it is run again.
    pub const fn repeatable(source: &'static str) -> Self {
        Self { source, repeatable: true, digest: OnceLock::new() }
    }

    /// Its text.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// Whether it may run once more than it was asked to.
    pub fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    /// The name that the store gives it: SHA-1 in hexadecimal.
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| {
            let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, self.source.as_bytes());
            digest.as_ref().iter().fold(String::with_capacity(40), |mut text, byte| {
                let _infallible = fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"));
                text
            })
        })
    }
}

/// What a script is given. Numbers reach it as text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arg<'a> {
    /// Bytes as they are.
    Bytes(&'a [u8]),
    /// A whole number.
    Int(i64),
    /// Any number, with all its digits.
    Float(f64),
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Self {
        Self::Bytes(text.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for Arg<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<i64> for Arg<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Arg<'_> {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

/// Milliseconds.
impl From<std::time::Duration> for Arg<'_> {
    fn from(time: std::time::Duration) -> Self {
        Self::Int(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
    }
}

/// What a script says. Redis cuts a number of Lua's to a whole one: what must keep its fraction comes as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// `nil` or `false`.
    Nil,
    /// A number, cut to a whole one; `true` is 1.
    Int(i64),
    /// A text.
    Bytes(Bytes),
    /// A table, up to its first `nil`.
    List(Vec<Reply>),
}

impl Reply {
    /// The whole number that it is, or that its text is.
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Bytes(_) => self.text()?.parse().ok(),
            Self::Nil | Self::List(_) => None,
        }
    }

    /// The number that it is, or that its text is.
    #[expect(clippy::cast_precision_loss, reason = "what a script counts is far below 2^53")]
    pub fn float(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Bytes(_) => self.text()?.parse().ok(),
            Self::Nil | Self::List(_) => None,
        }
    }

    /// Its text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            Self::Nil | Self::Int(_) | Self::List(_) => None,
        }
    }

    /// Its bytes.
    pub fn bytes(self) -> Option<Bytes> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Nil | Self::Int(_) | Self::List(_) => None,
        }
    }

    /// Its members; nothing has none.
    pub fn list(self) -> Vec<Reply> {
        match self {
            Self::List(members) => members,
            Self::Nil => Vec::new(),
            single @ (Self::Int(_) | Self::Bytes(_)) => vec![single],
        }
    }
}
