//! Gives up on what is inside of it after a time: outside of `retry` on the call, inside on each attempt.
//!
//! What it gives up on is dropped, which ends the transfer.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use trae_native::{
//!     middleware::timeout::{Timeout, TimeoutOptions},
//!     pipeline::Pipeline,
//!     transport::Scripted,
//! };
//!
//! let after = Some(Duration::from_secs(30));
//! let timeout = Timeout::new(TimeoutOptions { after, ..TimeoutOptions::default() });
//! let pipeline = Pipeline::new(vec![Arc::new(timeout)], Arc::new(Scripted::default()));
//! ```
//!
//! - [`options`]: what can be set · `reach`: how far into an answer the limit goes · [`limited`]: a body with a limit

mod limited;
pub mod options;
mod reach;

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use self::reach::reaches_into;
pub use self::{limited::limited, options::TimeoutOptions};
use crate::{
    Error, Phase, Result,
    body::Body,
    pipeline::{BoxFuture, Middleware, Next},
    request::Request,
    response::Response,
};

/// The middleware.
pub struct Timeout {
    options: TimeoutOptions,
}

impl Timeout {
    /// A middleware with this limit.
    pub fn new(options: TimeoutOptions) -> Self {
        Self { options }
    }
}

impl Middleware for Timeout {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        let TimeoutOptions { after, stream } = self.options;
        let until = after.and_then(|after| Some((after, Instant::now().checked_add(after)?)));
        let Some((after, until)) = until else { return next.run(req) };
        Box::pin(async move {
            let expect = req.options.expect;
            let mut res = timeout_at(until, next.run(req))
                .await
                .unwrap_or_else(|_| Err(late("no answer came", after)))?;
            if reaches_into(&res.body, expect, stream) {
                let late = move || late("the answer did not end", after);
                res.body = match res.body {
                    Body::Stream(bytes) => Body::Stream(limited(bytes, until, late)),
                    Body::Events(events) => Body::Events(limited(events, until, late)),
                    whole @ (Body::Empty | Body::Full(_)) => whole,
                };
            }
            Ok(res)
        })
    }
}

fn late(what: &str, after: Duration) -> Error {
    Error::timeout(Phase::Total, what, after, "timeout()")
}
