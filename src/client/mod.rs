//! Options, validated and wired into one pipeline: the only room that knows all the others.
//!
//! - [`settings`]: option names, checks, defaults · [`connection`]: those of sockets, proxy and TLS
//! - [`fields`]: how they are read out of JSON
//! - [`call`]: a call becomes a request · [`query`] and [`headers`]: its parts
//! - [`wire`]: transport, events and statuses at the centre of the onion
//! - [`reply`]: an answer takes the shape asked for · [`events`]: a stream of them as it is read
//! - [`rooms`]: the native middlewares, by name and options
//! - [`secrets`]: what an answer may not repeat

mod call;
mod connection;
mod events;
mod fields;
mod headers;
mod query;
mod reply;
mod rooms;
mod secrets;
mod settings;
mod wire;

use std::{future::Future, sync::Arc};

use serde_json::Value;
use tokio::time::Instant;

pub use self::{
    call::Call,
    events::EventReader,
    reply::{Content, Head, Reply},
    rooms::middleware,
    secrets::without_keys,
    wire::describe,
};
use self::{
    reply::Asked,
    settings::{Settings, Total},
    wire::{AnyStatus, Wire},
};
pub use crate::claude::{Delta, DeltaKind};
use crate::{
    Error, Phase, Result,
    pipeline::{Endpoint, Pipeline},
    transport::{Stats, Transport},
};

/// A client: one set of options, one pipeline, one pool.
pub struct Client {
    settings: Settings,
    transport: Arc<Transport>,
    pipeline: Pipeline,
}

impl Client {
    /// A client with a pool of its own. The options are those of `createClient`, as JSON.
    pub fn new(config: Value) -> Result<Self> {
        let settings = Settings::read(config)?;
        let transport = Arc::new(Transport::new(settings.transport.clone())?);
        Ok(Self::wire(settings, transport))
    }

    /// A client with other options; it shares the pool unless those of the pool differ.
    pub fn extend(&self, config: Value) -> Result<Self> {
        let settings = Settings::read(config)?;
        let transport = if settings.transport == self.settings.transport {
            Arc::clone(&self.transport)
        } else {
            Arc::new(Transport::new(settings.transport.clone())?)
        };
        Ok(Self::wire(settings, transport))
    }

    fn wire(settings: Settings, transport: Arc<Transport>) -> Self {
        let endpoint = Wire { transport: Arc::clone(&transport) as Arc<dyn Endpoint> };
        Self { settings, transport, pipeline: Pipeline::new(Vec::new(), Arc::new(endpoint)) }
    }

    /// Makes a call. Dropping the future, or the stream in its answer, cancels it.
    pub async fn execute(&self, call: Call) -> Result<Reply> {
        let started = Instant::now();
        let (mut request, settings) = call::prepare(&self.settings, call)?;
        if settings.judge {
            request.extensions.insert(AnyStatus);
        }
        let asked = Asked { method: request.method.clone(), url: request.url.clone() };
        let limit = Limit { total: settings.total, started };
        let no_answer = || (Phase::FirstByte, format!("no answer from {}", asked.url.authority()));
        let res = limit.holds(self.pipeline.run(request), no_answer).await?;
        // Shaping a stream ends with its headers; a limit that holds for streams too goes on inside it.
        let unfinished = || (Phase::Total, events::UNFINISHED.to_owned());
        limit.holds(reply::shape(&asked, res, &settings, started), unfinished).await
    }

    /// What the pool is doing.
    pub fn stats(&self) -> Stats {
        self.transport.stats()
    }
}

/// The defaults by the names of the public options, those of a middleware after its own name: for the
/// documentation's test.
pub fn defaults() -> Value {
    let mut defaults = settings::defaults();
    if let Some(client) = defaults.as_object_mut() {
        client.extend(rooms::defaults());
    }
    defaults
}

/// The limit on a whole call.
#[derive(Clone, Copy)]
struct Limit {
    total: Total,
    started: Instant,
}

impl Limit {
    /// Holds a part of the call to it. A limit that is a mere number knows no stages: its error is of the one
    /// where it struck.
    async fn holds<T>(
        self,
        part: impl Future<Output = Result<T>>,
        stage: impl FnOnce() -> (Phase, String),
    ) -> Result<T> {
        let (Total::UntilStream(after) | Total::Always(after)) = self.total else { return part.await };
        tokio::time::timeout_at(self.started + after, part).await.unwrap_or_else(|_| {
            let (phase, what) = stage();
            Err(match self.total {
                Total::Always(_) => events::unfinished(after),
                _ => Error::timeout(phase, &what, after, "timeout"),
            })
        })
    }
}
