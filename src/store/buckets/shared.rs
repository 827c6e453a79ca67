//! Buckets in a store that several processes share: one script per question, by the store's own clock, on one key
//! that goes by itself once its buckets are full.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::{Ask, Buckets, Given, Part};
use crate::{
    Error, ErrorKind, Phase, Result,
    store::{Arg, Script, Shared},
};

/// The buckets of a shared store.
pub struct SharedBuckets(Arc<dyn Shared>);

impl SharedBuckets {
    /// Those of this store.
    pub fn new(store: Arc<dyn Shared>) -> Self {
        Self(store)
    }
}

/// As `Shelf::take` of the buckets in memory. Microseconds: until the year 2255 they are whole numbers to Lua.
static TAKE: Script = Script::new(
    "local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local names = {'paused'}
for i = 2, #ARGV, 8 do names[#names + 1] = ARGV[i] end
local known = redis.call('HMGET', KEYS[1], unpack(names))
local paused = math.max(tonumber(known[1] or '0'), now + ARGV[1])
local opens, full, last = paused, paused, paused
local set = {'paused', string.format('%.0f', paused)}
for i = 2, #ARGV, 8 do
  local at = tonumber(known[(i - 2) / 8 + 2] or '0')
  local each, burst, need = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local want, owed = tonumber(ARGV[i + 4]), tonumber(ARGV[i + 5])
  local left, back = tonumber(ARGV[i + 6]), tonumber(ARGV[i + 7])
  if owed < 0 then at = at + owed * each else at = math.max(at, now) + owed * each end
  if left >= 0 and left < burst then
    local missing = (burst - left) * each
    if back >= 0 then missing = math.min(missing, back) end
    at = math.max(at, now + missing)
  end
  local ahead = math.max(burst, need) * each
  opens = math.max(opens, at + need * each - ahead)
  full = math.max(full, at + want * each - ahead)
  at = math.ceil(math.max(at, now) + want * each)
  last = math.max(last, at)
  set[#set + 1] = ARGV[i]
  set[#set + 1] = string.format('%.0f', at)
end
redis.call('HSET', KEYS[1], unpack(set))
redis.call('PEXPIRE', KEYS[1], math.ceil((last - now) / 1000) + 1000)
return {math.ceil(opens - now), math.ceil(math.max(opens, full) - now)}",
);

impl Buckets for SharedBuckets {
    fn take<'a>(&'a self, key: &'a str, ask: &'a Ask) -> BoxFuture<'a, Result<Given>> {
        Box::pin(async move {
            let mut args = vec![Arg::Int(microseconds(ask.pause))];
            for Part { name, rate, need, want, owed, left } in &ask.parts {
                let each = rate.interval.as_secs_f64() * 1e6 / float(rate.limit);
                let amount = left.map_or(-1, |left| whole(left.amount));
                let back = left.and_then(|left| left.back_in).map_or(-1, |back| whole(back / 1000));
                args.extend([Arg::from(name.as_str()), Arg::Float(each), Arg::Int(whole(rate.burst))]);
                args.extend([*need, *want].map(|amount| Arg::Int(whole(amount))));
                args.extend([*owed, amount, back].map(Arg::Int));
            }
            let said = self.0.invoke(&TAKE, &[key], &args).await?.list();
            let mut waits = said.iter().map(|one| one.int().and_then(|wait| u64::try_from(wait).ok()));
            match (waits.next().flatten(), waits.next().flatten()) {
                (Some(opens), Some(full)) => {
                    Ok(Given { opens: Duration::from_micros(opens), full: Duration::from_micros(full) })
                }
                _ => Err(Error::new(
                    ErrorKind::Store,
                    Phase::Queue,
                    "the store gave no answer to take for one",
                )),
            }
        })
    }
}

fn microseconds(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn whole(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "limits stay below 2^53")]
fn float(limit: u64) -> f64 {
    limit.max(1) as f64
}
