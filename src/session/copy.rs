//! Out of a session, and into another: its messages, whole or the last of them; forked, trimmed, deleted.

use serde_json::value::RawValue;

use super::{
    Sessions, key,
    ledger::{Ledger, Wish},
    options::SessionOptions,
    turn::{Turn, opens, role},
};
use crate::{Error, ErrorKind, Phase, Result};

/// How many turns are read or written in one step: others have their turn in between.
const PAGE: u64 = 100;

impl Sessions {
    /// The messages of the last so many turns, or of all, as a JSON list.
    pub async fn history(&self, id: &str, last: Option<u64>) -> Result<String> {
        let turns = read(&*self.ledger, &key(id), last).await?;
        let mut json = Vec::from(*b"[");
        for (at, turn) in turns.iter().enumerate() {
            if at > 0 {
                json.push(b',');
            }
            json.extend_from_slice(&turn.messages);
        }
        json.push(b']');
        String::from_utf8(json).map_err(|_| damaged())
    }

    /// Forgets all but the last so many turns; says how many it has forgotten.
    pub async fn trim(&self, id: &str, keep: u64) -> Result<u64> {
        self.ledger.trim(&key(id), keep).await
    }

    /// Forgets the session; says whether there was one.
    pub async fn delete(&self, id: &str) -> Result<bool> {
        self.ledger.delete(&key(id)).await
    }

    /// Another session with the same turns, which must not exist yet.
    pub async fn fork(&self, id: &str, to: &str, options: SessionOptions) -> Result<()> {
        let turns = read(&*self.ledger, &key(id), None).await?;
        self.fill(to, &turns, options).await
    }

    /// A session of messages that were kept elsewhere; it must not exist yet.
    pub async fn import(&self, id: &str, messages: &str, options: SessionOptions) -> Result<()> {
        self.fill(id, &turns_of(messages)?, options).await
    }

    async fn fill(&self, id: &str, turns: &[Turn], options: SessionOptions) -> Result<()> {
        let nothing = Wish { budget: 0, chain: false };
        let (hold, count, _) = self.queues.enter(&self.ledger, key(id), options, nothing).await?;
        if count > 0 {
            return Err(Error::config("there is a session of that id already: delete() it first"));
        }
        let chunks = turns.chunks(usize::try_from(PAGE).unwrap_or(usize::MAX));
        let (mut from, last) = (1, chunks.len());
        for (at, chunk) in chunks.enumerate() {
            hold.put(from, chunk, at + 1 == last).await?;
            from += chunk.len() as u64;
        }
        Ok(())
    }
}

/// Turns never change, so that they may be read in several steps; those that are trimmed meanwhile are gone.
async fn read(ledger: &dyn Ledger, key: &str, last: Option<u64>) -> Result<Vec<Turn>> {
    let bounds = ledger.page(key, 0, 0).await?;
    let start = last.map_or(bounds.first, |last| (bounds.last + 1).saturating_sub(last).max(bounds.first));
    let (mut turns, mut from) = (Vec::new(), start);
    while from <= bounds.last {
        let page = ledger.page(key, from, PAGE.min(bounds.last + 1 - from)).await?;
        if page.first > from {
            turns.clear();
        }
        from = from.max(page.first) + page.turns.len() as u64;
        if page.turns.is_empty() {
            break;
        }
        turns.extend(page.turns);
    }
    Ok(turns)
}

/// Messages as turns: each begins with a user's message and ends with the answer to it.
fn turns_of(messages: &str) -> Result<Vec<Turn>> {
    let messages: Vec<&RawValue> = serde_json::from_str(messages).map_err(|_| no_history())?;
    let (mut turns, mut start) = (Vec::new(), 0);
    for (at, message) in messages.iter().enumerate() {
        match role(message).ok_or_else(no_history)? {
            "assistant" if messages.get(at + 1).is_none_or(|next| role(next) == Some("user")) => {
                turns.push(Turn::of(&messages[start..=at])?);
                start = at + 1;
            }
            _ => {}
        }
    }
    let begins = messages.first().map(|first| opens(first)).transpose()?.unwrap_or(true);
    if start != messages.len() || !begins {
        return Err(no_history());
    }
    Ok(turns)
}

fn no_history() -> Error {
    Error::config(
        "a history is a list of messages, each with `role` and `content`, that begins with a user's and ends with an assistant's",
    )
}

fn damaged() -> Error {
    Error::new(ErrorKind::Store, Phase::Prepare, "what the store has kept is no text").with_attempts(0)
}
