//! Redis, or Valkey: a single server, the master that Sentinels name, or a cluster.
//!
//! One connection for all, opened when it is first needed. While Redis is away every command fails at once, and a
//! task connects again in the background. A failure says what and where, and never a key, a value or a credential.
//!
//! ```no_run
//! use std::time::Duration;
//! use trae_native::store::{Entries, Redis, redis::RedisOptions};
//!
//! # async fn example() -> trae_native::Result<()> {
//! let urls = vec!["redis://127.0.0.1:6379".to_owned()];
//! let redis = Redis::shared(RedisOptions { urls, ..RedisOptions::default() })?;
//! redis.set("greeting", "Hello".into(), Duration::from_secs(60)).await?;
//! assert_eq!(redis.get("greeting").await?.as_deref(), Some(b"Hello".as_slice()));
//! # Ok(())
//! # }
//! ```
//!
//! - [`options`]: how it is reached · `place`: what connects · `link`: the connection, lost and found ·
//!   `fault`: what a failure means · `sweep`: forgets what begins so

mod fault;
mod link;
pub mod options;
mod place;
mod sweep;

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use redis::{Cmd, RedisError, Value, cmd};
use tokio::time;

pub use self::options::{RedisOptions, RedisTls, SentinelOptions};
use self::{
    fault::Cure,
    link::{Link, Taken},
    place::Place,
};
use super::{Arg, Entries, Leases, Reply, Script, Shared};
use crate::{Error, ErrorKind, Phase, Result};

static ACQUIRE: Script = Script::repeatable(
    "local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1",
);

static RELEASE: Script = Script::repeatable(
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0",
);

/// A store in Redis.
pub struct Redis {
    link: Arc<Link>,
    prefix: String,
    timeout: Duration,
}

/// Whether a command whose fate nobody knows may be sent again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    Once,
    Again,
}

/// Why a command has no answer.
enum Failure {
    Redis(RedisError),
    Other(Error),
}

impl Redis {
    /// A store with a connection of its own. Nothing is connected yet.
    pub fn new(options: &RedisOptions) -> Result<Self> {
        let link = Link::new(Place::of(options)?);
        Ok(Self { link, prefix: options.prefix.clone(), timeout: options.timeout })
    }

