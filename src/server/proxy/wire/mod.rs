//! Connections: listening, TLS, HTTP versions, and what a connection may take.
//!
//! - `listen`: places to listen at · `accept`: connections as they come, and their end · `patient`: a socket that gives
//!   up on who takes nothing, and knows how a connection begins · `sniff`: heads that say in two ways where they end ·
//!   `places`: how many there may be · `tls`: certificates

mod accept;
mod listen;
mod patient;
mod places;
mod sniff;
mod tls;

pub(super) use self::{
    accept::{Connections, accept},
    listen::{Bound, SocketFile, bind, file},
    tls::acceptor,
};
use self::{patient::Lingers, sniff::Ambiguous};

/// What is known of the connection that a request has come by.
#[derive(Debug, Clone, Default)]
pub(super) struct Peer {
    pub ambiguous: Ambiguous,
    /// Set where the connection ends though its caller may still be sending.
    pub lingers: Lingers,
    /// Whether others share it, as in HTTP/2: a slow one must not end it.
    pub multiplexes: bool,
}
