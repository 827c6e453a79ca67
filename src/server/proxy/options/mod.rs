//! What a proxy was told, checked. Middlewares have the names and the options that they have everywhere; what is the
//! proxy's own is read here.
//!
//! - `sources`: where they come from · `file`: TOML and JSON, each name with its line · `names`: those that one text
//!   can give · `layers`: which middlewares, in which order
//! - `callers`: who may ask · `limits`: what a connection may take · `secret`: keys that stand elsewhere

mod callers;
mod file;
mod layers;
mod limits;
mod names;
mod secret;
mod sources;

use std::path::PathBuf;

use serde_json::{Map, Value, json};

pub use self::sources::Sources;
pub(super) use self::{
    callers::CallerOptions,
    layers::Layer,
    limits::{Limits, UPLOAD},
    names::outward,
};
use crate::{
    Error, Result,
    client::{
        SessionOptions,
        fields::{Fields, wrong},
    },
};

/// Where a proxy listens unless it is told otherwise: on this machine alone.
const LISTEN: &str = "127.0.0.1:8787";

/// The API that it stands before.
const UPSTREAM: &str = "https://api.anthropic.com";

/// Connections to the API at once.
const SOCKETS: usize = 10_000;

/// Options of a proxy, each valid.
pub(super) struct Options {
    pub listen: Vec<Listen>,
    /// Whether anybody has said so.
    pub names_listen: bool,
    pub tls: Option<Tls>,
    /// Whether whoever reaches it may ask, beyond this machine too.
    pub allow_anonymous: bool,
    /// Names by which browsers may call it besides those that can't be another's.
    pub hosts: Vec<String>,
    pub upstream: Upstream,
    /// The outermost first.
    pub layers: Vec<Layer>,
    pub sessions: Option<SessionOptions>,
    pub callers: Vec<CallerOptions>,
    pub limits: Limits,
    pub page: Page,
}

/// One place to listen at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Listen {
    /// Host and port.
    Address(String),
    /// A socket in the file system.
    Unix(PathBuf),
    /// Whatever systemd has opened.
    Systemd,
}

/// A certificate and its key, as PEM files: they are read again with the options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tls {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// The API behind it.
pub(super) struct Upstream {
    /// Options of a client.
    pub client: Value,
    /// Whether a key of the proxy's own goes to it in place of the callers'.
    pub keeps_key: bool,
}

/// The page, and what it shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// Whether it, and what it shows, is there.
    pub is_served: bool,
    /// The folder it stands in; without, only what it would show is there.
    pub folder: Option<PathBuf>,
    /// Whether what was asked and answered is kept to be shown.
    pub bodies: bool,
}

/// The defaults by the names of the options: for the documentation's test.
pub(super) fn defaults() -> Value {
    let mut defaults = limits::defaults();
    if let Some(defaults) = defaults.as_object_mut() {
        let own =
            json!({ "listen": LISTEN, "upstream.url": UPSTREAM, "allowAnonymous": false, "page": true });
        defaults.extend(own.as_object().cloned().unwrap_or_default());
    }
    defaults
}

impl Options {
    /// Reads options as JSON.
    pub(super) fn read(given: Value) -> Result<Self> {
        let mut fields = Fields::open("", given)?;
        let folder = fields.internal_value("$page").and_then(|folder| folder.as_str().map(PathBuf::from));
        let store = fields.take("store");
        let (upstream, keys) = upstream(&mut fields)?;
        let (sessions, session_layer) = sessions(&mut fields, store.as_ref())?;
        let page = page(&mut fields, folder)?;
        let prices = fields.take("prices");
        let journal = page.is_served.then(|| journal(&page, prices.as_ref()));
        let layers = layers::read(
            &mut fields,
            layers::Made { auth: keys, session: session_layer, journal },
            store.as_ref(),
        )?;
        let places = listen(&mut fields)?;
        let options = Self {
            names_listen: places.is_some(),
            listen: match places {
                Some(places) => places,
                None => vec![Listen::read(LISTEN)?],
            },
            tls: tls(&mut fields)?,
            allow_anonymous: fields.boolean("allowAnonymous")?.unwrap_or(false),
            hosts: fields.strings("hosts")?.unwrap_or_default(),
            upstream: Upstream { keeps_key: layers.keeps_key, client: upstream },
            layers: layers.list,
            sessions,
            callers: callers::read(&mut fields, store.as_ref(), prices.as_ref())?,
            limits: limits::read(&mut fields)?,
            page,
        };
        fields.finish()?;
        options.check()?;
        Ok(options)
    }

    /// Without callers it would spend the key of its owner for whoever reaches it.
    pub(super) fn check(&self) -> Result<()> {
        let open = self.callers.is_empty() && !self.allow_anonymous;
        match self.listen.iter().find(|listen| open && !listen.is_of_this_machine()) {
            None => Ok(()),
            Some(listen) => Err(Error::config(format!(
                "`listen` is {listen}, which others reach, and there are no `callers`: whoever comes could ask at your \
                 cost. Name callers, listen at 127.0.0.1, or set `allowAnonymous`"
            ))
            .about("listen")),
        }
    }
}

