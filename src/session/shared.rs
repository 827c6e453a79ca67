//! Sessions in a store that replicas share: one hash each, and every step a script that reads no more than it needs.
//!
//! The hash has `n` and `f`, the numbers of the last and the first turn; `o`, who speaks, and `u`, until when by the
//! server's clock; `l`, who spoke last, by which a step whose answer was lost is known when it comes again; and the
//! turns by their numbers.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::{
    ledger::{Begun, Ledger, Page, Speaker, Wish},
    turn::Turn,
};
use crate::{
    Error, ErrorKind, Phase, Result,
    store::{Arg, Reply, Script, Shared},
};

static BEGIN: Script = Script::repeatable(
    "local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local h = redis.call('HMGET', KEYS[1], 'o', 'u', 'n', 'f')
if h[1] and h[1] ~= ARGV[1] and tonumber(h[2]) > now then return {0, tonumber(h[2]) - now} end
local n, f = tonumber(h[3] or '0'), tonumber(h[4] or '1')
local out, sum, opened = {1, n - f + 1}, 0, ARGV[5] == '0'
for i = n, f, -1 do
  local v = redis.call('HGET', KEYS[1], i)
  local tokens, opens = string.match(v or '', '^1 (%d+) ([01]) ')
  if not tokens then return {2} end
  sum = sum + tonumber(tokens)
  if sum > tonumber(ARGV[4]) and opened then break end
  out[#out + 1] = v
  if opens == '1' then opened = true end
end
redis.call('HSET', KEYS[1], 'o', ARGV[1], 'u', string.format('%.0f', now + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return out",
);

static RENEW: Script = Script::repeatable(
    "if redis.call('HGET', KEYS[1], 'o') ~= ARGV[1] then return 0 end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('HSET', KEYS[1], 'u', string.format('%.0f', now + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1",
);

static APPEND: Script = Script::repeatable(
    "local h = redis.call('HMGET', KEYS[1], 'o', 'l', 'n')
if h[2] == ARGV[1] then return 1 end
if h[1] ~= ARGV[1] then return 0 end
local n = string.format('%.0f', tonumber(h[3] or '0') + 1)
redis.call('HSET', KEYS[1], n, ARGV[3], 'n', n, 'l', ARGV[1])
redis.call('HDEL', KEYS[1], 'o', 'u')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1",
);

static RELEASE: Script = Script::repeatable(
    "if redis.call('HGET', KEYS[1], 'o') ~= ARGV[1] then return 0 end
if not redis.call('HGET', KEYS[1], 'n') then return redis.call('DEL', KEYS[1]) end
return redis.call('HDEL', KEYS[1], 'o', 'u')",
);

static PAGE: Script = Script::repeatable(
    "local h = redis.call('HMGET', KEYS[1], 'n', 'f')
local n, f = tonumber(h[1] or '0'), tonumber(h[2] or '1')
local from = math.max(f, tonumber(ARGV[1]))
local out = {n, f}
for i = from, math.min(n, from + ARGV[2] - 1) do
  out[#out + 1] = redis.call('HGET', KEYS[1], i) or ''
end
return out",
);

static TRIM: Script = Script::repeatable(
    "local h = redis.call('HMGET', KEYS[1], 'n', 'f')
local n, f = tonumber(h[1] or '0'), tonumber(h[2] or '1')
local to = math.max(f, n - ARGV[1] + 1)
while to > f and to <= n do
  local opens = string.match(redis.call('HGET', KEYS[1], to) or '', '^1 %d+ ([01]) ')
  if opens == '1' then break end
  to = to - 1
end
for i = f, to - 1 do redis.call('HDEL', KEYS[1], i) end
if to > f then redis.call('HSET', KEYS[1], 'f', string.format('%.0f', to)) end
return to - f",
);

static PUT: Script = Script::repeatable(
    "local h = redis.call('HMGET', KEYS[1], 'o', 'l')
if h[2] == ARGV[1] then return 1 end
if h[1] ~= ARGV[1] then return 0 end
local last = tonumber(ARGV[3]) + #ARGV - 5
for i = 5, #ARGV do redis.call('HSET', KEYS[1], string.format('%.0f', ARGV[3] + i - 5), ARGV[i]) end
if ARGV[4] == '1' then
  redis.call('HSET', KEYS[1], 'n', string.format('%.0f', last), 'f', '1', 'l', ARGV[1])
  redis.call('HDEL', KEYS[1], 'o', 'u')
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1",
);

pub(super) struct Kept(Arc<dyn Shared>);

impl Kept {
    pub(super) fn new(store: Arc<dyn Shared>) -> Self {
        Self(store)
    }

    async fn whether(&self, script: &Script, key: &str, args: &[Arg<'_>]) -> Result<bool> {
        Ok(self.0.invoke(script, &[key], args).await? == Reply::Int(1))
    }
}

/// What is kept may not end before the lease does, or nobody would know who speaks.
fn ttl(who: Speaker<'_>) -> Arg<'static> {
    who.ttl.max(who.lease).max(Duration::from_millis(1)).into()
}

/// Once nobody speaks any more.
fn rest(who: Speaker<'_>) -> Arg<'static> {
    who.ttl.max(Duration::from_millis(1)).into()
}

fn number(number: u64) -> Arg<'static> {
    // A double holds no more: beyond it Lua would count wrong.
    Arg::Int(i64::try_from(number.min(1 << 53)).unwrap_or(i64::MAX))
}

fn strange() -> Error {
    let message = "the session in the store was not written by this version";
    Error::new(ErrorKind::Store, Phase::Prepare, message).with_attempts(0)
}

fn turns(kept: impl Iterator<Item = Reply>) -> Result<Vec<Turn>> {
    let turn = |reply: Reply| -> Option<Turn> { Turn::decode(&reply.bytes().unwrap_or_default()) };
    kept.map(|reply| turn(reply).ok_or_else(strange)).collect()
}

impl Ledger for Kept {
    fn begin<'a>(&'a self, key: &'a str, who: Speaker<'a>, wish: Wish) -> BoxFuture<'a, Result<Begun>> {
        Box::pin(async move {
            let chain = Arg::Int(i64::from(wish.chain));
            let args = [who.owner.into(), who.lease.into(), ttl(who), number(wish.budget), chain];
            let mut reply = self.0.invoke(&BEGIN, &[key], &args).await?.list().into_iter();
            let (state, detail) = (reply.next(), reply.next());
            let detail = detail.and_then(|detail| detail.int()).and_then(|int| u64::try_from(int).ok());
            match (state, detail) {
                (Some(Reply::Int(0)), Some(left)) => Ok(Begun::Busy { left: Duration::from_millis(left) }),
                (Some(Reply::Int(1)), Some(count)) => {
                    let mut turns = turns(reply)?;
                    turns.reverse();
                    Ok(Begun::Taken { count, turns })
                }
                _ => Err(strange()),
            }
        })
    }

    fn renew<'a>(&'a self, key: &'a str, who: Speaker<'a>) -> BoxFuture<'a, Result<bool>> {
        Box::pin(
            async move { self.whether(&RENEW, key, &[who.owner.into(), who.lease.into(), ttl(who)]).await },
        )
    }

    fn append<'a>(&'a self, key: &'a str, who: Speaker<'a>, turn: &'a Turn) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let kept = turn.encode();
            self.whether(&APPEND, key, &[who.owner.into(), rest(who), kept.as_slice().into()]).await
        })
    }

    fn release<'a>(&'a self, key: &'a str, owner: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.0.invoke(&RELEASE, &[key], &[owner.into()]).await.map(drop) })
    }

    fn page<'a>(&'a self, key: &'a str, from: u64, count: u64) -> BoxFuture<'a, Result<Page>> {
        Box::pin(async move {
            let args = [number(from), number(count)];
            let mut reply = self.0.invoke(&PAGE, &[key], &args).await?.list().into_iter();
            let mut bound = || reply.next()?.int().and_then(|int| u64::try_from(int).ok());
            let (last, first) = (bound().ok_or_else(strange)?, bound().ok_or_else(strange)?);
            Ok(Page { first, last, turns: turns(reply)? })
        })
    }

    fn trim<'a>(&'a self, key: &'a str, keep: u64) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let forgotten = self.0.invoke(&TRIM, &[key], &[number(keep)]).await?;
            forgotten.int().and_then(|int| u64::try_from(int).ok()).ok_or_else(strange)
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool>> {
        self.0.delete(key)
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        who: Speaker<'a>,
        from: u64,
        turns: &'a [Turn],
        done: bool,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let kept: Vec<Vec<u8>> = turns.iter().map(Turn::encode).collect();
            let ends = if done { rest(who) } else { ttl(who) };
            let head = [who.owner.into(), ends, number(from), Arg::Int(i64::from(done))];
            let args: Vec<Arg<'_>> =
                head.into_iter().chain(kept.iter().map(|turn| turn.as_slice().into())).collect();
            self.whether(&PUT, key, &args).await
        })
    }
}
