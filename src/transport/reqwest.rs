//! The only file that sends: reqwest clients with everything off that we do ourselves, one for each lane.

use std::{
    cell::Cell,
    error::Error as StdError,
    future::poll_fn,
    pin::pin,
    sync::{Arc, OnceLock, atomic::AtomicU64},
    time::Duration,
};

use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use reqwest::{Client, ClientBuilder};
use tokio::sync::OnceCell;
use url::Url;

use super::{
    body::Pieces,
    connect::{ATTEMPT, Attempt, Hold, Opened, Progress, SystemNames, WatchConnects},
    facts::Facts,
    options::{Http2, TransportOptions},
    proxy::Proxies,
    tls::Trust,
    upload::{self, Fault},
};
use crate::{Error, ErrorKind, Phase, Result, body::Body};

/// How often an idle connection is checked by the operating system.
const TCP_KEEP_ALIVE: Duration = Duration::from_secs(60);
/// What one reader may leave unread before the server has to wait.
const STREAM_WINDOW: u32 = 1 << 20;
/// So much that it never runs out first: a few readers that do not read would stop all others.
const CONNECTION_WINDOW: u32 = 1 << 30;

/// The way to the network.
pub(super) struct Wire {
    options: TransportOptions,
    proxies: Proxies,
    trust: Trust,
    pools: Shard,
    /// What all of `secure` share. Made at the first `https` call: it reads the system's certificates, which
    /// takes its time.
    tls: OnceCell<rustls::ClientConfig>,
    opened: Arc<AtomicU64>,
}

thread_local! {
    static SHARD: Cell<usize> = const { Cell::new(0) };
}

/// Says that this thread runs a runtime of its own: a connection is driven by the runtime that has opened it, and one
/// that is used from another costs each of its pieces a hop between threads. Shards are counted from 0; all threads
/// that say nothing share the first.
pub fn settle(shard: usize) {
    SHARD.set(shard);
}

/// The lanes of one shard.
#[derive(Default)]
struct Shard {
    plain: Lanes,
    /// Apart from `plain` because they need `tls`.
    secure: Lanes,
    next: OnceLock<Box<Shard>>,
}

impl Shard {
    fn own(&self) -> &Self {
        let mut shards = self;
        for _ in 0..SHARD.get() {
            shards = shards.next.get_or_init(Box::default);
        }
        shards
    }
}

/// A client with a pool of its own for each lane, made when the lane is first used: hyper shares one HTTP/2
/// connection per pool and origin. A list, so that none is found by way of a lock.
#[derive(Default)]
struct Lanes {
    client: OnceCell<Client>,
    next: OnceLock<Box<Lanes>>,
}

impl Lanes {
    fn client(&self, lane: usize) -> &OnceCell<Client> {
        let mut lanes = self;
        for _ in 0..lane {
            lanes = lanes.next.get_or_init(Box::default);
        }
        &lanes.client
    }
}

/// One request on one connection.
pub(super) struct Sending<'a> {
    pub method: &'a Method,
    pub url: &'a Url,
    pub headers: &'a HeaderMap,
    pub body: Body,
    pub connect_limit: Option<Duration>,
    /// Until when a connection that is opened for it is not used.
    pub hold: Option<Hold>,
}

/// An answer whose content is still coming.
pub(super) struct Answer<S> {
    pub status: StatusCode,
    pub version: Version,
    pub headers: HeaderMap,
    pub content_length: Option<u64>,
    /// The connection that was opened for it.
    pub opened: Option<Opened>,
    pub pieces: S,
}

/// Why there is no answer.
pub(super) struct Failure {
    pub facts: Facts,
    /// No connection was opened for it.
    pub reused: bool,
    pub source: Box<dyn StdError + Send + Sync>,
    /// The failure of the request's own body, which explains all others.
    pub fault: Option<Error>,
}

impl Wire {
    pub fn new(options: TransportOptions, opened: Arc<AtomicU64>) -> Result<Self> {
        let proxies = Proxies::read(&options.proxy, |name| std::env::var(name).ok())?;
        let trust = Trust::read(&options.tls)?;
        Ok(Self { options, proxies, trust, pools: Shard::default(), tls: OnceCell::new(), opened })
    }

    /// Whether requests to this URL go through a proxy.
    pub fn is_proxied(&self, url: &Url) -> bool {
        self.proxies.serves(url)
    }

    /// The client for a URL on a lane.
    pub async fn client(&self, url: &Url, lane: usize) -> Result<&Client> {
        if url.scheme() == "https" || self.proxies.http_needs_tls() {
            self.pools.own().secure.client(lane).get_or_try_init(|| self.secure_client()).await
        } else {
            // An empty list of roots costs nothing to build.
            let make = || async { built(self.builder()?.tls_certs_only([])) };
            self.pools.own().plain.client(lane).get_or_try_init(make).await
        }
    }

