//! Accepts connections and speaks HTTP on each until it ends or an answer takes it over.

use std::{future::poll_fn, io, sync::Arc, task::Poll, time::Duration};

use bytes::Bytes;
use hyper::{
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    super::{answer, handle::Shared, options::HttpVersions, record::locked},
    line::{Line, Takeover},
    socket::Socket,
};

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Duplex for T {}

/// Accepts until the simulator closes, which takes the listener away.
pub(in super::super) async fn accept(shared: Arc<Shared>) {
    loop {
        let accepted = poll_fn(|context| match &*locked(&shared.listener) {
            Some(listener) => listener.poll_accept(context).map(Some),
            None => Poll::Ready(None),
        });
        let accepted = tokio::select! {
            accepted = accepted => accepted,
            () = shared.closing.cancelled() => return,
        };
        match accepted {
            Some(Ok((stream, _))) => {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    let closing = shared.closing.clone();
                    tokio::select! {
                        // A broken connection is the client's to report.
                        _ = serve(shared, stream) => {}
                        () = closing.cancelled() => {}
                    }
                });
            }
            // Out of file descriptors: they come back when connections end.
            Some(Err(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
            None => return,
        }
    }
}

async fn serve(shared: Arc<Shared>, stream: TcpStream) -> io::Result<()> {
    let open = shared.ledger.connected();
    let line = Arc::new(Line::new(open.number));
    stream.set_nodelay(true)?;
    let mut socket = Socket::new(stream, Arc::clone(&line));
    let Some(tls) = &shared.tls else {
        let two = match shared.options.http {
            HttpVersions::Auto => socket.begins_as_http2().await?,
            version => version == HttpVersions::Two,
        };
        return speak(shared, line, socket, two).await;
    };
    let stream = tls.acceptor.accept(socket).await?;
    let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    speak(shared, line, stream, two).await
}

async fn speak(shared: Arc<Shared>, line: Arc<Line>, io: impl Duplex, two: bool) -> io::Result<()> {
    let service = {
        let line = Arc::clone(&line);
        service_fn(move |request| answer::answer(Arc::clone(&shared), Arc::clone(&line), request))
    };
    if two {
        let connection =
            http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(io), service);
        tokio::select! {
            // First, so that nothing more is written once an answer wants the connection to break.
            biased;
            _ = line.taken_over() => Ok(()),
            done = connection => done.map_err(io::Error::other),
        }
    } else {
        let mut connection =
            http1::Builder::new().max_headers(256).serve_connection(TokioIo::new(io), service);
        let takeover = tokio::select! {
            biased;
            takeover = line.taken_over() => takeover,
            done = &mut connection => return done.map_err(io::Error::other),
        };
        let parts = connection.into_parts();
        finish(parts.io.into_inner(), parts.read_buf, takeover).await
    }
}

async fn finish(mut io: impl Duplex, ahead: Bytes, takeover: Takeover) -> io::Result<()> {
    match takeover {
        Takeover::Close | Takeover::Reset => Ok(()),
        Takeover::Raw(bytes) => {
            io.write_all(&bytes).await?;
            io.flush().await?;
            io.shutdown().await
        }
        Takeover::Tunnel(mut target) => {
            io.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
            io.flush().await?;
            target.write_all(&ahead).await?;
            tokio::io::copy_bidirectional(&mut io, &mut target).await.map(|_| ())
        }
    }
}
