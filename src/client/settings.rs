//! What a client was told, checked: the one place where option names and their defaults live.

use std::{sync::Arc, time::Duration};

use http::HeaderMap;
use serde_json::{Value, json};
use url::Url;

use super::{
    connection::{pool, proxy, tls},
    fields::{Fields, Limit, milliseconds, wrong},
    headers, query,
    rooms::store::store,
    secrets::without_keys,
};
use crate::{
    Error, Result,
    request::{Expect, Options, Redirect, Timeouts},
    transport::{Http2, PoolOptions, TransportOptions},
};

/// Names that JavaScript reads itself, and whether they must be functions.
const JAVASCRIPT: &[(&str, bool)] = &[
    ("transformRequest", true),
    ("transformResponse", true),
    ("validateStatus", true),
    ("signal", false),
    ("sessions", false),
    ("httpAgent", false),
    ("httpsAgent", false),
    ("transport", false),
];

/// A client's options, each valid.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) base: Option<Url>,
    pub(super) allow_absolute_urls: bool,
    pub(super) headers: HeaderMap,
    /// Encoded already.
    pub(super) params: String,
    pub(super) call: CallSettings,
    pub(super) transport: TransportOptions,
}

/// Options that a single call may set for itself.
#[derive(Debug, Clone)]
pub(super) struct CallSettings {
    /// What the transport obeys.
    pub(super) options: Arc<Options>,
    pub(super) total: Total,
    pub(super) shape: Shape,
    /// Whether pings are delivered as events.
    pub(super) pings: bool,
    /// Whether JavaScript judges the status: then every status is an answer.
    pub(super) judge: bool,
}

/// The limit on a whole call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Total {
    Unlimited,
    /// From `timeout: 30000`: an answer that turns out to be a stream is free of it once it has begun.
    UntilStream(Duration),
    /// From `timeout: { total }`: streams too.
    Always(Duration),
}

/// What the caller wants to hold in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// By media type.
    Auto,
    Json,
    Text,
    Buffer,
    /// Bytes as they come.
    Bytes,
    /// Events whose data is JSON.
    Events,
    /// Events whose data is text.
    Sse,
    /// Rows of JSON.
    Rows,
    /// As `fetch` gives it: what was sent, whole where that is at hand.
    Fetch,
    /// The same for middlewares of JavaScript's: a stream of events is events whose data is text.
    FetchSeen,
    /// The message that events add up to.
    Message,
    /// What was sent, for whoever passes it on; a stream is looked at on its way.
    Passed,
}

impl Shape {
    pub(super) fn expect(self) -> Expect {
        match self {
            Self::Auto | Self::Message => Expect::Auto,
            Self::Json | Self::Text | Self::Buffer => Expect::Whole,
            Self::Bytes => Expect::Bytes,
            // What `fetch` answers with is read by the centre itself.
            Self::Fetch | Self::FetchSeen | Self::Passed => Expect::AsSent,
            Self::Events => Expect::Events,
            Self::Sse => Expect::TextEvents,
            Self::Rows => Expect::Rows,
        }
    }
}

const SHAPES: [(&str, Shape); 11] = [
    ("auto", Shape::Auto),
    ("json", Shape::Json),
    ("text", Shape::Text),
    ("buffer", Shape::Buffer),
    ("arraybuffer", Shape::Buffer),
    ("stream", Shape::Bytes),
    ("events", Shape::Events),
    ("sse", Shape::Sse),
    ("event-stream", Shape::Events),
    ("jsonl", Shape::Rows),
    ("message", Shape::Message),
];

/// An event crosses within one text, and V8 takes none of 512 MiB.
const LARGEST_EVENT: u64 = 256 << 20;

impl Default for CallSettings {
    fn default() -> Self {
        let timeouts = Timeouts {
            queue: None,
            connect: Some(Duration::from_secs(10)),
            first_byte: Some(Duration::from_secs(600)),
            first_event: None,
            idle: Some(Duration::from_secs(300)),
            total: None,
        };
        let options = Options {
            timeouts,
            redirect: Redirect::default(),
            max_response_bytes: 128 << 20,
            max_event_bytes: 16 << 20,
            home: None,
            secret_headers: Vec::new(),
            expect: Expect::Auto,
        };
        Self {
            options: Arc::new(options),
            total: Total::Unlimited,
            shape: Shape::Auto,
            pings: false,
            judge: false,
        }
    }
}

/// A limit in milliseconds, where 0 is none.
pub(super) fn ms(limit: Option<Duration>) -> Value {
    limit.map_or(json!(0), |limit| json!(limit.as_millis()))
}

/// The defaults of a client by the names of its options.
pub(super) fn defaults() -> Value {
    let call = CallSettings::default();
    let pool = PoolOptions::default();
    json!({
        "timeout.connect": ms(call.options.timeouts.connect),
        "timeout.firstByte": ms(call.options.timeouts.first_byte),
        "timeout.firstEvent": ms(call.options.timeouts.first_event),
        "timeout.idle": ms(call.options.timeouts.idle),
        "timeout.total": ms(None),
        "pool.keepAlive": pool.keep_alive,
        "pool.maxSockets": pool.max_sockets,
        "pool.maxStreams": pool.max_streams,
        "pool.maxFreeSockets": pool.max_free_sockets,
        "pool.idleTimeout": ms(Some(pool.idle_timeout)),
        "pool.queueLimit": pool.queue_limit,
        "pool.queueTimeout": ms(call.options.timeouts.queue),
        "maxResponseBytes": call.options.max_response_bytes,
        "maxEventBytes": call.options.max_event_bytes,
        "allowAbsoluteUrls": false,
        "pings": call.pings,
        "http2": "auto",
        "redirect": "same-origin",
        "responseType": "auto",
    })
}

