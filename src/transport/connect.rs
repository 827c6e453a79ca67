//! Watches connections being opened: counts and times them, limits them, and learns their protocol.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper_util::client::legacy::connect::Connection;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::watch;
use tower_layer::Layer;
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

tokio::task_local! {
    /// The attempt on whose behalf the current task runs. The connector is called inside the future of
    /// the request that needs it, which is the only link between the two that reqwest leaves open.
    pub(super) static ATTEMPT: Arc<Attempt>;
}

/// What one attempt wants of a new connection, and what it learnt from it.
#[derive(Debug)]
pub(super) struct Attempt {
    limit: Option<Duration>,
    hold: Option<Hold>,
    begun: AtomicBool,
    opened: OnceLock<Opened>,
}

/// Keeps new connections from being used until it becomes `true`, or its sender is gone.
pub(super) type Hold = watch::Receiver<bool>;

/// How far the connection has come that is opened for an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Begun,
    Opened(Opened),
}

/// A connection that was opened for this attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opened {
    /// Name look-up, TCP, proxy and TLS together.
    pub took: Duration,
    /// Whether the TLS handshake agreed on HTTP/2.
    pub http2: bool,
}

impl Attempt {
    pub fn new(limit: Option<Duration>, hold: Option<Hold>) -> Arc<Self> {
        Arc::new(Self { limit, hold, begun: AtomicBool::new(false), opened: OnceLock::new() })
    }

    /// `None` while nothing was opened: then an open socket was used, if any.
    pub fn opened(&self) -> Option<Opened> {
        self.opened.get().copied()
    }

    /// `None` while an open socket may do.
    pub fn progress(&self) -> Option<Progress> {
        let begun = || self.begun.load(Ordering::Relaxed).then_some(Progress::Begun);
        self.opened().map(Progress::Opened).or_else(begun)
    }
}

/// Connecting took longer than allowed.
#[derive(Debug)]
pub(super) struct ConnectTimedOut(pub Duration);

impl fmt::Display for ConnectTimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection within {} ms", self.0.as_millis())
    }
}

impl std::error::Error for ConnectTimedOut {}

/// Puts a [`Watched`] around reqwest's connector.
#[derive(Clone)]
pub(super) struct WatchConnects {
    pub opened: Arc<AtomicU64>,
}

impl<S> Layer<S> for WatchConnects {
    type Service = Watched<S>;

    fn layer(&self, inner: S) -> Watched<S> {
        Watched { inner, opened: Arc::clone(&self.opened) }
    }
}

/// A connector that reports to the attempt it works for.
#[derive(Clone)]
pub(super) struct Watched<S> {
    inner: S,
    opened: Arc<AtomicU64>,
}

impl<S, R> Service<R> for Watched<S>
where
    S: Service<R, Error = BoxError>,
    S::Response: Connection + Send,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, target: R) -> Self::Future {
        // Taken here and not inside the future: hyper may finish a connection that its request no longer
        // needs in a task of its own, where no attempt is known.
        let attempt = ATTEMPT.try_with(Arc::clone).ok();
        if let Some(attempt) = &attempt {
            attempt.begun.store(true, Ordering::Relaxed);
        }
        let connecting = self.inner.call(target);
        let counter = Arc::clone(&self.opened);
        Box::pin(async move {
            let started = Instant::now();
            let io = match attempt.as_ref().and_then(|attempt| attempt.limit) {
                Some(limit) => {
                    tokio::time::timeout(limit, connecting).await.map_err(|_| ConnectTimedOut(limit))??
                }
                None => connecting.await?,
            };
            counter.fetch_add(1, Ordering::Relaxed);
            if let Some(attempt) = attempt {
                let http2 = io.connected().is_negotiated_h2();
                // Only the first counts; a request opens one.
                let _ = attempt.opened.set(Opened { took: started.elapsed(), http2 });
                if let Some(mut hold) = attempt.hold.clone() {
                    let _gone = hold.wait_for(|over| *over).await;
                }
            }
            Ok(io)
        })
    }
}

/// The system's name look-up, with errors that can be told from others by type.
pub(super) struct SystemNames;

/// A name that could not be resolved.
#[derive(Debug)]
pub(super) struct NotResolved(Option<std::io::Error>);

impl fmt::Display for NotResolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name could not be resolved")
    }
}

impl std::error::Error for NotResolved {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.as_ref().map(|err| err as _)
    }
}

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0))
                .await
                .map_err(|err| NotResolved(Some(err)))?
                .collect::<Vec<_>>();
            if addresses.is_empty() {
                return Err(NotResolved(None).into());
            }
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}
