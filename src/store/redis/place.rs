//! Where Redis is: one server, the master that Sentinels name, or a cluster. Options become what connects.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    ProtocolVersion, RedisResult, TlsCertificates, TlsMode, Value,
    aio::MultiplexedConnection,
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    sentinel::{SentinelClientBuilder, SentinelServerType},
};

use super::options::{RedisOptions, RedisTls, SentinelOptions};
use crate::{Error, Result};

/// Between two tries of a command that a cluster cannot serve at the moment.
const CLUSTER_WAIT: (u64, u64) = (20, 200);

/// What connects.
pub(super) struct Place {
    kind: Kind,
    connect_timeout: Duration,
    /// How it is called in errors.
    name: String,
}

enum Kind {
    One(Box<Client>),
    Sentinel { nodes: Vec<ConnectionInfo>, sentinel: SentinelOptions, tls: Option<TlsCertificates> },
    Cluster(Box<ClusterClient>),
}

/// An open connection; a copy shares it.
#[derive(Clone)]
pub(super) enum Conn {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Conn {
    pub(super) async fn run(&mut self, cmd: &Cmd) -> RedisResult<Value> {
        match self {
            Self::One(conn) => cmd.query_async(conn).await,
            Self::Cluster(conn) => cmd.query_async(conn).await,
        }
    }

    /// How many failures in a row it takes to give it up. A cluster mends the connections to its nodes itself.
    pub(super) fn patience(&self) -> u32 {
        match self {
            Self::One(_) => 1,
            Self::Cluster(_) => 5,
        }
    }
}

impl Place {
    /// Reads the options; an error names the one that cannot be used, and repeats no URL.
    pub(super) fn of(options: &RedisOptions) -> Result<Self> {
        let nodes = options.urls.iter().map(|url| node(url)).collect::<Result<Vec<_>>>()?;
        let Some(first) = nodes.first() else { return Err(Error::config("`store.url` is missing")) };
        let several = nodes.len() > 1;
        let tls = certificates(&options.tls, first)?;
        let (name, kind) = match &options.sentinel {
            Some(_) if options.cluster => {
                return Err(Error::config("`store.sentinel` and `store.cluster` exclude each other"));
            }
            Some(sentinel) => {
                let name = format!("the master `{}` of the Sentinels at {}", sentinel.name, first.addr());
                (name, Kind::Sentinel { nodes: nodes.clone(), sentinel: sentinel.clone(), tls })
            }
            None if several || options.cluster => {
                let name = format!("the Redis cluster at {}", first.addr());
                (name, Kind::Cluster(Box::new(cluster(&nodes, tls, options)?)))
            }
            None => (format!("Redis at {}", first.addr()), Kind::One(Box::new(one(first, tls.as_ref())?))),
        };
        let place = Self { kind, connect_timeout: options.connect_timeout, name };
        if let Kind::Sentinel { nodes, sentinel, tls } = &place.kind {
            Self::sentinels(nodes, sentinel, tls.as_ref()).map_err(|_| unusable())?;
        }
        Ok(place)
    }

    /// How it is called in errors: no user, no password.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How long connecting may take, with all the servers that may have to be asked.
    pub(super) fn patience(&self) -> Duration {
        match &self.kind {
            Kind::One(_) => self.connect_timeout,
            Kind::Sentinel { .. } | Kind::Cluster(_) => self.connect_timeout.saturating_mul(2),
        }
    }

    pub(super) async fn open(&self) -> RedisResult<Conn> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(None);
        match &self.kind {
            Kind::One(client) => {
                client.get_multiplexed_async_connection_with_config(&config).await.map(Conn::One)
            }
            Kind::Sentinel { nodes, sentinel, tls } => {
                let mut sentinels = Self::sentinels(nodes, sentinel, tls.as_ref())?.build()?;
                sentinels.get_async_connection_with_config(&config).await.map(Conn::One)
            }
            Kind::Cluster(client) => client.get_async_connection().await.map(Conn::Cluster),
        }
    }

