//! What a limit costs: decisions of a bucket, the layers around a call that takes no time, and questions to a shared
//! store per call.
//!
//! `cargo bench --no-default-features --bench limiter`
#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::cast_precision_loss, reason = "a benchmark")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use http::{Extensions, HeaderMap, Method, StatusCode, Version};
use trae_native::{
    Result,
    body::Body,
    middleware::{
        concurrency::{Ceiling, Concurrency, ConcurrencyOptions},
        rate_limit::{Amounts, LEASE, OnStoreFailure, RateLimit, RateLimitOptions, SharedOptions},
    },
    pipeline::{Endpoint, Middleware, Pipeline},
    request::{Expect, Options, Redirect, Request, Timeouts},
    response::{Response, Timing},
    store::{
        Buckets, MemoryBuckets,
        buckets::{Ask, Given},
        gcra::{Gcra, Rate},
    },
};

const CALLS: u64 = 200_000;
const BODY: &str =
    r#"{"model":"claude-sonnet-5","max_tokens":64,"messages":[{"role":"user","content":"Hello"}]}"#;

/// Answers at once.
struct Ready;

impl Endpoint for Ready {
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(std::future::ready(Ok(Response {
            status: StatusCode::OK,
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
            body: Body::Empty,
            url: req.url,
            timing: Timing::default(),
            attempts: 1,
            history: Vec::new(),
            extensions: Extensions::new(),
        })))
    }
}

fn request(options: &Arc<Options>) -> Request {
    Request {
        method: Method::POST,
        url: "http://api.test/v1/messages".parse().unwrap(),
        headers: HeaderMap::new(),
        body: Body::Full(BODY.into()),
        options: Arc::clone(options),
        attempt: 1,
        extensions: Extensions::new(),
    }
}

/// Counts what is asked of it.
#[derive(Default)]
struct Counted {
    buckets: MemoryBuckets,
    asked: AtomicU64,
}

impl Buckets for Counted {
    fn take<'a>(&'a self, key: &'a str, ask: &'a Ask) -> BoxFuture<'a, Result<Given>> {
        self.asked.fetch_add(1, Relaxed);
        self.buckets.take(key, ask)
    }
}

/// Nanoseconds per call through these layers.
async fn through(layers: Vec<Arc<dyn Middleware>>) -> f64 {
    let options = Arc::new(Options {
        timeouts: Timeouts::default(),
        redirect: Redirect::SameOrigin,
        max_response_bytes: 1 << 20,
        max_event_bytes: 1 << 20,
        home: None,
        secret_headers: Vec::new(),
        expect: Expect::Auto,
    });
    let onion = Pipeline::new(layers, Arc::new(Ready));
    let start = Instant::now();
    for _ in 0..CALLS {
        drop(onion.run(request(&options)).await.unwrap());
    }
    start.elapsed().as_nanos() as f64 / CALLS as f64
}

fn decisions() {
    let rate = Rate { limit: 1_000_000, interval: Duration::from_secs(1), burst: 1000 };
    let (mut bucket, start, mut passed) = (Gcra::default(), Instant::now(), 0_u64);
    for at in 0..10 * CALLS {
        if bucket.ready(&rate, 1, 1) <= at * 500 {
            bucket.take(&rate, 1, at * 500);
            passed += 1;
        }
    }
    let each = start.elapsed().as_nanos() as f64 / (10 * CALLS) as f64;
    println!("a bucket: {:.0} million decisions per second ({passed} passed)", 1e3 / each);
}

fn main() {
    decisions();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let requests = Amounts { requests: Some(1 << 40), ..Amounts::default() };
        let tokens = Amounts { input_tokens: Some(1 << 40), output_tokens: Some(1 << 40), ..requests };
        let rate = |amounts: Amounts| -> Arc<dyn Middleware> {
            Arc::new(RateLimit::new(RateLimitOptions {
                limits: vec![amounts],
                ..RateLimitOptions::default()
            }))
        };
        let places = ConcurrencyOptions { limit: Ceiling::Fixed(8), ..ConcurrencyOptions::default() };
        let bare = through(Vec::new()).await;
        for (name, layer) in [
            ("rateLimit({ requests })", rate(requests)),
            ("rateLimit({ requests, inputTokens, outputTokens })", rate(tokens)),
            ("concurrency(8)", Arc::new(Concurrency::new(places)) as Arc<dyn Middleware>),
        ] {
            println!("{name}: {:.0} ns per call", through(vec![layer]).await - bare);
        }
        let store = Arc::new(Counted::default());
        let amounts =
            Amounts { requests: Some(10_000_000), interval: Duration::from_secs(1), ..Amounts::default() };
        let shared = SharedOptions {
            buckets: Arc::clone(&store) as Arc<dyn Buckets>,
            on_failure: OnStoreFailure::Local,
            lease: LEASE,
        };
        let layer = RateLimit::new(RateLimitOptions {
            limits: vec![amounts],
            shared: Some(shared),
            ..RateLimitOptions::default()
        });
        let each = through(vec![Arc::new(layer)]).await - bare;
        let asked = store.asked.load(Relaxed) as f64 / CALLS as f64;
        println!("with a shared store: {each:.0} ns per call, {asked:.5} questions per call");
    });
}
