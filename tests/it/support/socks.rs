//! A SOCKS5 proxy by hand: remembers whom it was asked for, and refuses what a test wants refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::TcpStream,
};

use super::peer::Peer;

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const LOGIN: u8 = 2;
const NO_METHOD: u8 = 0xff;
/// "Connection refused", as a proxy says it.
const REFUSED: u8 = 5;

/// Its names all lead to 127.0.0.1, but for this one.
pub const REFUSED_NAME: &str = "refused.invalid";

pub struct Socks {
    peer: Peer,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Socks {
    /// Asks for this `user:password`, if any.
    pub async fn start(login: Option<&'static str>) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let memory = Arc::clone(&asked);
        let peer = Peer::start(move |conn| {
            let memory = Arc::clone(&memory);
            async move {
                // A client that goes away in the middle is seen by the test there.
                let _ = serve(conn.socket, login, &memory).await;
            }
        })
        .await;
        Self { peer, asked }
    }

    pub fn port(&self) -> u16 {
        self.peer.port()
    }

    /// The targets as they were named: host and port.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(mut socket: TcpStream, login: Option<&str>, asked: &Mutex<Vec<String>>) -> io::Result<()> {
    let [_, methods] = read::<2>(&mut socket).await?;
    let mut offered = vec![0; methods.into()];
    socket.read_exact(&mut offered).await?;
    let wanted = if login.is_some() { LOGIN } else { NO_LOGIN };
    let method = if offered.contains(&wanted) { wanted } else { NO_METHOD };
    socket.write_all(&[VERSION, method]).await?;
    if method == NO_METHOD {
        return Ok(());
    }
    if let Some(login) = login {
        let [_version] = read(&mut socket).await?;
        let given = format!("{}:{}", text(&mut socket).await?, text(&mut socket).await?);
        socket.write_all(&[1, u8::from(given != login)]).await?;
        if given != login {
            return Ok(());
        }
    }
    let [_, _, _, kind] = read(&mut socket).await?;
    let host = match kind {
        1 => std::net::Ipv4Addr::from(read::<4>(&mut socket).await?).to_string(),
        4 => std::net::Ipv6Addr::from(read::<16>(&mut socket).await?).to_string(),
        _ => text(&mut socket).await?,
    };
    let port = socket.read_u16().await?;
    asked.lock().unwrap().push(format!("{host}:{port}"));
    let status = if host == REFUSED_NAME { REFUSED } else { 0 };
    socket.write_all(&[VERSION, status, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    if status == 0 {
        copy_bidirectional(&mut socket, &mut TcpStream::connect(("127.0.0.1", port)).await?).await?;
    }
    Ok(())
}

async fn read<const LENGTH: usize>(socket: &mut TcpStream) -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    socket.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// A length of one byte, then so many.
async fn text(socket: &mut TcpStream) -> io::Result<String> {
    let [length] = read(socket).await?;
    let mut bytes = vec![0; length.into()];
    socket.read_exact(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
