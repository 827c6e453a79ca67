//! Writes a line for each request, each answer and each failure: an object of JSON in the shape of pino's.
//!
//! Outermost it sees calls, inside of `retry` attempts. A line is made where the call is, and handed to a [`Sink`];
//! what is never shown is left out of it by the rules of [`redact`](crate::redact).
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use trae_native::{
//!     middleware::logger::{Logger, LoggerOptions},
//!     pipeline::Pipeline,
//!     transport::Scripted,
//! };
//!
//! let lines = Arc::new(Mutex::new(Vec::new()));
//! let kept = Arc::clone(&lines);
//! let logger = Logger::new(LoggerOptions::default(), Arc::new(move |line: String| kept.lock().unwrap().push(line)));
//! let pipeline = Pipeline::new(vec![Arc::new(logger)], Arc::new(Scripted::default()));
//! ```
//!
//! - [`options`]: what can be set · `line`: what is said · [`sink`]: to whom · [`stderr`]: the default one, by `pieces`
//! - `content`: headers and bodies · `course`: a call from its start to its end

mod content;
mod course;
mod line;
pub mod options;
mod pieces;
pub mod sink;
pub mod stderr;

use std::sync::Arc;

use self::course::Course;
pub use self::{
    options::{Level, Levels, LoggerOptions},
    sink::{Sink, lines_lost},
};
use crate::{
    Result,
    notice::Notices,
    pipeline::{BoxFuture, Middleware, Next},
    request::{Repeated, Request},
    response::Response,
    watch::{Asked, watch},
};

/// The middleware.
pub struct Logger(Arc<Log>);

/// What its calls share.
struct Log {
    options: LoggerOptions,
    sink: Arc<dyn Sink>,
}

impl Logger {
    /// A middleware that tells this sink.
    pub fn new(options: LoggerOptions, sink: Arc<dyn Sink>) -> Self {
        Self(Arc::new(Log { options, sink }))
    }
}

impl Middleware for Logger {
    fn handle<'a>(&'a self, mut req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        if self.0.options.is_silent() {
            return next.run(req);
        }
        Box::pin(async move {
            // Of several that keep a log the outermost hears what is told once.
            let notices = req.extensions.get::<Notices>().is_none().then(Notices::default);
            if let Some(notices) = &notices {
                req.extensions.insert(notices.clone());
            }
            let course = Course::begin(&self.0, &req, notices.unwrap_or_default());
            let asked = Asked::of(&req);
            if self.0.options.headers || self.0.options.bodies.is_some() {
                req.extensions.insert(Repeated);
            }
            match next.run(req).await {
                Ok(res) => {
                    let course = course.answered(&res);
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
