//! A running proxy: started, told new options, and stopped through one handle.

use std::{
    future::Future,
    io,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use tokio::runtime::Handle;
use tokio_rustls::TlsAcceptor;

use super::{
    admin::{Samples, sampled},
    engine::Engine,
    meter::Meter,
    options::{Options, Sources},
    page::Page,
    shards,
    systemd::{self, Told},
    wire::{self, Connections, SocketFile},
};
use crate::{Error, Result};

/// A caching proxy before the Messages API. Stops at once when it is dropped.
pub struct Proxy {
    shared: Arc<Shared>,
    urls: Vec<String>,
    /// Whether the service manager hears of it.
    is_service: bool,
    /// What it leaves in the file system while it listens.
    files: Mutex<Vec<SocketFile>>,
}

/// What every request sees.
pub(super) struct Shared {
    now: RwLock<Now>,
    pub connections: Connections,
    pub meter: Meter,
    pub samples: Samples,
    pub begun: Instant,
}

/// What holds until options are read again.
struct Now {
    engine: Arc<Engine>,
    tls: Option<TlsAcceptor>,
    page: Option<Arc<Page>>,
}

impl Now {
    fn new(options: Options, before: Option<&Engine>) -> Result<Self> {
        let tls = options.tls.as_ref().map(wire::acceptor).transpose()?;
        let page = options.page.folder.as_deref().map(Page::read).transpose()?.map(Arc::new);
        Ok(Self { engine: Arc::new(Engine::new(options, before)?), tls, page })
    }
}

impl Shared {
    /// What answers now.
    pub(super) fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner).engine)
    }

    pub(super) fn tls(&self) -> Option<TlsAcceptor> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).tls.clone()
    }

    pub(super) fn page(&self) -> Option<Arc<Page>> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).page.clone()
    }

    /// Whether it takes requests.
    pub(super) fn is_ready(&self) -> bool {
        !self.connections.closing.is_cancelled()
    }
}

impl Proxy {
    /// Listens, and answers on this runtime, or on threads of its own.
    pub fn start(runtime: &Handle, sources: &Sources) -> Result<Self> {
        let (options, places) = sources.read()?;
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let connections = Connections::new(options.limits.connections);
        let listen = options.listen.clone();
        let now = Now::new(options, None).map_err(|error| places.of(error))?;
        let bound = wire::bind(&listen).map_err(|error| places.of(error))?;
        let files = Mutex::new(bound.iter().filter_map(wire::file).collect());
        let failed = |cause: io::Error| Error::config(format!("`listen`: {cause}"));
        let urls = bound.iter().map(|place| place.url(scheme)).collect::<io::Result<_>>().map_err(failed)?;
        let shared = Arc::new(Shared {
            now: RwLock::new(now),
            connections,
            meter: Meter::default(),
            samples: Samples::default(),
            begun: Instant::now(),
        });
        runtime.spawn(sampled(Arc::clone(&shared)));
        shards::start(sources.threads, runtime, &shared, bound).map_err(failed)?;
        let proxy = Self { shared, urls, is_service: sources.service, files };
        proxy.tell(Told::Ready);
        Ok(proxy)
    }

    /// Where it is reached.
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// Goes on with other options; where it listens stays as it is. What is under way ends as it began.
    pub fn reload(&self, sources: &Sources) -> Result<()> {
        self.tell(Told::Reloading);
        let reloaded = self.take(sources);
        self.tell(Told::Ready);
        reloaded
    }

    /// Accepts nothing any more, and leaves no socket in the file system.
    fn leave(&self) {
        self.shared.connections.closing.cancel();
        self.files.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn tell(&self, what: Told) {
        if self.is_service {
            systemd::tell(what);
        }
    }

    fn take(&self, sources: &Sources) -> Result<()> {
        let Connections { closing, places: room, .. } = &self.shared.connections;
        if closing.is_cancelled() {
            return Err(Error::config("the proxy has stopped, and can't go on: start another one"));
        }
        let (mut options, places) = sources.read()?;
        let before = self.shared.engine();
        if !options.names_listen {
            options.listen.clone_from(&before.options.listen);
            options.check().map_err(|error| places.of(error))?;
        }
        if options.listen != before.options.listen {
            return Err(Error::config(
                "`listen` can't change while the proxy runs: start another one there, and stop this one",
            )
            .about("listen"))
            .map_err(|error| places.of(error));
        }
        if options.tls.is_some() != before.options.tls.is_some() {
            return Err(Error::config("`tls` can't come or go while the proxy runs").about("tls"));
        }
        let now = Now::new(options, Some(&before)).map_err(|error| places.of(error))?;
        room.allow(now.engine.options.limits.connections);
        *self.shared.now.write().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(())
    }

    /// Takes no request any more, lets what is under way go on for so long, and tells what is then left that it ends.
    /// `None` is the limit of the options. Says how many connections were cut off.
    pub fn stop(&self, limit: Option<Duration>) -> impl Future<Output = usize> + Send + use<> {
        self.tell(Told::Stopping);
        self.leave();
        let shared = Arc::clone(&self.shared);
        async move {
            let limit = limit.unwrap_or(shared.engine().options.limits.drain);
            let Connections { tasks, stopping, ended, .. } = &shared.connections;
            tasks.close();
            if tokio::time::timeout(limit, tasks.wait()).await.is_ok() {
                return 0;
            }
            let left = tasks.len();
            stopping.cancel();
            // What they are told has to get out.
            let _late = tokio::time::timeout(LAST_WORDS, tasks.wait()).await;
            ended.cancel();
            tasks.wait().await;
            left
        }
    }
}

/// How long streams may take to be told that they end.
const LAST_WORDS: Duration = Duration::from_millis(500);

impl Drop for Proxy {
    fn drop(&mut self) {
        self.leave();
        let Connections { tasks, ended, .. } = &self.shared.connections;
        ended.cancel();
        tasks.close();
    }
}