    fn sentinels(
        nodes: &[ConnectionInfo],
        sentinel: &SentinelOptions,
        tls: Option<&TlsCertificates>,
    ) -> RedisResult<SentinelClientBuilder> {
        let addresses = nodes.iter().map(|node| node.addr().clone());
        let mut builder = SentinelClientBuilder::new(addresses, &sentinel.name, SentinelServerType::Master)?;
        if let Some(username) = &sentinel.username {
            builder = builder.set_client_to_sentinel_username(username);
        }
        if let Some(password) = &sentinel.password {
            builder = builder.set_client_to_sentinel_password(password);
        }
        let Some(first) = nodes.first() else { return Ok(builder) };
        let master = first.redis_settings();
        builder = builder.set_client_to_redis_db(master.db());
        if let Some(username) = master.username() {
            builder = builder.set_client_to_redis_username(username);
        }
        if let Some(password) = master.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if is_tls(first) {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
            if let Some(tls) = tls {
                builder = builder
                    .set_client_to_redis_certificates(tls.clone())
                    .set_client_to_sentinel_certificates(tls.clone());
            }
        }
        Ok(builder)
    }
}

fn one(node: &ConnectionInfo, tls: Option<&TlsCertificates>) -> Result<Client> {
    match tls {
        Some(tls) => Client::build_with_tls(node.clone(), tls.clone()),
        None => Client::open(node.clone()),
    }
    .map_err(|_| unusable())
}

fn cluster(
    nodes: &[ConnectionInfo],
    tls: Option<TlsCertificates>,
    options: &RedisOptions,
) -> Result<ClusterClient> {
    let (least, most) = CLUSTER_WAIT;
    let mut builder = ClusterClient::builder(nodes.to_vec())
        .connection_timeout(options.connect_timeout)
        .response_timeout(options.timeout)
        // Ours ends before; nobody waits for what goes on after it.
        .overall_response_timeout(Some(options.timeout.saturating_mul(2)))
        .min_retry_wait(least)
        .max_retry_wait(most);
    if let Some(tls) = tls {
        builder = builder.certs(tls);
    }
    builder.build().map_err(|_| {
        Error::config("`store.url` holds nodes that cannot be of one cluster: all need the same user, password, database and scheme, and none is a socket")
    })
}

/// One server by its URL.
fn node(url: &str) -> Result<ConnectionInfo> {
    let parsed = redis::parse_redis_url(url)
        .ok_or_else(|| Error::config("`store.url` must begin with redis://, rediss:// (TLS) or unix://"))?;
    let is_socket = parsed.scheme().ends_with("unix");
    // redis-rs would skip what it does not know, and `#insecure` would trust anybody.
    if parsed.fragment().is_some() || (parsed.query().is_some() && !is_socket) {
        return Err(Error::config("`store.url` holds a query or a fragment: use the options of `store`"));
    }
    let node = parsed.into_connection_info().map_err(|_| unusable())?;
    if !node.addr().is_supported() {
        return Err(Error::config("`store.url` is a socket of a kind that this system does not have"));
    }
    let settings = node.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
    Ok(node.set_redis_settings(settings))
}

fn certificates(tls: &RedisTls, first: &ConnectionInfo) -> Result<Option<TlsCertificates>> {
    let RedisTls { ca, cert, key } = tls;
    let client_tls = match (cert, key) {
        (None, None) => None,
        (Some(_), None) => return Err(Error::config("`store.tls.cert` needs `store.tls.key`")),
        (None, Some(_)) => return Err(Error::config("`store.tls.key` needs `store.tls.cert`")),
        (Some(cert), Some(key)) => {
            Some(ClientTlsConfig { client_cert: cert.clone(), client_key: key.clone() })
        }
    };
    if ca.is_none() && client_tls.is_none() {
        return Ok(None);
    }
    if !is_tls(first) {
        return Err(Error::config("`store.tls` is for `store.url` that begin with rediss://"));
    }
    let refused = |part: TlsCertificates| Client::build_with_tls(first.clone(), part).is_err();
    let holds_none = |ca: &Vec<u8>| memchr::memmem::find(ca, b"-----BEGIN CERTIFICATE-----").is_none();
    // What was wrong could quote a key.
    if ca.as_ref().is_some_and(holds_none)
        || refused(TlsCertificates { client_tls: None, root_cert: ca.clone() })
    {
        return Err(Error::config("`store.tls.ca` holds no certificates in PEM form"));
    }
    if refused(TlsCertificates { client_tls: client_tls.clone(), root_cert: None }) {
        return Err(Error::config(
            "`store.tls.cert` and `store.tls.key` are not a certificate and its private key in PEM form",
        ));
    }
    Ok(Some(TlsCertificates { client_tls, root_cert: ca.clone() }))
}

fn is_tls(node: &ConnectionInfo) -> bool {
    matches!(node.addr(), ConnectionAddr::TcpTls { .. })
}

/// The URL may hold a password: it is not repeated, nor is a reason that could quote it.
fn unusable() -> Error {
    Error::config("`store.url` cannot be used: it takes redis://user:password@host:port/database")
}
