//! What can be set about sessions, and the one place where its defaults are written.

use std::time::Duration;

/// How one session is kept and sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionOptions {
    /// How long it is kept after its last turn. Default: 24 h.
    pub ttl: Duration,
    /// How many tokens are sent at most, the new turn and the system prompt included, as far as can be told before.
    /// Default: 100 000.
    pub window: u64,
    /// What happens to a turn while another one is under way. Default: `Wait`.
    pub on_busy: OnBusy,
    /// How long it waits for the other one. Default: 60 s.
    pub busy_timeout: Duration,
    /// After how long the session is free again if whoever speaks has died. Default: 15 s.
    pub lease: Duration,
}

/// What happens to a turn while another one is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnBusy {
    /// It waits for its turn.
    #[default]
    Wait,
    /// It fails at once.
    Refuse,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(24 * 3600),
            window: 100_000,
            on_busy: OnBusy::Wait,
            busy_timeout: Duration::from_secs(60),
            lease: Duration::from_secs(15),
        }
    }
}

/// How much sessions in memory may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepOptions {
    /// How many there are at most; one more takes the place of the one that was used least lately. Default: 10 000.
    pub max_sessions: usize,
    /// How many bytes they take together, in the same way. Default: 64 MiB.
    pub max_bytes: usize,
}

impl Default for KeepOptions {
    fn default() -> Self {
        Self { max_sessions: 10_000, max_bytes: 64 << 20 }
    }
}
