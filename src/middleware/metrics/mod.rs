//! Counts what passes: durations by method and status, failures, streams, tokens.
//!
//! Outermost it sees calls, inside of `retry` attempts. A call costs it some atomics; no lock, and no allocation
//! once a series is known.
//!
//! ```
//! use std::sync::Arc;
//! use trae_native::{
//!     middleware::metrics::{Format, Metrics, MetricsOptions, write},
//!     pipeline::Pipeline,
//!     transport::Scripted,
//! };
//!
//! let metrics = Arc::new(Metrics::new(MetricsOptions::default()));
//! let pipeline = Pipeline::new(vec![metrics.clone()], Arc::new(Scripted::default()));
//! assert!(write(&metrics.read(), Format::Prometheus).contains("claude_requests_in_flight 0"));
//! ```
//!
//! - [`options`]: what can be set · `registry`: what is counted · `family`: how
//! - `course`: a call from its start to its end · `watch`: a body on its way
//! - `labels`: what stands in a label · [`text`]: figures as text

mod course;
mod family;
mod labels;
pub mod options;
mod registry;
pub mod text;
mod watch;

use std::sync::Arc;

use self::{course::Course, registry::Registry};
pub use self::{
    labels::Extra,
    options::MetricsOptions,
    text::{Format, Kind, Reading, write},
};
use crate::{
    Result,
    body::Body,
    claude::StreamRules,
    pipeline::{BoxFuture, Middleware, Next},
    request::{Expect, Request},
    response::Response,
};

/// The middleware; one set of figures for all calls that pass it.
pub struct Metrics {
    registry: Arc<Registry>,
}

impl Metrics {
    /// A middleware that has counted nothing yet.
    pub fn new(options: MetricsOptions) -> Self {
        Self { registry: Arc::new(Registry::new(options)) }
    }

    /// What all its names begin with.
    pub fn prefix(&self) -> &str {
        &self.registry.prefix
    }

    /// All figures at this moment.
    pub fn read(&self) -> Vec<Reading> {
        self.registry.read()
    }
}

impl Middleware for Metrics {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let mut course = Course::begin(&self.registry, &req);
            let asked = Asked::of(&req);
            match next.run(req).await {
                Ok(res) => Ok(asked.watch(course, res)),
                Err(error) => {
                    course.failed(&error);
                    Err(error)
                }
            }
        })
    }
}

/// What of a request its answer is read by.
struct Asked {
    expect: Expect,
    max_response_bytes: u64,
    rules: StreamRules,
}

impl Asked {
    fn of(req: &Request) -> Self {
        let (expect, max_response_bytes) = (req.options.expect, req.options.max_response_bytes);
        Self { expect, max_response_bytes, rules: StreamRules::at(req.url.path()) }
    }

    /// An answer that is wanted whole is there at its end, a stream when it begins.
    fn watch(self, mut course: Course, mut res: Response) -> Response {
        course.arrived(&res);
        let (status, length) = (res.status, res.content_length());
        res.body = match res.body {
            Body::Stream(body) if self.expect == Expect::Bytes => {
                course.opened(status, false);
                Body::Stream(watch::bytes(body, course))
            }
            Body::Stream(body) => {
                Body::Stream(watch::whole(body, course, status, self.max_response_bytes, length))
            }
            Body::Events(body) => {
                course.opened(status, true);
                let rules = (self.expect != Expect::TextEvents).then_some(self.rules);
                Body::Events(watch::events(body, course, rules))
            }
            Body::Full(content) => {
                watch::finish(course, status, &content);
                Body::Full(content)
            }
            Body::Empty => {
                course.answered(status);
                Body::Empty
            }
        };
        res
    }
}