    /// The one store of this process that has these options, while anybody holds it.
    pub fn shared(options: RedisOptions) -> Result<Arc<Self>> {
        static OPEN: Mutex<Vec<(RedisOptions, Weak<Redis>)>> = Mutex::new(Vec::new());
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(_, store)| store.strong_count() > 0);
        let known = open.iter().find(|(known, _)| *known == options);
        if let Some(store) = known.and_then(|(_, store)| store.upgrade()) {
            return Ok(store);
        }
        let store = Arc::new(Self::new(&options)?);
        open.push((options, Arc::downgrade(&store)));
        Ok(store)
    }

    /// A command of this name on a key.
    fn on(&self, name: &'static str, key: &str) -> Cmd {
        let mut command = cmd(name);
        command.arg(self.key(key));
        command
    }

    fn key(&self, key: &str) -> String {
        [self.prefix.as_str(), key].concat()
    }

    async fn run(&self, command: &Cmd, repeat: Repeat) -> Result<Value> {
        self.attempt(command, repeat).await.map_err(|failure| self.told(failure))
    }

    async fn attempt(&self, command: &Cmd, repeat: Repeat) -> Result<Value, Failure> {
        let mut left = repeat;
        loop {
            let mut taken = self.take().await?;
            let error = match time::timeout(self.timeout, taken.conn.run(command)).await {
                Ok(Ok(value)) => {
                    self.link.works();
                    return Ok(value);
                }
                Ok(Err(error)) => error,
                Err(_) => {
                    self.link.silent(&taken);
                    return Err(Failure::Other(self.late()));
                }
            };
            match fault::cure(&error) {
                Cure::Keep => self.link.works(),
                Cure::Reopen => {
                    self.link.broken(&taken);
                    // The server may only have let go of a connection that was idle.
                    if std::mem::replace(&mut left, Repeat::Once) == Repeat::Again {
                        continue;
                    }
                }
            }
            return Err(Failure::Redis(error));
        }
    }

    async fn take(&self) -> Result<Taken, Failure> {
        self.link.take().await.map_err(|reason| Failure::Other(self.error(&reason)))
    }

    fn told(&self, failure: Failure) -> Error {
        match failure {
            Failure::Redis(error) => self.error(&fault::words(&error)),
            Failure::Other(error) => error,
        }
    }

    fn late(&self) -> Error {
        self.error(&format!("it did not answer within {} ms (`store.timeout`)", self.timeout.as_millis()))
    }

    fn error(&self, what: &str) -> Error {
        let message = format!("{} failed: {what}", self.link.place().name());
        Error::new(ErrorKind::Store, Phase::Prepare, message).with_attempts(0)
    }

    fn strange(&self) -> Error {
        self.error("it answered something else than was asked for")
    }

    async fn script(&self, script: &Script, keys: &[&str], args: &[Arg<'_>]) -> Result<Reply> {
        let repeat = if script.is_repeatable() { Repeat::Again } else { Repeat::Once };
        let by_digest = self.evaluation("EVALSHA", script.digest(), keys, args);
        let outcome = match self.attempt(&by_digest, repeat).await {
            Err(Failure::Redis(error)) if fault::is_unknown_script(&error) => {
                let whole = self.evaluation("EVAL", script.source(), keys, args);
                self.attempt(&whole, repeat).await
            }
            outcome => outcome,
        };
        let value = outcome.map_err(|failure| self.told(failure))?;
        reply(value).ok_or_else(|| self.strange())
    }

    fn evaluation(&self, name: &'static str, script: &str, keys: &[&str], args: &[Arg<'_>]) -> Cmd {
        let mut command = cmd(name);
        command.arg(script).arg(keys.len());
        for key in keys {
            command.arg(self.key(key));
        }
        for arg in args {
            match *arg {
                Arg::Bytes(bytes) => command.arg(bytes),
                Arg::Int(number) => command.arg(number),
                Arg::Float(number) => command.arg(number.to_string()),
            };
        }
        command
    }
}

fn reply(value: Value) -> Option<Reply> {
    Some(match value {
        Value::Nil => Reply::Nil,
        Value::Int(number) => Reply::Int(number),
        Value::Boolean(truth) => Reply::Int(i64::from(truth)),
        Value::BulkString(bytes) => Reply::Bytes(bytes.into()),
        Value::SimpleString(text) => Reply::Bytes(text.into()),
        Value::Okay => Reply::Bytes(Bytes::from_static(b"OK")),
        Value::Array(members) => Reply::List(members.into_iter().map(reply).collect::<Option<_>>()?),
        _ => return None,
    })
}

/// Redis takes no time of 0 ms.
fn ms(ttl: Duration) -> u64 {
    // 2^53 ms: beyond it Redis would overflow.
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 53)
}

impl Entries for Redis {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(async move {
            match self.run(&self.on("GET", key), Repeat::Again).await? {
                Value::Nil => Ok(None),
                Value::BulkString(bytes) => Ok(Some(bytes.into())),
                _ => Err(self.strange()),
            }
        })
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, ttl: Duration) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut command = self.on("SET", key);
            command.arg(&value[..]).arg("PX").arg(ms(ttl));
            self.run(&command, Repeat::Again).await.map(drop)
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let deleted = self.run(&self.on("UNLINK", key), Repeat::Again).await?;
            Ok(deleted == Value::Int(1))
        })
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.sweep(prefix))
    }
}

impl Leases for Redis {
    fn acquire<'a>(&'a self, key: &'a str, owner: &'a str, ttl: Duration) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let ttl = Duration::from_millis(ms(ttl));
            let taken = self.script(&ACQUIRE, &[key], &[owner.into(), ttl.into()]).await?;
            Ok(taken == Reply::Int(1))
        })
    }

    fn release<'a>(&'a self, key: &'a str, owner: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.script(&RELEASE, &[key], &[owner.into()]).await.map(drop) })
    }
}

impl Shared for Redis {
    fn invoke<'a>(
        &'a self,
        script: &'a Script,
        keys: &'a [&'a str],
        args: &'a [Arg<'a>],
    ) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(self.script(script, keys, args))
    }
}