impl Listen {
    fn read(text: &str) -> Result<Self> {
        if text == "systemd" {
            return Ok(Self::Systemd);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(path.into()));
        }
        let port =
            text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(_)) => Ok(Self::Address(text.to_owned())),
            _ => Err(Error::config(
                "`listen` must be host:port, unix:/path or systemd, as '127.0.0.1:8787' is",
            )
            .about("listen")),
        }
    }

    /// Whether only this machine reaches it. What systemd has opened is its administrator's decision.
    fn is_of_this_machine(&self) -> bool {
        let Self::Address(text) = self else { return true };
        let host = text.rsplit_once(':').map_or(text.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(text) => f.write_str(text),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd => f.write_str("systemd"),
        }
    }
}

fn listen(fields: &mut Fields) -> Result<Option<Vec<Listen>>> {
    let Some(given) = fields.strings("listen")? else { return Ok(None) };
    if given.is_empty() {
        return Err(Error::config("`listen` names no place to listen at").about("listen"));
    }
    given.iter().map(|text| Listen::read(text)).collect::<Result<_>>().map(Some)
}

fn tls(fields: &mut Fields) -> Result<Option<Tls>> {
    let Some(given) = fields.take("tls") else { return Ok(None) };
    let mut tls = Fields::open("tls", given)?;
    let (cert, key) = (tls.string("cert")?, tls.string("key")?);
    tls.finish()?;
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some(Tls { cert: cert.into(), key: key.into() })),
        _ => {
            Err(Error::config("`tls` needs `tls.cert` and `tls.key`, the paths of two PEM files")
                .about("tls"))
        }
    }
}

/// The options of its client, and what its calls are sent with.
fn upstream(fields: &mut Fields) -> Result<(Value, Option<Value>)> {
    let mut client = match fields.take("upstream") {
        None => Map::new(),
        Some(Value::String(url)) => Map::from_iter([("url".to_owned(), url.into())]),
        Some(Value::Object(given)) => given,
        Some(other) => return Err(wrong("upstream", "an URL, or { url, key, … }", &other)),
    };
    let url = client.remove("url").unwrap_or_else(|| json!(UPSTREAM));
    if client.contains_key("baseURL") || client.contains_key("baseUrl") {
        return Err(
            Error::config("`upstream.baseURL` is called `upstream.url` here").about("upstream.baseURL")
        );
    }
    if url.as_str().is_some_and(|url| url.trim_end_matches('/').ends_with("/v1")) {
        let words = "ends in /v1, with which the path of each request begins: leave it out";
        return Err(Error::config(format!("`upstream.url` {words}")).about("upstream.url"));
    }
    let key = client.remove("key").filter(|key| !key.is_null());
    let scheme = client.remove("scheme").filter(|scheme| !scheme.is_null());
    let auth = key.map(|key| secret::read("upstream.key", &key)).transpose()?;
    let auth = auth.map(|key| match scheme {
        Some(scheme) => json!({ "value": key, "scheme": scheme }),
        None => json!({ "value": key }),
    });
    client.insert("baseURL".to_owned(), url);
    // A stream holds a connection for as long as it lasts, and callers are limited elsewhere.
    let pool = client.entry("pool").or_insert_with(|| json!({}));
    if let Some(pool) = pool.as_object_mut() {
        pool.entry("maxSockets").or_insert_with(|| json!(SOCKETS));
    }
    Ok((Value::Object(client), auth))
}

/// How turns are kept, and the options of the layer that keeps them.
fn sessions(fields: &mut Fields, store: Option<&Value>) -> Result<(Option<SessionOptions>, Option<Value>)> {
    let given = match fields.take("sessions") {
        Some(Value::Bool(false)) => return Ok((None, None)),
        Some(Value::Bool(true)) | None => Map::new(),
        Some(Value::Object(given)) => given,
        Some(other) => return Err(wrong("sessions", "{ ttl, window, … } or false", &other)),
    };
    let (mut keep, mut each) = (Map::new(), Map::from_iter([("id".to_owned(), json!("any"))]));
    for (name, value) in given {
        let keeps = matches!(name.as_str(), "maxSessions" | "maxBytes" | "store");
        if keeps { &mut keep } else { &mut each }.insert(name, value);
    }
    if let Some(store) = store {
        keep.entry("store").or_insert_with(|| store.clone());
    }
    let session = crate::client::session(Value::Object(each)).map_err(|error| outward("sessions", &error))?;
    Ok((Some(session.options), Some(Value::Object(keep))))
}

/// What the page shows of calls.
fn journal(page: &Page, prices: Option<&Value>) -> Value {
    let mut options = Map::from_iter([("bodies".to_owned(), page.bodies.into())]);
    options.extend(prices.map(|prices| ("prices".to_owned(), prices.clone())));
    Value::Object(options)
}

fn page(fields: &mut Fields, folder: Option<PathBuf>) -> Result<Page> {
    match fields.take("page") {
        Some(Value::Bool(false)) => Ok(Page::default()),
        None | Some(Value::Bool(true)) => Ok(Page { is_served: true, folder, bodies: false }),
        Some(given @ Value::Object(_)) => {
            let mut page = Fields::open("page", given)?;
            let bodies = page.boolean("bodies")?.unwrap_or(false);
            page.finish()?;
            Ok(Page { is_served: true, folder, bodies })
        }
        Some(other) => Err(wrong("page", "true, false or { bodies }", &other)),
    }
}
