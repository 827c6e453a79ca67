//! Sessions in one process, bounded: what was used least lately makes room. Time is Tokio's.

use std::{
    collections::{HashMap, VecDeque},
    future::ready,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::{
    ledger::{Begun, Ledger, Page, Speaker, Wish},
    options::KeepOptions,
    turn::Turn,
    window,
};
use crate::Result;

/// What a session and a turn take besides their content.
const OVERHEAD: usize = 256;

pub(super) struct Memory {
    options: KeepOptions,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    by_key: HashMap<String, Book>,
    bytes: usize,
    clock: u64,
}

struct Book {
    turns: VecDeque<Turn>,
    /// The number of the first of them.
    first: u64,
    owner: Option<(String, Option<Instant>)>,
    /// Turns that are put in and not seen yet.
    incoming: Vec<Turn>,
    ends: Option<Instant>,
    used: u64,
}

fn end(time: Duration) -> Option<Instant> {
    Instant::now().checked_add(time)
}

fn is_over(ends: Option<Instant>) -> bool {
    ends.is_some_and(|ends| Instant::now() >= ends)
}

fn size(turn: &Turn) -> usize {
    turn.messages.len() + OVERHEAD
}

impl Book {
    fn new() -> Self {
        let (turns, incoming) = (VecDeque::new(), Vec::new());
        Self { turns, first: 1, owner: None, incoming, ends: None, used: 0 }
    }

    fn last(&self) -> u64 {
        self.first + self.turns.len() as u64 - 1
    }

    fn is_of(&self, owner: &str) -> bool {
        self.owner.as_ref().is_some_and(|(name, _)| name == owner)
    }

    fn own(&mut self, who: Speaker<'_>) {
        self.owner = Some((who.owner.to_owned(), end(who.lease)));
        self.ends = end(who.ttl.max(who.lease));
    }
}

impl Books {
    /// The session, if its time is not over.
    fn find(&mut self, key: &str) -> Option<&mut Book> {
        if self.by_key.get(key).is_some_and(|book| is_over(book.ends)) {
            self.remove(key);
        }
        self.clock += 1;
        let book = self.by_key.get_mut(key)?;
        book.used = self.clock;
        Some(book)
    }

    fn remove(&mut self, key: &str) -> Option<Book> {
        let book = self.by_key.remove(key)?;
        let held: usize = book.turns.iter().chain(&book.incoming).map(size).sum();
        self.bytes = self.bytes.saturating_sub(held + OVERHEAD);
        Some(book)
    }

    /// Makes room. Whoever speaks is let be; a session that is too large alone loses its oldest turns.
    fn shrink(&mut self, options: KeepOptions, but: &str) {
        while self.by_key.len() > options.max_sessions || self.bytes > options.max_bytes {
            let idle = self.by_key.iter().filter(|(key, book)| {
                *key != but && book.owner.as_ref().is_none_or(|(_, ends)| is_over(*ends))
            });
            match idle.min_by_key(|(_, book)| book.used).map(|(key, _)| key.clone()) {
                Some(key) => drop(self.remove(&key)),
                None => break,
            }
        }
        while self.bytes > options.max_bytes {
            let book = self.by_key.get_mut(but).filter(|book| book.turns.len() > 1);
            let Some(turn) = book.and_then(|book| {
                book.first += 1;
                book.turns.pop_front()
            }) else {
                break;
            };
            self.bytes = self.bytes.saturating_sub(size(&turn));
        }
    }
}

impl Memory {
    pub(super) fn new(options: KeepOptions) -> Self {
        Self { options, books: Mutex::default() }
    }

    fn step<T: Send + 'static>(&self, step: impl FnOnce(&mut Books) -> T) -> BoxFuture<'static, Result<T>> {
        let outcome = step(&mut self.books.lock().unwrap_or_else(PoisonError::into_inner));
        Box::pin(ready(Ok(outcome)))
    }
}

impl Ledger for Memory {
    fn begin<'a>(&'a self, key: &'a str, who: Speaker<'a>, wish: Wish) -> BoxFuture<'a, Result<Begun>> {
        self.step(|books| {
            if books.find(key).is_none() {
                books.by_key.insert(key.to_owned(), Book { used: books.clock, ..Book::new() });
                books.bytes += OVERHEAD;
                books.shrink(self.options, key);
            }
            let Some(book) = books.find(key) else { return Begun::Busy { left: Duration::ZERO } };
            if let Some((name, ends)) = &book.owner
                && name != who.owner
                && !is_over(*ends)
            {
                let left = ends.map_or(Duration::MAX, |ends| ends - Instant::now());
                return Begun::Busy { left };
            }
            book.incoming.clear();
            book.own(who);
            let sent = window::fit(book.turns.iter().rev().map(Turn::mark), wish.budget, wish.chain);
            let turns = book.turns.iter().skip(book.turns.len() - sent).cloned().collect();
            Begun::Taken { count: book.turns.len() as u64, turns }
        })
    }

    fn renew<'a>(&'a self, key: &'a str, who: Speaker<'a>) -> BoxFuture<'a, Result<bool>> {
        self.step(|books| {
            let book = books.find(key).filter(|book| book.is_of(who.owner));
            book.map(|book| book.own(who)).is_some()
        })
    }

    fn append<'a>(&'a self, key: &'a str, who: Speaker<'a>, turn: &'a Turn) -> BoxFuture<'a, Result<bool>> {
        self.step(|books| {
            let Some(book) = books.find(key).filter(|book| book.is_of(who.owner)) else { return false };
            book.turns.push_back(turn.clone());
            book.owner = None;
            book.ends = end(who.ttl);
            books.bytes += size(turn);
            books.shrink(self.options, key);
            true
        })
    }

    fn release<'a>(&'a self, key: &'a str, owner: &'a str) -> BoxFuture<'a, Result<()>> {
        self.step(|books| {
            let Some(book) = books.find(key).filter(|book| book.is_of(owner)) else { return };
            book.owner = None;
            if book.turns.is_empty() {
                books.remove(key);
            }
        })
    }

    fn page<'a>(&'a self, key: &'a str, from: u64, count: u64) -> BoxFuture<'a, Result<Page>> {
        self.step(|books| {
            let Some(book) = books.find(key) else { return Page { first: 1, ..Page::default() } };
            let skipped = usize::try_from(from.saturating_sub(book.first)).unwrap_or(usize::MAX);
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            let turns = book.turns.iter().skip(skipped).take(count).cloned().collect();
            Page { first: book.first, last: book.last(), turns }
        })
    }

    fn trim<'a>(&'a self, key: &'a str, keep: u64) -> BoxFuture<'a, Result<u64>> {
        self.step(|books| {
            let Some(book) = books.find(key) else { return 0 };
            let keep = usize::try_from(keep).unwrap_or(usize::MAX);
            let mut start = book.turns.len().saturating_sub(keep);
            while start > 0 && book.turns.get(start).is_some_and(|turn| !turn.opens) {
                start -= 1;
            }
            book.first += start as u64;
            let freed: usize = book.turns.drain(..start).map(|turn| size(&turn)).sum();
            books.bytes = books.bytes.saturating_sub(freed);
            start as u64
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool>> {
        self.step(|books| books.remove(key).is_some_and(|book| !book.turns.is_empty() && !is_over(book.ends)))
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        who: Speaker<'a>,
        _from: u64,
        turns: &'a [Turn],
        done: bool,
    ) -> BoxFuture<'a, Result<bool>> {
        self.step(|books| {
            let Some(book) = books.find(key).filter(|book| book.is_of(who.owner)) else { return false };
            book.incoming.extend_from_slice(turns);
            book.own(who);
            if done {
                book.turns = std::mem::take(&mut book.incoming).into();
                book.owner = None;
            }
            books.bytes += turns.iter().map(size).sum::<usize>();
            books.shrink(self.options, key);
            true
        })
    }
}
