//! Options of sessions: where they stand, how each is kept, and what can be asked of them besides turns.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    super::{
        fields::{Fields, wrong},
        settings::ms,
    },
    Functions, Native, Questions,
    store::store,
};
use crate::{
    Error, Result,
    pipeline::BoxFuture,
    session::{KeepOptions, OnBusy, Session, SessionOptions, Sessions},
};

const ON_BUSY: [(&str, OnBusy); 2] = [("wait", OnBusy::Wait), ("refuse", OnBusy::Refuse)];

pub(super) fn build(options: Value, _: Functions) -> Result<Native> {
    let default = KeepOptions::default();
    let mut fields = Fields::open("sessions", options)?;
    let store = store(&mut fields)?;
    let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let keep = KeepOptions {
        max_sessions: fields.count("maxSessions", 1)?.map_or(default.max_sessions, size),
        max_bytes: fields.count("maxBytes", 1)?.map_or(default.max_bytes, size),
    };
    fields.finish()?;
    let sessions = Arc::new(store.map_or_else(|| Sessions::in_memory(keep), Sessions::shared));
    let ask = Some(Arc::new(Asked(Arc::clone(&sessions))) as Arc<dyn Questions>);
    Ok(Native { ask, ..Native::shared(sessions) })
}

/// The session that a call is a turn of.
pub(in super::super) fn for_call(given: Value) -> Result<Session> {
    let mut fields = Fields::open("session", given)?;
    let session = session(&mut fields)?;
    fields.finish()?;
    Ok(session)
}

fn session(fields: &mut Fields) -> Result<Session> {
    let default = SessionOptions::default();
    let options = SessionOptions {
        ttl: positive(fields, "ttl")?.unwrap_or(default.ttl),
        window: fields.count("window", 1)?.unwrap_or(default.window),
        on_busy: fields.choice("onBusy", &ON_BUSY)?.unwrap_or(default.on_busy),
        busy_timeout: fields.wait("busyTimeout")?.unwrap_or(default.busy_timeout),
        lease: positive(fields, "lease")?.unwrap_or(default.lease),
    };
    let id = fields.string("id")?.filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Error::config("a session needs an `id`"))?;
    Ok(Session { id, options })
}

fn positive(fields: &mut Fields, name: &'static str) -> Result<Option<Duration>> {
    let given = fields.wait(name)?;
    if given.is_some_and(|given| given.is_zero()) {
        return Err(Error::config(format!("`{}` must be more than 0 ms", fields.name(name))));
    }
    Ok(given)
}

pub(super) fn defaults() -> Value {
    let SessionOptions { ttl, window, on_busy, busy_timeout, lease } = SessionOptions::default();
    let KeepOptions { max_sessions, max_bytes } = KeepOptions::default();
    let on_busy = ON_BUSY.iter().find(|(_, known)| *known == on_busy).map(|(word, _)| *word);
    json!({
        "session.ttl": ms(Some(ttl)),
        "session.window": window,
        "session.onBusy": on_busy,
        "session.busyTimeout": ms(Some(busy_timeout)),
        "session.lease": ms(Some(lease)),
        "sessions.maxSessions": max_sessions,
        "sessions.maxBytes": max_bytes,
    })
}

/// What can be asked: `history`, `trim`, `delete`, `fork`, `import`, each with the options of the session.
struct Asked(Arc<Sessions>);

impl Questions for Asked {
    fn ask(&self, question: String, about: Value) -> BoxFuture<'static, Result<Value>> {
        let sessions = Arc::clone(&self.0);
        Box::pin(async move { answer(&sessions, &question, about).await })
    }

    fn check(&self, options: Value) -> Result<()> {
        for_call(options).map(drop)
    }
}

async fn answer(sessions: &Sessions, question: &str, about: Value) -> Result<Value> {
    let mut fields = Fields::open("session", about)?;
    let Session { id, options } = session(&mut fields)?;
    match question {
        "history" => {
            let last = fields.count("last", 0)?;
            let messages = sessions.history(&id, last).await?;
            serde_json::from_str(&messages).map_err(|_| {
                Error::new(
                    crate::ErrorKind::Store,
                    crate::Phase::Prepare,
                    "what the store has kept is no JSON",
                )
            })
        }
        "trim" => {
            let keep = fields.count("keep", 0)?;
            let keep = keep.ok_or_else(|| Error::config("trim() takes how many turns are kept"))?;
            sessions.trim(&id, keep).await.map(Value::from)
        }
        "delete" => sessions.delete(&id).await.map(Value::from),
        "fork" => {
            let to = fields.string("to")?.filter(|to| !to.is_empty());
            let to = to.ok_or_else(|| Error::config("fork() takes the `id` of the other session"))?;
            sessions.fork(&id, &to, options).await.map(|()| Value::Null)
        }
        "import" => {
            let messages = fields.take("messages").unwrap_or_default();
            if !messages.is_array() {
                return Err(wrong("messages", "a list of messages", &messages));
            }
            sessions.import(&id, &messages.to_string(), options).await.map(|()| Value::Null)
        }
        _ => Err(Error::config("sessions know no such question")),
    }
}
