//! Options, validated and wired into one pipeline: the only room that knows all the others.
//!
//! - [`settings`]: option names, checks, defaults · [`connection`]: those of sockets, proxy and TLS
//! - [`fields`]: how they are read out of JSON
//! - [`call`]: a call becomes a request · [`query`] and [`headers`]: its parts
//! - [`wire`]: transport, events and statuses at the centre of the onion
//! - [`fetched`]: answers as `fetch` gives them
//! - [`view`]: what a layer written elsewhere needs of a call
//! - [`limit`]: the limit on a whole call
//! - [`reply`]: an answer takes the shape asked for · [`events`]: a stream of them as it is read · [`message`]: what
//!   they add up to
//! - [`warmup`]: connections ready before the first call
//! - [`rooms`]: the native middlewares, by name and options · [`figures`]: what those called `metrics` tell
//! - [`secrets`]: what an answer may not repeat · [`tape`]: calls written down, to be played again

mod call;
mod connection;
mod events;
mod fetched;
pub(crate) mod fields;
mod figures;
mod headers;
mod limit;
mod message;
mod query;
mod reply;
mod rooms;
mod secrets;
mod settings;
mod tape;
mod view;
mod warmup;
mod wire;

use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

pub use self::{
    call::Call,
    events::EventReader,
    message::MessageSoFar,
    reply::{Asked, Content, Head, Look, Reply, origin},
    rooms::{Functions, Native, Questions, auth, jwt, middleware, native},
    secrets::without_keys,
    tape::{Tape, shown},
    view::{Changes, View},
    warmup::Warmed,
    wire::refusal,
};
use self::{
    fetched::Fetched,
    limit::Limit,
    settings::{Settings, Shape},
    tape::Taping,
    wire::Wire,
};
use crate::{
    Error, Phase, Result,
    identity::Identity,
    middleware::{fallback::Fallback, key_pool::KeyPool, redact::Redact},
    pipeline::{Endpoint, Middleware, Pipeline},
    redact::Rules,
    request::AnyStatus,
    transport::{Stats, Transport},
};
pub use crate::{
    claude::{Delta, DeltaKind, Prices, Usage, fits},
    credential::{Ask, Provider, Reason, Token},
    middleware::{
        auth::Auth,
        jwt::Jwt,
        logger::{Sink, lines_lost, stderr::Stderr},
        retry::{Judge, OnRetry},
    },
    partition::KeyOf,
    session::{Session, SessionOptions},
    store::Entries,
    transport::{Arrived, Ending, Fault, Outcome, Peer, Scene, Staged, VirtualTime, Warmth, settle},
};

/// How many layers a pipeline may have: each lies on the stack of the others.
pub const MOST_LAYERS: usize = 256;

/// Where the calls of a client go.
#[derive(Clone, Default)]
pub enum Way {
    /// To the network.
    #[default]
    Network,
    /// To this, in place of it.
    Script(Arc<dyn Endpoint>),
    /// To the network, and are written down.
    Tape(Arc<dyn Tape>),
}

/// A client: one set of options, one pipeline, one pool.
pub struct Client {
    settings: Arc<Settings>,
    transport: Arc<Transport>,
    way: Way,
    pipeline: Pipeline,
    /// What is never shown of its calls.
    rules: Arc<Rules>,
    /// Who asks, as far as its layers decide that.
    identity: Option<Identity>,
}

impl Client {
    /// A client with a pool of its own. The options are those of `createClient`, as JSON.
    pub fn new(config: Value) -> Result<Self> {
        let settings = Settings::read(config)?;
        let transport = Arc::new(Transport::new(settings.transport.clone())?);
        Ok(Self::wire(Arc::new(settings), transport, Way::Network, Vec::new()))
    }

    /// A client whose calls go another way.
    pub fn by(way: Way, config: Value) -> Result<Self> {
        let settings = Settings::read(config)?;
        let transport = Arc::new(Transport::new(settings.transport.clone())?);
        Ok(Self::wire(Arc::new(settings), transport, way, Vec::new()))
    }

    /// A client with other options; it shares the pool unless those of the pool differ.
    pub fn extend(&self, config: Value) -> Result<Self> {
        let settings = Settings::read(config)?;
        let transport = if settings.transport == self.settings.transport {
            Arc::clone(&self.transport)
        } else {
            Arc::new(Transport::new(settings.transport.clone())?)
        };
        Ok(Self::wire(Arc::new(settings), transport, self.way.clone(), Vec::new()))
    }

    /// The same client with these layers around its calls, the first outermost.
    pub fn layered(&self, layers: Vec<Arc<dyn Middleware>>) -> Result<Self> {
        if layers.len() > MOST_LAYERS {
            return Err(Error::config(format!(
                "{} native middlewares, or groups between them, are more than {MOST_LAYERS}: is one added with each call?",
                layers.len()
            )));
        }
        let (settings, transport) = (Arc::clone(&self.settings), Arc::clone(&self.transport));
        Ok(Self::wire(settings, transport, self.way.clone(), layers))
    }

