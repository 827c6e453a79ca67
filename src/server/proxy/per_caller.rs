//! Layers that are one caller's alone: its limits. They stand where the limits of all callers do, inside of the cache, so
//! that an answer that costs nothing uses up nothing.

use std::{collections::HashMap, sync::Arc};

use crate::{
    Result,
    pipeline::{BoxFuture, Middleware, Next},
    request::{Caller, Request},
    response::Response,
};

/// The layers of each caller that has some, by its name.
pub(super) struct PerCaller(pub HashMap<Arc<str>, Vec<Arc<dyn Middleware>>>);

impl Middleware for PerCaller {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        let layers = req.extensions.get::<Caller>().and_then(|Caller(name)| self.0.get(name));
        match layers {
            Some(layers) => next.through(layers, req),
            None => next.run(req),
        }
    }
}
