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
//! - `course`: a call from its start to its end
//! - `labels`: what stands in a label · [`text`]: figures as text

mod course;
mod family;
mod labels;
pub mod options;
mod registry;
pub mod text;

use std::sync::Arc;

use self::{course::Course, registry::Registry};
pub use self::{
    labels::Extra,
    options::MetricsOptions,
    text::{Format, Kind, Reading, Sample, write},
};
use crate::{
    Result,
    pipeline::{BoxFuture, Middleware, Next},
    request::Request,
    response::Response,
    watch::{Asked, watch},
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
                Ok(res) => {
                    course.arrived(&res);
                    Ok(watch(asked, res, course))
                }
                Err(error) => {
                    course.failed(&error);
                    Err(error)
                }
            }
        })
    }
}
