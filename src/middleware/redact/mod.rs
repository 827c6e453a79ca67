//! Says what is never shown of the calls of a client, besides what never is. It stands in the list for that alone:
//! calls pass it as they are, and its place does not matter.
//!
//! Whoever wires the pipeline puts the rules of all into each request, where `logger` finds them.

use crate::{
    Result,
    pipeline::{BoxFuture, Middleware, Next},
    redact::Rules,
    request::Request,
    response::Response,
};

/// The middleware.
pub struct Redact {
    /// What is never shown.
    pub rules: Rules,
}

impl Middleware for Redact {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        next.run(req)
    }
}
