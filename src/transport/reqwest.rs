//! The transport over reqwest: one call, from the request to an answer whose body is still coming.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Client, ClientBuilder};
use tokio::sync::OnceCell;

use super::{
    body::{Deadline, Incoming, Terms},
    connect::{ATTEMPT, Attempt, SystemNames, WatchConnects},
    errors::{self, Facts},
    options::{Http2, TransportOptions},
    proxy::Proxies,
    tls::Trust,
};
use crate::{
    Error, ErrorKind, Phase, Result,
    body::Body,
    pipeline::{BoxFuture, Endpoint},
    request::Request,
    response::{Response, Timing},
};

/// Sends requests over the network.
pub struct Transport {
    options: TransportOptions,
    proxies: Proxies,
    trust: Trust,
    plain: OnceCell<Client>,
    /// Apart from `plain` because its first use reads the system's certificates.
    secure: OnceCell<Client>,
    opened: Arc<AtomicU64>,
    requests: AtomicU64,
}

/// What a transport is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Connections opened so far.
    pub connections_opened: u64,
    /// Requests sent so far.
    pub requests: u64,
}

impl Transport {
    /// A transport; cheap, as certificates of the system are read at the first `https` call.
    pub fn new(options: TransportOptions) -> Result<Self> {
        let proxies = Proxies::read(&options.proxy, |name| std::env::var(name).ok())?;
        let trust = Trust::read(&options.tls)?;
        Ok(Self {
            options,
            proxies,
            trust,
            plain: OnceCell::new(),
            secure: OnceCell::new(),
            opened: Arc::default(),
            requests: AtomicU64::new(0),
        })
    }

    /// What it is doing.
    pub fn stats(&self) -> Stats {
        Stats {
            connections_opened: self.opened.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
        }
    }

    async fn client(&self, scheme: &str) -> Result<&Client> {
        if scheme == "https" || self.proxies.http_needs_tls() {
            self.secure.get_or_try_init(|| async { built(self.trust.equip(self.builder()?)?) }).await
        } else {
            // An empty list of roots costs nothing to build.
            self.plain.get_or_try_init(|| async { built(self.builder()?.tls_certs_only([])) }).await
        }
    }

    /// reqwest with everything off that we do ourselves.
    fn builder(&self) -> Result<ClientBuilder> {
        let pool = &self.options.pool;
        let free = if pool.keep_alive { pool.max_free_sockets } else { 0 };
        let builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .dns_resolver(SystemNames)
            .connector_layer(WatchConnects { opened: Arc::clone(&self.opened) })
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_secs(60))
            .pool_max_idle_per_host(free)
            .pool_idle_timeout(pool.idle_timeout)
            // Per stream what one fast reader needs; the connection holds many such streams.
            .http2_initial_stream_window_size(1 << 20)
            .http2_initial_connection_window_size(8 << 20)
            .http2_max_header_list_size(self.options.headers.max_bytes)
            .http2_keep_alive_interval(Duration::from_secs(30))
            .http2_keep_alive_timeout(Duration::from_secs(20))
            .http2_keep_alive_while_idle(false);
        let builder = match self.options.headers.max_count {
            Some(count) => builder.http1_max_headers(count),
            None => builder,
        };
        let builder = match self.options.http2 {
            Http2::Auto => builder,
            Http2::Off => builder.http1_only(),
            Http2::Only => builder.http2_prior_knowledge(),
        };
        self.proxies.equip(builder)
    }

    async fn send(&self, mut req: Request) -> Result<Response> {
        let started = Instant::now();
        let timeouts = req.options.timeouts;
        let total = timeouts.total.map(|limit| Deadline { at: started + limit, limit });
        let client = self.client(req.url.scheme()).await?;
        let mut out = reqwest::Request::new(req.method.clone(), req.url.clone());
        *out.headers_mut() = std::mem::take(&mut req.headers);
        *out.body_mut() = match std::mem::take(&mut req.body) {
            Body::Empty => None,
            Body::Full(bytes) => Some(bytes.into()),
            Body::Stream(stream) => Some(reqwest::Body::wrap_stream(stream)),
            Body::Events(_) => return Err(Error::config("a request's body cannot be events")),
        };
        self.requests.fetch_add(1, Ordering::Relaxed);
        let attempt = Attempt::new(timeouts.connect);
        let sent = ATTEMPT.scope(Arc::clone(&attempt), client.execute(out));
        let first = timeouts.first_byte.map(|limit| (Instant::now() + limit, Phase::FirstByte, limit));
        let last = total.map(|total| (total.at, Phase::Total, total.limit));
        let answer = match first.into_iter().chain(last).min_by_key(|(at, ..)| *at) {
            None => sent.await,
            Some((at, phase, limit)) => match tokio::time::timeout_at(at.into(), sent).await {
                Ok(answer) => answer,
                Err(_) => return Err(errors::timed_out(phase, limit, &errors::peer(&req.url))),
            },
        };
        let mut answer = answer.map_err(|err| {
            errors::before_answer(&Facts::of(&err), &req.url, self.proxies.serves(&req.url))
                .with_source(err.without_url())
        })?;
        let headers = std::mem::take(answer.headers_mut());
        let (status, version) = (answer.status(), answer.version());
        let terms = Terms {
            url: req.url.clone(),
            idle: timeouts.idle,
            total,
            remaining: answer.content_length(),
            exclusive: version < http::Version::HTTP_2,
            place: (),
        };
        let timing = Timing {
            queued: Duration::ZERO,
            connect: attempt.opened().map(|opened| opened.took),
            first_byte: Some(started.elapsed()),
        };
        let body = Body::Stream(Box::pin(Incoming::new(answer.bytes_stream(), terms)));
        Ok(Response { status, version, headers, body, url: req.url, timing, attempts: req.attempt })
    }
}

impl Endpoint for Transport {
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(self.send(req))
    }
}

fn built(builder: ClientBuilder) -> Result<Client> {
    builder.build().map_err(|err| {
        Error::new(ErrorKind::Tls, Phase::Connect, format!("the HTTP client could not be set up: {err}"))
            .with_source(err)
    })
}
