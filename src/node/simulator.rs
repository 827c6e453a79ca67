//! The simulator as JavaScript holds it: options, replies and records cross as JSON.

use std::io;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use napi::bindgen_prelude::{Error, Result};
use napi_derive::napi;
use serde_json::{Value, json};

use super::runtime;
use crate::server::simulator::{Counters, Received, Reply, Simulator, SimulatorOptions};

/// A simulated API; `js/simulator.ts` makes it pleasant.
#[napi]
pub struct NativeSimulator(Simulator);

#[napi]
impl NativeSimulator {
    /// Starts listening; throws where an option is wrong or the port is taken.
    #[napi(constructor, catch_unwind)]
    pub fn new(options: String) -> Result<Self> {
        let options = SimulatorOptions::parse(&options).map_err(told)?;
        Simulator::start(&runtime::handle()?, options).map(Self).map_err(told)
    }

    /// The base URL.
    #[napi(catch_unwind)]
    pub fn url(&self) -> String {
        self.0.url().to_owned()
    }

    /// The certificate to trust, as PEM.
    #[napi(catch_unwind)]
    pub fn ca(&self) -> Option<String> {
        self.0.ca_pem().map(str::to_owned)
    }

    /// A client certificate and its key that the simulator accepts, as PEM.
    #[napi(catch_unwind)]
    pub fn client_identity(&self) -> Option<Vec<String>> {
        self.0.client_identity().map(|(cert, key)| vec![cert.to_owned(), key.to_owned()])
    }

    /// Queues replies: a JSON array.
    #[napi(catch_unwind)]
    pub fn script(&self, replies: String) -> Result<()> {
        Reply::list(&replies).and_then(|replies| self.0.script(replies)).map_err(told)
    }

    /// Sets the reply to whatever the queue has none for.
    #[napi(catch_unwind)]
    pub fn set_default(&self, reply: String) -> Result<()> {
        Reply::parse(&reply).and_then(|reply| self.0.set_default(reply)).map_err(told)
    }

    /// What arrived, as a JSON array.
    #[napi(catch_unwind)]
    pub fn received(&self) -> String {
        self.0.received().iter().map(record).collect::<Value>().to_string()
    }

    /// The counters, as JSON.
    #[napi(catch_unwind)]
    pub fn counters(&self) -> String {
        let Counters { connections_open, connections_total, requests, aborted } = self.0.counters();
        json!({
            "connectionsOpen": connections_open,
            "connectionsTotal": connections_total,
            "requests": requests,
            "aborted": aborted,
        })
        .to_string()
    }

    /// Forgets what arrived, the queue and the default.
    #[napi(catch_unwind)]
    pub fn clear(&self) {
        self.0.clear();
    }

    /// Stops listening and drops the open connections.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.0.close();
    }
}

fn told(error: io::Error) -> Error {
    Error::from_reason(error.to_string())
}

fn record(received: &Received) -> Value {
    json!({
        "connection": received.connection,
        "method": received.method,
        "path": received.path,
        "httpVersion": received.http_version,
        "headers": received.headers,
        "body": STANDARD.encode(&received.body),
        "bodyLength": received.body_length,
        "aborted": received.aborted,
        "complete": received.complete,
        "bytesWritten": received.bytes_written,
        "timeMs": received.time_ms,
        "proxied": received.proxied,
    })
}
