//! A running simulator: started, scripted, asked and closed through one handle.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::request::Parts;
use tokio::{net::TcpListener, runtime::Handle};
use tokio_util::sync::CancellationToken;

use super::{
    api::StandardHeaders,
    options::SimulatorOptions,
    record::{Counters, Ledger, Received, locked},
    reply::{Prepared, Reply},
    wire::{self, Tls},
};

/// Distinct `x-simulator` headers remembered; a benchmark sends one or two.
const PARSED_HEADERS: usize = 64;

/// A simulated Claude API. Closes when it is dropped.
pub struct Simulator {
    shared: Arc<Shared>,
    port: u16,
    url: String,
}

pub(super) struct Shared {
    pub options: SimulatorOptions,
    pub ledger: Arc<Ledger>,
    pub standard: StandardHeaders,
    pub tls: Option<Tls>,
    pub closing: CancellationToken,
    /// Taken away to close it: the port must be free when `close` returns.
    pub listener: Mutex<Option<TcpListener>>,
    /// The answer to whatever no reply is for.
    pub made_up: Arc<Prepared>,
    script: Mutex<Script>,
    parsed: Mutex<HashMap<Bytes, Arc<Prepared>>>,
}

#[derive(Default)]
struct Script {
    queue: VecDeque<Queued>,
    default: Option<Arc<Prepared>>,
}

struct Queued {
    reply: Arc<Prepared>,
    /// None is for ever.
    left: Option<u32>,
}

impl Simulator {
    /// Listens, and answers on the given runtime.
    pub fn start(runtime: &Handle, options: SimulatorOptions) -> io::Result<Self> {
        options.check()?;
        let address = (options.host.as_str(), options.port);
        let listener = std::net::TcpListener::bind(address).map_err(|error| {
            let words = format!("simulator options: `host` and `port` cannot be listened on: {error}");
            io::Error::new(error.kind(), words)
        })?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let tls = options.tls.then(|| Tls::new(&options)).transpose()?;
        let _entered = runtime.enter();
        let scheme = if options.tls { "https" } else { "http" };
        let shared = Arc::new(Shared {
            ledger: Arc::new(Ledger::new(options.keep)),
            standard: StandardHeaders::default(),
            tls,
            closing: CancellationToken::new(),
            listener: Mutex::new(Some(TcpListener::from_std(listener)?)),
            made_up: Arc::new(Prepared::new(Reply::default())?),
            script: Mutex::default(),
            parsed: Mutex::default(),
            options,
        });
        let url = format!("{scheme}://{}", shared.options.authority(port));
        runtime.spawn(wire::accept(Arc::clone(&shared)));
        Ok(Self { shared, port, url })
    }

    /// The base URL, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate that clients must trust, where it speaks TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.shared.tls.as_ref().map(|tls| tls.ca_pem.as_str())
    }

    /// A client certificate and its key (PEM), where `client_ca` is `own`.
    pub fn client_identity(&self) -> Option<(&str, &str)> {
        let (cert, key) = self.shared.tls.as_ref()?.client_identity.as_ref()?;
        Some((cert, key))
    }

    /// Queues replies. A request takes the first one that fits it.
    pub fn script(&self, replies: Vec<Reply>) -> io::Result<()> {
        let prepared: Vec<_> = replies.into_iter().map(Prepared::new).collect::<Result<_, _>>()?;
        let queued = prepared
            .into_iter()
            .map(|reply| Queued { left: (reply.times > 0).then_some(reply.times), reply: Arc::new(reply) });
        locked(&self.shared.script).queue.extend(queued);
        Ok(())
    }

    /// The reply to requests that the queue has none for. Its `times` means nothing.
    pub fn set_default(&self, reply: Reply) -> io::Result<()> {
        let reply = Arc::new(Prepared::new(reply)?);
        locked(&self.shared.script).default = Some(reply);
        Ok(())
    }

    /// What arrived, in order.
    pub fn received(&self) -> Vec<Received> {
        self.shared.ledger.received()
    }

    /// Forgets what arrived, the queue and the default; the counters go on.
    pub fn clear(&self) {
        self.shared.ledger.clear();
        *locked(&self.shared.script) = Script::default();
    }

    /// Numbers since the start.
    pub fn counters(&self) -> Counters {
        self.shared.ledger.counters()
    }

    /// Stops listening at once and drops the open connections. May be called again.
    pub fn close(&self) {
        self.shared.ledger.close();
        locked(&self.shared.listener).take();
        self.shared.closing.cancel();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// The reply for this request; the error is about its own `x-simulator` header.
    pub fn choose(&self, head: &Parts) -> io::Result<Arc<Prepared>> {
        if let Some(given) = head.headers.get("x-simulator") {
            return self.parse(given.as_bytes());
        }
        let mut script = locked(&self.script);
        let Some(index) = script.queue.iter().position(|queued| queued.reply.fits(head)) else {
            let default = script.default.as_ref().filter(|reply| reply.fits(head));
            return Ok(Arc::clone(default.unwrap_or(&self.made_up)));
        };
        let queued = &mut script.queue[index];
        let reply = Arc::clone(&queued.reply);
        if let Some(left) = &mut queued.left {
            *left -= 1;
            if *left == 0 {
                script.queue.remove(index);
            }
        }
        Ok(reply)
    }

    fn parse(&self, json: &[u8]) -> io::Result<Arc<Prepared>> {
        if let Some(known) = locked(&self.parsed).get(json) {
            return Ok(Arc::clone(known));
        }
        let reply = Arc::new(Prepared::new(Reply::parse(&String::from_utf8_lossy(json))?)?);
        let mut parsed = locked(&self.parsed);
        if parsed.len() >= PARSED_HEADERS {
            parsed.clear();
        }
        parsed.insert(Bytes::copy_from_slice(json), Arc::clone(&reply));
        Ok(reply)
    }
}