    fn wire(
        settings: Arc<Settings>,
        transport: Arc<Transport>,
        way: Way,
        layers: Vec<Arc<dyn Middleware>>,
    ) -> Self {
        let network = Arc::clone(&transport) as Arc<dyn Endpoint>;
        let endpoint = Wire {
            transport: match &way {
                Way::Network => network,
                Way::Script(script) => Arc::clone(script),
                Way::Tape(tape) => Arc::new(Taping::new(network, Arc::clone(tape))),
            },
        };
        let pipeline = Pipeline::new(layers, Arc::new(endpoint));
        let rules = Arc::new(Rules::all(pipeline.layers::<Redact>().map(|layer| &layer.rules)));
        let identity = identity(&pipeline);
        Self { settings, transport, way, pipeline, rules, identity }
    }

    /// Makes a call. Dropping the future, or the stream in its answer, cancels it.
    pub async fn execute(&self, call: Call) -> Result<Reply> {
        let started = Instant::now();
        let (mut request, settings) = call::prepare(&self.settings, call)?;
        if settings.judge {
            request.extensions.insert(AnyStatus);
        }
        match settings.shape {
            Shape::Fetch | Shape::FetchSeen => {
                let seen = settings.shape == Shape::FetchSeen || self.has_layers();
                request.extensions.insert(Fetched::by(&settings.options, seen));
            }
            Shape::Passed => {
                // The last event of a turn waits until it is kept: the bytes that it came in would not.
                let raw = request.extensions.get::<Session>().is_none();
                request.extensions.insert(Fetched::passed(&settings.options, raw));
            }
            _ => {}
        }
        let asked = Asked::of(&request);
        let mut limit = Limit::new(settings.total, started, request.attempt);
        if self.has_layers() {
            let (call, view) = (settings.clone(), Arc::clone(&self.settings));
            request.extensions.insert(View { settings: view, call, started });
            request.extensions.insert(Arc::clone(&self.rules));
            if let Some(identity) = self.identity {
                request.extensions.insert(identity);
            }
            limit.mark(&mut request.extensions);
        }
        let no_answer = || (Phase::FirstByte, format!("no answer from {}", asked.url.authority()));
        let res = limit.holds(self.pipeline.run(request), no_answer).await?;
        // Shaping a stream ends with its headers; a limit that holds for streams too goes on inside it.
        let unfinished = || (Phase::Total, events::UNFINISHED.to_owned());
        let reply = limit.holds(reply::shape(&asked, res, &settings, started), unfinished).await?;
        if settings.shape == Shape::Message {
            // Apart, so that every other call's future stays small: it may be moved once it has begun.
            Box::pin(reply.whole_message()).await
        } else {
            Ok(reply)
        }
    }

    /// Whether there are layers around its calls.
    pub fn has_layers(&self) -> bool {
        !self.pipeline.is_bare()
    }

    /// Whether a call is worth a try on the thread that makes it: see [`crate::pipeline::at_once`].
    pub fn answers_at_once(&self) -> bool {
        self.pipeline.answers_at_once()
    }

    /// Whether an answer with [`Reuse`](crate::reuse::Reuse) may be given again by whoever has asked.
    pub fn permits_reuse(&self) -> bool {
        self.pipeline.begins_at_once()
    }

    /// The error that an answer with this status stands for, to a call with these headers.
    pub fn describe(
        &self,
        status: http::StatusCode,
        headers: &http::HeaderMap,
        body: bytes::Bytes,
        sent: &Value,
    ) -> Error {
        wire::describe(status, headers, body, sent, &self.rules)
    }

    /// What the layers called `metrics` have counted, and what the pool is doing, as `prometheus`, `openmetrics`
    /// or `json`.
    pub fn metrics(&self, format: &str) -> Result<String> {
        figures::tell(&self.pipeline, &self.transport.stats(), figures::format(format)?)
    }

    /// What the pool is doing.
    pub fn stats(&self) -> Stats {
        self.transport.stats()
    }
}

/// Who asks, as far as layers put credentials on.
fn identity(pipeline: &Pipeline) -> Option<Identity> {
    let keys = pipeline.layers::<Auth>().map(Auth::identity);
    let keys = keys.chain(pipeline.layers::<KeyPool>().map(KeyPool::identity));
    let keys = keys.chain(pipeline.layers::<Fallback>().map(Fallback::identity));
    let all: Vec<Identity> = keys.chain(pipeline.layers::<Jwt>().map(Jwt::identity)).collect();
    (!all.is_empty()).then(|| Identity::of(all.iter().map(|identity| identity.bytes().as_slice())))
}

/// The session that these options name, as the `id` and what else `client.session()` takes.
pub fn session(options: Value) -> Result<Session> {
    rooms::session::for_call(options)
}

/// The headers of an answer as JavaScript writes them; what is none is left out.
pub fn answer_headers(given: &Value) -> http::HeaderMap {
    let mut headers = http::HeaderMap::new();
    for (name, value) in given.as_object().into_iter().flatten() {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for text in values.iter().filter_map(Value::as_str) {
            let bytes: Vec<u8> = text.chars().filter_map(|c| u8::try_from(u32::from(c)).ok()).collect();
            let value = http::HeaderValue::from_bytes(&bytes);
            if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value) {
                let _full = headers.try_append(name, value);
            }
        }
    }
    headers
}

/// The defaults by the names of the public options, those of a middleware after its own name: for the
/// documentation's test.
pub fn defaults() -> Value {
    let mut defaults = settings::defaults();
    if let Some(client) = defaults.as_object_mut() {
        client.extend(rooms::defaults());
        client.extend(warmup::defaults());
    }
    defaults
}