impl Settings {
    /// Reads a client's options.
    pub(super) fn read(config: Value) -> Result<Self> {
        let mut fields = Fields::open("", config)?;
        let mut call = CallSettings::default();
        let base = base(&mut fields)?;
        Arc::make_mut(&mut call.options).home = base.as_ref().map(home);
        let mut headers = HeaderMap::new();
        headers::apply(&mut headers, &fields.take("headers").unwrap_or_default())?;
        let params = query::encode(&fields.take("params").unwrap_or_default())?;
        let transport = TransportOptions {
            pool: pool(&mut fields, &mut call)?,
            http2: fields
                .choice("http2", &[("auto", Http2::Auto), ("off", Http2::Off), ("only", Http2::Only)])?
                .unwrap_or_default(),
            proxy: proxy(&mut fields)?,
            tls: tls(&mut fields)?,
            ..TransportOptions::default()
        };
        let allow_absolute_urls = fields.boolean("allowAbsoluteUrls")?.unwrap_or(false);
        // Whoever keeps state reads it again, and shares the connection; here a wrong one is told at once.
        store(&mut fields)?;
        call.read(&mut fields)?;
        for &(name, function) in JAVASCRIPT {
            fields.left_to_javascript(name, function)?;
        }
        fields.finish()?;
        Ok(Self { base, allow_absolute_urls, headers, params, call, transport })
    }
}

impl CallSettings {
    /// Lays the options of one call, or of a client, over these.
    pub(super) fn read(&mut self, fields: &mut Fields) -> Result<()> {
        let mut options = Options::clone(&self.options);
        self.timeout(fields, &mut options.timeouts)?;
        if let Some(redirect) = fields.choice(
            "redirect",
            &[
                ("same-origin", Redirect::SameOrigin),
                ("follow", Redirect::Follow),
                ("error", Redirect::Error),
                ("manual", Redirect::Manual),
            ],
        )? {
            options.redirect = redirect;
        }
        if let Some(bytes) = fields.count("maxResponseBytes", 1)? {
            options.max_response_bytes = bytes;
        }
        if let Some(bytes) = fields.count("maxEventBytes", 1)? {
            if bytes > LARGEST_EVENT {
                return Err(Error::config(format!(
                    "`maxEventBytes` must be at most {LARGEST_EVENT}, got {bytes}"
                )));
            }
            options.max_event_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        }
        if let Some(shape) = fields.choice("responseType", &SHAPES)? {
            self.shape = shape;
        }
        if let Some(seen) = fields.internal("$fetch") {
            self.shape = if seen { Shape::FetchSeen } else { Shape::Fetch };
            self.judge = true;
        }
        options.expect = self.shape.expect();
        if let Some(pings) = fields.boolean("pings")? {
            self.pings = pings;
        }
        if let Some(judge) = fields.internal("$judgeStatus") {
            self.judge = judge;
        }
        self.options = Arc::new(options);
        Ok(())
    }

    /// Whoever asks judges the status, and gets what was sent.
    pub(super) fn pass(&mut self) {
        self.shape = Shape::Passed;
        self.judge = true;
        Arc::make_mut(&mut self.options).expect = self.shape.expect();
    }

    fn timeout(&mut self, fields: &mut Fields, timeouts: &mut Timeouts) -> Result<()> {
        match fields.take("timeout") {
            None => Ok(()),
            Some(Value::Object(stages)) => {
                let mut stages = Fields::open("timeout", Value::Object(stages))?;
                timeouts.connect = stages.limit("connect")?.map_or(timeouts.connect, Limit::duration);
                timeouts.first_byte = stages.limit("firstByte")?.map_or(timeouts.first_byte, Limit::duration);
                timeouts.first_event =
                    stages.limit("firstEvent")?.map_or(timeouts.first_event, Limit::duration);
                timeouts.idle = stages.limit("idle")?.map_or(timeouts.idle, Limit::duration);
                if let Some(total) = stages.limit("total")? {
                    self.total = total.duration().map_or(Total::Unlimited, Total::Always);
                }
                stages.finish()
            }
            Some(value) => {
                let limit = milliseconds(&value).ok_or_else(|| {
                    wrong(
                        "timeout",
                        "a number of milliseconds or { connect, firstByte, firstEvent, idle, total }",
                        &value,
                    )
                })?;
                self.total = limit.duration().map_or(Total::Unlimited, Total::UntilStream);
                // The number holds until the answer begins, so a limit of the stage has nothing to add;
                // it would only be named in the error in place of what the user wrote.
                timeouts.first_byte = None;
                Ok(())
            }
        }
    }
}

/// Nothing but the origin: a query may hold a key.
fn home(base: &Url) -> Url {
    let mut home = base.clone();
    home.set_query(None);
    home.set_fragment(None);
    home
}

fn base(fields: &mut Fields) -> Result<Option<Url>> {
    let given = match (fields.string("baseURL")?, fields.string("baseUrl")?) {
        (None, None) => return Ok(None),
        (Some(url), None) | (None, Some(url)) => url,
        (Some(_), Some(_)) => {
            return Err(Error::config("`baseURL` and `baseUrl` are the same option: give one"));
        }
    };
    // The text may hold a password, so it is not repeated.
    let url = Url::parse(&given).map_err(|cause| {
        Error::config(format!("`baseURL` is not an absolute URL, as https://api.anthropic.com is: {cause}"))
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        let scheme = without_keys(url.scheme());
        return Err(Error::config(format!("`baseURL` must begin with http:// or https://, got {scheme}://")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::config("`baseURL` holds a user name or password: use `headers` instead"));
    }
    Ok(Some(url))
}
