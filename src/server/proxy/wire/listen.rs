//! Places to listen at: addresses, sockets in the file system, and whatever systemd has opened.

#[cfg(unix)]
use std::os::unix::net as unix_net;
use std::{
    io, net,
    path::{Path, PathBuf},
};

use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use super::super::options::Listen;
use crate::{Error, Result};

/// A place that is taken, and not yet listened at by a runtime.
pub(in super::super) enum Bound {
    Tcp(net::TcpListener),
    #[cfg(unix)]
    Unix(unix_net::UnixListener, Whose),
}

/// Who has opened a socket.
#[cfg(unix)]
#[derive(Clone, Copy)]
pub(in super::super) enum Whose {
    Ours,
    Systemds,
}

/// A place that is listened at.
pub(in super::super) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A connection that has come.
pub(super) enum Accepted {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Bound {
    /// The same place, for another runtime.
    pub(in super::super) fn again(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(listener) => Self::Tcp(listener.try_clone()?),
            #[cfg(unix)]
            Self::Unix(listener, whose) => Self::Unix(listener.try_clone()?, *whose),
        })
    }

    /// Listens. Must be called where Tokio runs.
    pub(in super::super) fn listen(self) -> io::Result<Listener> {
        Ok(match self {
            Self::Tcp(listener) => Listener::Tcp(TcpListener::from_std(listener)?),
            #[cfg(unix)]
            Self::Unix(listener, _) => Listener::Unix(UnixListener::from_std(listener)?),
        })
    }

    /// The URL below which it is reached.
    pub(in super::super) fn url(&self, scheme: &str) -> io::Result<String> {
        match self {
            Self::Tcp(listener) => Ok(format!("{scheme}://{}", listener.local_addr()?)),
            #[cfg(unix)]
            Self::Unix(listener, _) => {
                let address = listener.local_addr()?;
                let path = address.as_pathname().map(|path| path.display().to_string()).unwrap_or_default();
                Ok(format!("unix:{path}"))
            }
        }
    }
}

impl Listener {
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => Ok(Accepted::Tcp(listener.accept().await?.0)),
            #[cfg(unix)]
            Self::Unix(listener) => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }
}

/// A socket in the file system that is ours: it goes when we do, unless another has taken its place.
pub(in super::super) struct SocketFile {
    path: PathBuf,
    is_ours: (u64, u64),
}

/// The one at which this place is listened at; those that systemd has opened stay.
#[cfg(unix)]
pub(in super::super) fn file(place: &Bound) -> Option<SocketFile> {
    let Bound::Unix(listener, Whose::Ours) = place else { return None };
    let path = listener.local_addr().ok()?.as_pathname()?.to_owned();
    let is_ours = SocketFile::id(&path)?;
    Some(SocketFile { path, is_ours })
}

#[cfg(not(unix))]
pub(in super::super) fn file(_: &Bound) -> Option<SocketFile> {
    None
}

impl SocketFile {
    #[cfg(unix)]
    fn id(path: &Path) -> Option<(u64, u64)> {
        use std::os::unix::fs::MetadataExt;
        std::fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
    }

    #[cfg(not(unix))]
    fn id(_: &Path) -> Option<(u64, u64)> {
        None
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if Self::id(&self.path) == Some(self.is_ours) {
            // Whoever listens there next takes it away, too.
            let _gone = std::fs::remove_file(&self.path);
        }
    }
}

/// Takes these places.
pub(in super::super) fn bind(places: &[Listen]) -> Result<Vec<Bound>> {
    let mut listeners = Vec::new();
    for place in places {
        let refused = |cause: &io::Error| {
            Error::config(format!("`listen`: {place} can't be listened at: {cause}")).about("listen")
        };
        match place {
            Listen::Address(address) => {
                let bound = net::TcpListener::bind(address.as_str()).and_then(tcp);
                listeners.push(bound.map_err(|cause| refused(&cause))?);
            }
            Listen::Unix(path) => listeners.push(unix(path).map_err(|cause| refused(&cause))?),
            Listen::Systemd => {
                let given = systemd().map_err(|cause| refused(&cause))?;
                if given.is_empty() {
                    let words =
                        "systemd has opened no socket (LISTEN_FDS): is the unit started by its socket?";
                    return Err(Error::config(format!("`listen`: {words}")).about("listen"));
                }
                listeners.extend(given);
            }
        }
    }
    Ok(listeners)
}

fn tcp(listener: net::TcpListener) -> io::Result<Bound> {
    listener.set_nonblocking(true)?;
    Ok(Bound::Tcp(listener))
}

/// One that a process has left behind is no obstacle, one that is listened at is.
#[cfg(unix)]
fn unix(path: &Path) -> io::Result<Bound> {
    use std::os::unix::fs::FileTypeExt;
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if is_socket {
        match unix_net::UnixStream::connect(path) {
            Ok(_) => return Err(io::Error::new(io::ErrorKind::AddrInUse, "somebody listens there")),
            Err(_) => std::fs::remove_file(path)?,
        }
    }
    let listener = unix_net::UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    Ok(Bound::Unix(listener, Whose::Ours))
}

#[cfg(not(unix))]
fn unix(_: &Path) -> io::Result<Bound> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "there are no such sockets on this system"))
}

#[cfg(unix)]
fn systemd() -> io::Result<Vec<Bound>> {
    let mut given = listenfd::ListenFd::from_env();
    let mut listeners = Vec::new();
    for at in 0..given.len() {
        if let Ok(Some(listener)) = given.take_tcp_listener(at) {
            listeners.push(tcp(listener)?);
        } else if let Ok(Some(listener)) = given.take_unix_listener(at) {
            listener.set_nonblocking(true)?;
            listeners.push(Bound::Unix(listener, Whose::Systemds));
        }
    }
    Ok(listeners)
}

#[cfg(not(unix))]
fn systemd() -> io::Result<Vec<Bound>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "there is no systemd on this system"))
}