    async fn secure_client(&self) -> Result<Client> {
        let tls = self.tls.get_or_try_init(|| self.read_tls()).await?.clone();
        built(self.builder()?.tls_backend_preconfigured(tls))
    }

    /// Reading the certificates is work for a thread that may block.
    async fn read_tls(&self) -> Result<rustls::ClientConfig> {
        let (trust, http2) = (self.trust.clone(), self.options.http2);
        tokio::task::spawn_blocking(move || trust.config(http2)).await.unwrap_or_else(|err| {
            Err(Error::new(ErrorKind::Internal, Phase::Connect, "TLS could not be set up").with_source(err))
        })
    }

    fn builder(&self) -> Result<ClientBuilder> {
        let TransportOptions { pool, ping, headers, .. } = &self.options;
        let builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .dns_resolver(SystemNames)
            .connector_layer(WatchConnects { opened: Arc::clone(&self.opened) })
            .tcp_nodelay(true)
            .tcp_keepalive(TCP_KEEP_ALIVE)
            .pool_max_idle_per_host(if pool.keeps_sockets() { pool.max_free_sockets } else { 0 })
            .pool_idle_timeout(pool.idle_timeout)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .http2_max_header_list_size(headers.max_bytes)
            .http2_keep_alive_interval(ping.interval)
            .http2_keep_alive_timeout(ping.timeout)
            .http2_keep_alive_while_idle(false);
        let builder = match headers.max_count {
            Some(count) => builder.http1_max_headers(count),
            None => builder,
        };
        self.proxies.equip(match self.options.http2 {
            Http2::Auto => builder,
            Http2::Off => builder.http1_only(),
            Http2::Only => builder.http2_prior_knowledge(),
        })
    }

    /// Moves user and password out of a URL, into the header that they stand for.
    pub async fn take_user(&self, url: &mut Url) -> Result<Option<HeaderValue>> {
        if url.username().is_empty() && url.password().is_none() {
            return Ok(None);
        }
        let unusable = |_| Error::config("the URL holds a user or a password that cannot be used");
        let mut request = self.client(url, 0).await?.get(url.clone()).build().map_err(unusable)?;
        *url = request.url().clone();
        Ok(request.headers_mut().remove(header::AUTHORIZATION))
    }
}

/// Sends a request. `watch` is called when a connection is being opened for it, and when others can share it.
pub(super) async fn send(
    client: &Client,
    sending: Sending<'_>,
    watch: &mut (dyn FnMut(Progress) + Send),
) -> Result<Answer<impl Pieces + use<>>, Failure> {
    let fault = Fault::default();
    let mut request = reqwest::Request::new(sending.method.clone(), sending.url.clone());
    *request.headers_mut() = sending.headers.clone();
    *request.body_mut() = match sending.body {
        Body::Empty | Body::Events(_) => None,
        Body::Full(bytes) => Some(bytes.into()),
        Body::Stream(body) => {
            let announced = sending.headers.get(header::CONTENT_LENGTH);
            let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
            Some(reqwest::Body::wrap_stream(upload::pieces(body, &fault, announced)))
        }
    };
    let attempt = Attempt::new(sending.connect_limit, sending.hold);
    let mut sent = pin!(ATTEMPT.scope(Arc::clone(&attempt), client.execute(request)));
    let mut told = None;
    let answer = poll_fn(|cx| {
        let answer = sent.as_mut().poll(cx);
        // Told after the poll and not by the connector: within that same poll hyper puts an HTTP/2
        // connection where other requests find it.
        let progress = attempt.progress();
        if let Some(progress) = progress
            && told != Some(progress)
        {
            told = Some(progress);
            watch(progress);
        }
        answer
    })
    .await;
    let mut answer = answer.map_err(|err| Failure {
        facts: Facts::of(&err),
        reused: attempt.opened().is_none(),
        source: Box::new(err.without_url()),
        fault: fault.take(),
    })?;
    Ok(Answer {
        status: answer.status(),
        version: answer.version(),
        headers: std::mem::take(answer.headers_mut()),
        content_length: answer.content_length(),
        opened: attempt.opened(),
        pieces: answer.bytes_stream(),
    })
}

fn built(builder: ClientBuilder) -> Result<Client> {
    builder.build().map_err(|err| {
        Error::new(ErrorKind::Internal, Phase::Connect, "a connection could not be set up").with_source(err)
    })
}
