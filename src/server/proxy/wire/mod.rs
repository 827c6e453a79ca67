//! Connections: listening, TLS, HTTP versions, and what a connection may take.
//!
//! - `listen`: places to listen at · `accept`: connections as they come, and their end · `patient`: a socket that gives
//!   up on who takes nothing, and knows how a connection begins · `sniff`: heads that say in two ways where they end · `tls`: certificates

mod accept;
mod listen;
mod patient;
mod sniff;
mod tls;

pub(super) use self::{
    accept::{Connections, accept},
    listen::{Bound, bind},
    sniff::Ambiguous,
    tls::acceptor,
};
