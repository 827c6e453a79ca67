//! Forgets all keys that begin so, a handful at a time, on every master of a cluster.

use redis::{
    Cmd, RedisError, Value,
    cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo, SingleNodeRoutingInfo},
    cmd,
};
use tokio::time;

use super::{Failure, Redis, Repeat, place::Conn};
use crate::Result;

/// How many keys are looked at in one go.
const COUNT: usize = 512;

impl Redis {
    pub(super) async fn sweep(&self, prefix: &str) -> Result<()> {
        let pattern = pattern(&self.key(prefix));
        let mut cursors = self.first(&pattern).await?;
        while let Some((node, page)) = cursors.pop() {
            let (cursor, keys) = page;
            if !keys.is_empty() {
                self.run(cmd("UNLINK").arg(keys), Repeat::Again).await?;
            }
            if cursor != b"0" {
                let next = self.scan(&scan(&cursor, &pattern), node.as_ref()).await?;
                cursors.push((node, next));
            }
        }
        Ok(())
    }

    /// The first page of each master.
    async fn first(&self, pattern: &[u8]) -> Result<Vec<(Option<SingleNodeRoutingInfo>, Page)>> {
        let command = scan(b"0", pattern);
        let taken = self.take().await.map_err(|failure| self.told(failure))?;
        let Conn::Cluster(mut conn) = taken.conn else {
            return Ok(vec![(None, self.scan(&command, None).await?)]);
        };
        let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        let outcome = time::timeout(self.timeout, conn.route_command(command, all)).await;
        let Value::Map(pages) = self.answered(outcome)? else { return Err(self.strange()) };
        let pages = pages.into_iter().map(|(address, value)| Some((Some(route(address)?), page(value)?)));
        pages.collect::<Option<_>>().ok_or_else(|| self.strange())
    }

    async fn scan(&self, command: &Cmd, node: Option<&SingleNodeRoutingInfo>) -> Result<Page> {
        let Some(node) = node else {
            let value = self.run(command, Repeat::Again).await?;
            return page(value).ok_or_else(|| self.strange());
        };
        let taken = self.take().await.map_err(|failure| self.told(failure))?;
        let Conn::Cluster(mut conn) = taken.conn else { return Err(self.strange()) };
        let routing = RoutingInfo::SingleNode(node.clone());
        let outcome = time::timeout(self.timeout, conn.route_command(command.clone(), routing)).await;
        page(self.answered(outcome)?).ok_or_else(|| self.strange())
    }

    fn answered(&self, outcome: Result<Result<Value, RedisError>, time::error::Elapsed>) -> Result<Value> {
        match outcome {
            Ok(outcome) => outcome.map_err(|error| self.told(Failure::Redis(error))),
            Err(_) => Err(self.late()),
        }
    }
}

/// A cursor, and the keys before it.
type Page = (Vec<u8>, Vec<Vec<u8>>);

fn scan(cursor: &[u8], pattern: &[u8]) -> Cmd {
    let mut command = cmd("SCAN");
    command.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(COUNT);
    command
}

fn page(value: Value) -> Option<Page> {
    let Value::Array(parts) = value else { return None };
    let [Value::BulkString(cursor), Value::Array(keys)] = <[Value; 2]>::try_from(parts).ok()? else {
        return None;
    };
    let keys = keys.into_iter().map(|key| match key {
        Value::BulkString(key) => Some(key),
        _ => None,
    });
    Some((cursor, keys.collect::<Option<_>>()?))
}

fn route(address: Value) -> Option<SingleNodeRoutingInfo> {
    let text = match address {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok()?,
        Value::SimpleString(text) => text,
        _ => return None,
    };
    let (host, port) = text.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']).to_owned();
    Some(SingleNodeRoutingInfo::ByAddress { host, port: port.parse().ok()? })
}

/// Everything that begins so, whatever a glob would make of it.
fn pattern(prefix: &str) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(prefix.len() + 1);
    for byte in prefix.bytes() {
        if matches!(byte, b'*' | b'?' | b'[' | b']' | b'^' | b'-' | b'\\') {
            pattern.push(b'\\');
        }
        pattern.push(byte);
    }
    pattern.push(b'*');
    pattern
}
