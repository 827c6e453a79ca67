//! What a failure of Redis means: in words that hold no key, value or credential, and for the connection.

use std::{error::Error, io, sync::Arc};

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// What is to be done about the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cure {
    /// Nothing: it works, and this command does not.
    Keep,
    /// Another one: it is broken, or leads to a server that is master no more.
    Reopen,
}

/// What is to be done about it.
pub(super) fn cure(error: &RedisError) -> Cure {
    let broken = error.is_unrecoverable_error() || error.is_io_error();
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown) => Cure::Reopen,
        _ if broken => Cure::Reopen,
        _ => Cure::Keep,
    }
}

/// Whether the server does not know a script by its digest.
pub(super) fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// What went wrong. Of what the server says only its code is repeated: the rest may quote a key or a value.
pub(super) fn words(error: &RedisError) -> String {
    match error.kind() {
        ErrorKind::Io => io_words(error),
        ErrorKind::AuthenticationFailed => "it refuses the user or the password".to_owned(),
        ErrorKind::MasterNameNotFoundBySentinel => {
            "no Sentinel knows a master of this name that can be reached".to_owned()
        }
        ErrorKind::ClusterConnectionNotFound => "no node of the cluster can be reached".to_owned(),
        ErrorKind::Parse => "what it answers is not the protocol of Redis".to_owned(),
        ErrorKind::RESP3NotSupported => "it is too old".to_owned(),
        ErrorKind::Server(kind) => server_words(kind, error.code().unwrap_or_default()),
        _ => match error.code() {
            Some(code @ ("NOAUTH" | "WRONGPASS")) => format!("it refuses the user or the password ({code})"),
            Some(code) => format!("it answered {}", known(code)),
            None => error.category().to_owned(),
        },
    }
}

fn server_words(kind: ServerErrorKind, code: &str) -> String {
    match kind {
        ServerErrorKind::ReadOnly => "it is a replica and takes no writes (READONLY)".to_owned(),
        ServerErrorKind::BusyLoading => "it is loading its data (LOADING)".to_owned(),
        ServerErrorKind::ClusterDown => "the cluster is down (CLUSTERDOWN)".to_owned(),
        ServerErrorKind::MasterDown => "its master is down (MASTERDOWN)".to_owned(),
        ServerErrorKind::NoPerm => "its user may not do this (NOPERM)".to_owned(),
        ServerErrorKind::Moved | ServerErrorKind::Ask => {
            format!("it is a node of a cluster ({}): `store.cluster` is not set", known(code))
        }
        _ => format!("it answered {}", known(code)),
    }
}

/// Codes are capitals; what looks otherwise may be anything.
fn known(code: &str) -> &str {
    let is_code = !code.is_empty() && code.len() <= 32 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_code { code } else { "an error" }
}

fn io_words(error: &RedisError) -> String {
    let words = match io_kind(error) {
        Some(io::ErrorKind::ConnectionRefused) => "nobody listens there",
        Some(io::ErrorKind::NotFound) => "there is no such socket",
        Some(io::ErrorKind::TimedOut) => "it did not answer in time",
        Some(io::ErrorKind::InvalidData) => "TLS with it failed",
        Some(
            io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::NotConnected,
        ) => "the connection broke",
        _ => "it cannot be reached",
    };
    words.to_owned()
}

/// redis-rs gives its source away as what holds it, an `Arc`.
fn io_kind(error: &RedisError) -> Option<io::ErrorKind> {
    let held = error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    held.downcast_ref().map(io::Error::kind)
}
