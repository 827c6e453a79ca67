//! Where turns stand, and who may add one.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::turn::Turn;
use crate::Result;

/// Which turns are wanted: the latest, as [`window::fit`](super::window::fit) has it. More may come.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// How many tokens they may take.
    pub budget: u64,
    /// Whether they must reach back to one that a conversation can begin with.
    pub chain: bool,
}

/// Who speaks, and for how long the session is his and is kept.
#[derive(Debug, Clone, Copy)]
pub struct Speaker<'a> {
    /// A name that nobody else has.
    pub owner: &'a str,
    /// After how long the session is free again.
    pub lease: Duration,
    /// How long the session is kept.
    pub ttl: Duration,
}

/// What becomes of who wants to speak.
#[derive(Debug, PartialEq, Eq)]
pub enum Begun {
    /// The session is his.
    Taken {
        /// How many turns there are.
        count: u64,
        /// The latest, the oldest of them first.
        turns: Vec<Turn>,
    },
    /// Another one speaks.
    Busy {
        /// How much is left of his lease.
        left: Duration,
    },
}

/// Some turns of a session.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The number of the first turn that is kept.
    pub first: u64,
    /// The number of the last one; less than `first` where there is none.
    pub last: u64,
    /// The turns, the oldest first.
    pub turns: Vec<Turn>,
}

/// Sessions by key. Each step is atomic; turns have numbers from 1 on and never change.
pub trait Ledger: Send + Sync {
    /// Takes the session unless another has it. Who has it already takes it again.
    fn begin<'a>(&'a self, key: &'a str, who: Speaker<'a>, wish: Wish) -> BoxFuture<'a, Result<Begun>>;

    /// Keeps it for longer; says whether it is still his.
    fn renew<'a>(&'a self, key: &'a str, who: Speaker<'a>) -> BoxFuture<'a, Result<bool>>;

    /// Adds a turn and gives the session back, unless another has taken it meanwhile; says whether it is kept.
    fn append<'a>(&'a self, key: &'a str, who: Speaker<'a>, turn: &'a Turn) -> BoxFuture<'a, Result<bool>>;

    /// Gives the session back; another's is let be.
    fn release<'a>(&'a self, key: &'a str, owner: &'a str) -> BoxFuture<'a, Result<()>>;

    /// So many turns from this number on.
    fn page<'a>(&'a self, key: &'a str, from: u64, count: u64) -> BoxFuture<'a, Result<Page>>;

    /// Forgets all but the last so many turns; more are kept where those answer tools. Says how many were forgotten.
    fn trim<'a>(&'a self, key: &'a str, keep: u64) -> BoxFuture<'a, Result<u64>>;

    /// Forgets the session; says whether there was one. A turn that is under way will not be kept.
    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool>>;

    /// Puts turns into a session that is his and has none, from this number on. Nobody sees them before `done`, which
    /// gives the session back. Says whether it is still his.
    fn put<'a>(
        &'a self,
        key: &'a str,
        who: Speaker<'a>,
        from: u64,
        turns: &'a [Turn],
        done: bool,
    ) -> BoxFuture<'a, Result<bool>>;
}
