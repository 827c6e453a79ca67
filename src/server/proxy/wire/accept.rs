//! Connections as they come: each speaks HTTP until it ends, or until the proxy does.

use std::{
    future::Future,
    io,
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use http::Request;
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Peer,
    listen::{Accepted, Listener},
    patient::{Patient, within},
    places::Places,
    sniff::Sniffed,
};
use crate::server::proxy::{handle::Shared, serve};

/// A listener that finds no file descriptor finds one when a connection ends.
const BREATHER: Duration = Duration::from_millis(10);

/// Streams of one HTTP/2 connection at once.
const STREAMS: u32 = 1024;

/// All connections of a proxy, and what ends them.
pub(in super::super) struct Connections {
    pub tasks: TaskTracker,
    /// No request is taken any more; what is under way goes on.
    pub closing: CancellationToken,
    /// Streams end, and are told so.
    pub stopping: CancellationToken,
    /// Nothing goes on.
    pub ended: CancellationToken,
    pub places: Places,
}

impl Connections {
    pub(in super::super) fn new(most: usize) -> Self {
        Self {
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            stopping: CancellationToken::new(),
            ended: CancellationToken::new(),
            places: Places::new(most),
        }
    }
}

/// Accepts at one place until the proxy closes; the place is free when this returns.
pub(in super::super) async fn accept(shared: Arc<Shared>, listener: Listener) {
    loop {
        let next = async {
            let place = shared.connections.places.take().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            // First: who comes at the same moment is not let in.
            biased;
            () = shared.connections.closing.cancelled() => return,
            next = next => next,
        };
        let Ok(accepted) = accepted else {
            tokio::time::sleep(BREATHER).await;
            continue;
        };
        let shared = Arc::clone(&shared);
        let tracker = shared.connections.tasks.clone();
        tracker.spawn(async move {
            let open = Open::new(&shared);
            let ended = shared.connections.ended.clone();
            let served = async {
                match accepted {
                    Accepted::Tcp(stream) => {
                        stream.set_nodelay(true)?;
                        Box::pin(begin(shared, stream)).await
                    }
                    #[cfg(unix)]
                    Accepted::Unix(stream) => Box::pin(begin(shared, stream)).await,
                }
            };
            tokio::select! {
                // A connection that breaks is its caller's to notice.
                _ = served => {}
                () = ended.cancelled() => {}
            }
            drop((open, place));
        });
    }
}

/// A connection that is counted.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.meter.accepted.fetch_add(1, Relaxed);
        shared.meter.open.fetch_add(1, Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.meter.open.fetch_sub(1, Relaxed);
    }
}

/// Whichever way it goes on is boxed: a task has room for the largest one otherwise, and there are thousands of them.
async fn begin(
    shared: Arc<Shared>,
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> io::Result<()> {
    let limits = shared.engine().options.limits;
    let mut peer = Peer::default();
    let mut socket = Patient::new(socket, limits.write, peer.lingers.clone());
    let Some(tls) = shared.tls() else {
        peer.multiplexes = within(limits.headers, socket.begins_as_http2()).await?;
        return Box::pin(speak(shared, socket, peer)).await;
    };
    let stream = within(limits.headers, Box::pin(tls.accept(socket))).await?;
    peer.multiplexes = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Box::pin(speak(shared, stream, peer)).await
}

async fn speak(
    shared: Arc<Shared>,
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
) -> io::Result<()> {
    let limits = shared.engine().options.limits;
    let closing = shared.connections.closing.clone();
    let Peer { ambiguous, multiplexes, .. } = peer.clone();
    // Boxed: the connection keeps room for it as long as it lasts, also while a stream goes on for which it has been.
    let service = service_fn(move |request: Request<Incoming>| {
        Box::pin(serve(Arc::clone(&shared), peer.clone(), request))
    });
    if multiplexes {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(Some(limits.headers))
            .keep_alive_timeout(limits.headers);
        let connection = pin!(builder.serve_connection(TokioIo::new(io), service));
        return until(connection, closing, http2::Connection::graceful_shutdown).await;
    }
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.headers).max_buf_size(limits.header_bytes);
    let io = TokioIo::new(Sniffed::new(io, ambiguous));
    let connection = pin!(builder.serve_connection(io, service));
    until(connection, closing, http1::Connection::graceful_shutdown).await
}

/// Drives a connection; when the proxy closes it ends with what is under way.
async fn until<C: Future<Output = Result<(), hyper::Error>>>(
    mut connection: std::pin::Pin<&mut C>,
    closing: CancellationToken,
    close: impl FnOnce(std::pin::Pin<&mut C>),
) -> io::Result<()> {
    tokio::select! {
        done = &mut connection => return done.map_err(io::Error::other),
        () = closing.cancelled() => {}
    }
    close(connection.as_mut());
    connection.await.map_err(io::Error::other)
}
