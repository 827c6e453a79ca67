//! Makes the reqwest clients: one for `http`, ready at once, and one for `https` on its first use.
//!
//! Reading the system's authorities takes tens of milliseconds, so a client that speaks only plain HTTP
//! never does it.

use std::{
    sync::{Arc, OnceLock, atomic::AtomicU64},
    time::Duration,
};

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Certificate, Client, ClientBuilder, Identity, NoProxy, Proxy, tls};
use url::Url;

use super::{
    connect::{SystemNames, WatchConnects},
    options::{Http2, ProxyOptions, TlsOptions, TlsVersion, TransportOptions},
};
use crate::{Error, ErrorKind, Phase, Result};

const TCP_KEEP_ALIVE: Duration = Duration::from_secs(60);
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_WAIT: Duration = Duration::from_secs(20);
/// One slow reader may hold back this much of its stream; all of them together four times as much.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// The two clients and what both are made of.
pub(super) struct Clients {
    options: TransportOptions,
    opened: Arc<AtomicU64>,
    plain: Client,
    secure: OnceLock<std::result::Result<Client, String>>,
}

impl Clients {
    /// Checks every option; what cannot be used is refused here and not at the first call.
    pub fn new(options: TransportOptions, opened: Arc<AtomicU64>) -> Result<Self> {
        trust(&options.tls)?;
        identity(&options.tls)?;
        proxy(&options.proxy)?;
        let plain = base(&options, &opened)?.tls_certs_only([]).build();
        let plain = plain.map_err(|cause| internal("the HTTP client could not be made", cause))?;
        Ok(Self { options, opened, plain, secure: OnceLock::new() })
    }

    /// The client for this URL's scheme.
    pub fn of(&self, url: &Url) -> Result<&Client> {
        if url.scheme() == "http" {
            return Ok(&self.plain);
        }
        let made = self.secure.get_or_init(|| self.secure().map_err(|error| error.message().to_owned()));
        made.as_ref().map_err(|message| Error::config(message.clone()))
    }

    fn secure(&self) -> Result<Client> {
        let tls = &self.options.tls;
        let mut certificates = trust(tls)?;
        if let Some(path) = &tls.extra_ca_file {
            let pem = std::fs::read(path).map_err(|cause| {
                Error::config(format!("NODE_EXTRA_CA_CERTS names {}, which can't be read: {cause}", path.display()))
            })?;
            certificates.extend(bundle("NODE_EXTRA_CA_CERTS", &pem)?);
        }
        let mut builder = base(&self.options, &self.opened)?.tls_certs_merge(certificates);
        if let Some(identity) = identity(tls)? {
            builder = builder.identity(identity);
        }
        builder = match tls.min_version {
            None => builder,
            Some(TlsVersion::Tls12) => builder.tls_version_min(tls::Version::TLS_1_2),
            Some(TlsVersion::Tls13) => builder.tls_version_min(tls::Version::TLS_1_3),
        };
        builder.build().map_err(|cause| internal("the TLS client could not be made", cause))
    }

    /// Whether requests to this URL go through a proxy; asked only to explain a failure.
    pub fn is_proxied(&self, url: &Url) -> bool {
        let matcher = match &self.options.proxy {
            ProxyOptions::Off => return false,
            ProxyOptions::Env => Matcher::from_env(),
            ProxyOptions::Url { url, no_proxy } => {
                Matcher::builder().all(url.clone()).no(no_proxy.join(",")).build()
            }
        };
        url.as_str().parse().is_ok_and(|uri| matcher.intercept(&uri).is_some())
    }

    pub fn http2(&self) -> Http2 {
        self.options.http2
    }
}

/// Everything but TLS. Redirects, retries, limits and decompression are ours, so reqwest does none.
fn base(options: &TransportOptions, opened: &Arc<AtomicU64>) -> Result<ClientBuilder> {
    let pool = &options.pool;
    let mut builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .tcp_nodelay(true)
        .tcp_keepalive(TCP_KEEP_ALIVE)
        .pool_idle_timeout(pool.idle_timeout)
        .pool_max_idle_per_host(if pool.keep_alive { pool.max_free_sockets } else { 0 })
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(PING_EVERY)
        .http2_keep_alive_timeout(PING_WAIT)
        .http2_max_header_list_size(options.headers.max_bytes)
        .dns_resolver(SystemNames)
        .connector_layer(WatchConnects { opened: Arc::clone(opened) });
    if let Some(most) = options.headers.max_count {
        builder = builder.http1_max_headers(most);
    }
    builder = match options.http2 {
        Http2::Auto => builder,
        Http2::Off => builder.http1_only(),
        Http2::Only => builder.http2_prior_knowledge(),
    };
    Ok(match (&options.proxy, proxy(&options.proxy)?) {
        (_, Some(proxy)) => builder.no_proxy().proxy(proxy),
        (ProxyOptions::Env, None) => builder,
        (_, None) => builder.no_proxy(),
    })
}

fn proxy(options: &ProxyOptions) -> Result<Option<Proxy>> {
    let ProxyOptions::Url { url, no_proxy } = options else { return Ok(None) };
    // The URL may hold a password, so neither it nor the cause is repeated.
    let refuse = || Error::config("proxy must be an URL that begins with http://, https://, socks5:// or socks5h://");
    let parsed = Url::parse(url).map_err(|_| refuse())?;
    if !matches!(parsed.scheme(), "http" | "https" | "socks5" | "socks5h") || !parsed.has_host() {
        return Err(refuse());
    }
    let proxy = Proxy::all(parsed).map_err(|_| refuse())?;
    Ok(Some(proxy.no_proxy(NoProxy::from_string(&no_proxy.join(",")))))
}

fn trust(tls: &TlsOptions) -> Result<Vec<Certificate>> {
    let mut certificates = Vec::new();
    for pem in &tls.ca {
        certificates.extend(bundle("tls.ca", pem)?);
    }
    Ok(certificates)
}

fn bundle(option: &str, pem: &[u8]) -> Result<Vec<Certificate>> {
    match Certificate::from_pem_bundle(pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Error::config(format!("{option} holds no PEM certificate (-----BEGIN CERTIFICATE-----)"))),
    }
}

fn identity(tls: &TlsOptions) -> Result<Option<Identity>> {
    match (&tls.cert, &tls.key) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(Error::config("tls.cert needs tls.key, the private key of that certificate")),
        (None, Some(_)) => Err(Error::config("tls.key needs tls.cert, the certificate of that key")),
        (Some(cert), Some(key)) => {
            let pem = [cert.as_slice(), b"\n", key].concat();
            let identity = Identity::from_pem(&pem);
            identity.map(Some).map_err(|_| Error::config("tls.cert and tls.key are no PEM certificate and private key"))
        }
    }
}

fn internal(message: &str, cause: reqwest::Error) -> Error {
    Error::new(ErrorKind::Config, Phase::Prepare, message).with_source(cause.without_url())
}
