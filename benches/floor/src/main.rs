//! The same load as `benches/node/one.mjs` from pure Rust: reqwest on one thread, in a window of time, no JavaScript.
//!
//! Measured: answers (`unary`) or `content_block_delta` events (`stream`) per second and CPU of the process per unit.
//! Kept honest: the window opens after the warm-up and nothing is drained inside it; bodies are read to the end, but
//! not parsed, so this is a floor for a client and not a client.

use std::{cell::Cell, error::Error, rc::Rc, time::Duration};

use futures_util::StreamExt;
use memchr::memmem;
use tokio::{task::LocalSet, time::Instant};

type Failure = Box<dyn Error>;

/// What to ask for; the same headers and body as `harness/setup.mjs`.
struct Load {
    client: reqwest::Client,
    url: String,
    body: String,
    script: String,
    streams: bool,
    units: Cell<usize>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [origin, reads, concurrency, warm, window, script] = args.as_slice() else {
        return Err("usage: floor ORIGIN unary|stream CONCURRENCY WARM_MS WINDOW_MS SCRIPT".into());
    };
    let (warm, window) = (Duration::from_millis(warm.parse()?), Duration::from_millis(window.parse()?));
    let load = Rc::new(Load::new(origin, reads == "stream", script)?);
    let tasks = LocalSet::new();
    for _ in 0..concurrency.parse()? {
        let load = Rc::clone(&load);
        tasks.spawn_local(async move {
            // A failed call must not pass for a fast one.
            if let Err(error) = load.repeat().await {
                println!("{{\"error\":{:?}}}", error.to_string());
                std::process::exit(1);
            }
        });
    }
    tasks.run_until(measure(&load, warm, window)).await;
    Ok(())
}

async fn measure(load: &Load, warm: Duration, window: Duration) {
    tokio::time::sleep(warm).await;
    let (start, cpu, units) = (Instant::now(), cpu_us(), load.units.get());
    tokio::time::sleep(window).await;
    let seconds = start.elapsed().as_secs_f64();
    let done = (load.units.get() - units) as f64;
    println!("{{\"units\":{done},\"rate\":{:.1},\"cpuUs\":{:.3}}}", done / seconds, (cpu_us() - cpu) / done);
}

impl Load {
    fn new(origin: &str, streams: bool, script: &str) -> Result<Self, Failure> {
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(1_000).build()?;
        let stream = if streams { ",\"stream\":true" } else { "" };
        let content = "Hello, Claude. ".repeat(20);
        let body = format!(
            "{{\"model\":\"claude-sonnet-5\",\"max_tokens\":1024,\
             \"messages\":[{{\"role\":\"user\",\"content\":\"{content}\"}}]{stream}}}"
        );
        let (url, script) = (format!("{}/v1/messages", origin.trim_end_matches('/')), script.to_owned());
        Ok(Self { client, url, body, script, streams, units: Cell::new(0) })
    }

    async fn repeat(&self) -> Result<(), Failure> {
        loop {
            let request = self.client.post(&self.url).body(self.body.clone());
            let request = request.header("content-type", "application/json").header("x-api-key", "bench-key");
            let request = request.header("anthropic-version", "2023-06-01");
            let scripted = !self.script.is_empty();
            let request = if scripted { request.header("x-simulator", &self.script) } else { request };
            let response = request.send().await?.error_for_status()?;
            if self.streams {
                self.count_deltas(response).await?;
            } else {
                response.bytes().await?;
                self.units.set(self.units.get() + 1);
            }
        }
    }

    /// A name cut by the edge of a chunk is missed: at these sizes one in thousands.
    async fn count_deltas(&self, response: reqwest::Response) -> Result<(), Failure> {
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let seen = memmem::find_iter(&chunk?, b"event: content_block_delta").count();
            self.units.set(self.units.get() + seen);
        }
        Ok(())
    }
}

/// CPU time of the process in microseconds, user and system.
fn cpu_us() -> f64 {
    // SAFETY: `getrusage` only writes into the struct it is given, for which all zeroes is a valid value.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let micros = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
    micros(usage.ru_utime) + micros(usage.ru_stime)
}
