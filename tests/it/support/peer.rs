//! A server by hand: reads requests from a socket and writes whatever bytes a test wants.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use url::Url;

/// Listens until dropped.
pub struct Peer {
    port: u16,
    connections: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

/// One accepted connection.
pub struct Conn {
    /// Which one it is, from 0.
    pub index: usize,
    pub socket: TcpStream,
    unread: Vec<u8>,
}

/// A request as it came.
pub struct Asked {
    /// Request line and headers, in lower case.
    pub head: String,
    pub body: Vec<u8>,
}

impl Peer {
    /// Serves each connection with this function, in a task of its own.
    pub async fn start<F, S>(serve: F) -> Self
    where
        F: Fn(Conn) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let index = count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(Conn { index, socket, unread: Vec::new() }));
            }
        });
        Self { port, connections, accepting }
    }

    /// Answers every request on every connection with these bytes.
    pub async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = Arc::new(answer.into());
        Self::start(move |mut conn| {
            let answer = Arc::clone(&answer);
            async move {
                while conn.request().await.is_some() {
                    conn.write(&*answer).await;
                }
            }
        })
        .await
    }

    pub fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://127.0.0.1:{}{path}", self.port)).unwrap()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Conn {
    /// The next request; `None` once the other side has closed.
    pub async fn request(&mut self) -> Option<Asked> {
        let end = self.until(b"\r\n\r\n").await?;
        let head = String::from_utf8_lossy(&self.take(end)).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let end = match length.map(|length| length.parse::<usize>().unwrap()) {
            Some(length) => self.at_least(length).await?,
            None if head.contains("transfer-encoding: chunked") => self.until(b"0\r\n\r\n").await?,
            None => 0,
        };
        let body = self.take(end);
        Some(Asked { head, body })
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        // The other side may be gone; a test sees that there.
        let _ = self.socket.write_all(bytes.as_ref()).await;
        let _ = self.socket.flush().await;
    }

    /// Ends the connection with a reset instead of an orderly close.
    pub fn reset(self) {
        self.socket.set_zero_linger().unwrap();
    }

    /// Waits until the other side closes.
    pub async fn closed(&mut self) {
        let mut rest = [0; 1024];
        while self.socket.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    }

    async fn until(&mut self, mark: &[u8]) -> Option<usize> {
        loop {
            let found = self.unread.windows(mark.len()).position(|window| window == mark);
            if let Some(start) = found {
                return Some(start + mark.len());
            }
            self.more().await?;
        }
    }

    async fn at_least(&mut self, length: usize) -> Option<usize> {
        while self.unread.len() < length {
            self.more().await?;
        }
        Some(length)
    }

    async fn more(&mut self) -> Option<()> {
        let read = self.socket.read_buf(&mut self.unread).await.ok()?;
        (read > 0).then_some(())
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.unread.split_off(length);
        std::mem::replace(&mut self.unread, rest)
    }
}
