//! The onion: a request goes in through each middleware and its answer comes out through the same ones.
//!
//! The first middleware is the outermost. Each may change the request, call [`Next::run`] none, one
//! or several times, and change the answer. What stands at the centre is an [`Endpoint`].
//!
//! ```
//! use trae_native::{Result, pipeline::{BoxFuture, Middleware, Next}, request::Request, response::Response};
//!
//! /// Names the service in every request.
//! struct Named(http::HeaderValue);
//!
//! impl Middleware for Named {
//!     fn handle<'a>(&'a self, mut req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
//!         Box::pin(async move {
//!             req.headers.insert("x-service", self.0.clone());
//!             let res = next.run(req).await?;
//!             Ok(res)
//!         })
//!     }
//! }
//! ```
//!
//! Dropping the future of a call cancels it, wherever it is.

pub mod at_once;

use std::{any::Any, future::Future, pin::Pin, sync::Arc};

use crate::{Result, request::Request, response::Response};

/// A future that can cross threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One layer of the onion. `Any`: whoever wires an onion may look for a layer of a kind that it knows.
pub trait Middleware: Any + Send + Sync {
    /// Handles a request on its way in and its answer on the way out.
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>>;

    /// Whether a call that has come here may outlive whoever made it. One that asks its caller can't.
    fn outlives(&self) -> bool {
        true
    }

    /// Whether it may answer without waiting for anything: such a call is worth a try on the thread that makes it.
    fn answers_at_once(&self) -> bool {
        false
    }

    /// The layer that calls go through on a condition, where this one is no more than that.
    fn conditional(&self) -> Option<&Arc<dyn Middleware>> {
        None
    }
}

/// What stands at the centre and answers: a transport, or a script in tests.
pub trait Endpoint: Send + Sync {
    /// Answers a request.
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>>;
}

/// The layers further in. A copy may be kept to run them again, as a retry does.
#[derive(Clone, Copy)]
pub struct Next<'a> {
    rest: &'a [Arc<dyn Middleware>],
    endpoint: &'a Arc<dyn Endpoint>,
}

impl<'a> Next<'a> {
    /// Hands the request to the next layer, or to the endpoint after the last.
    pub fn run(self, req: Request) -> BoxFuture<'a, Result<Response>> {
        match self.rest.split_first() {
            Some((first, rest)) => first.handle(req, Next { rest, ..self }),
            None => self.endpoint.call(req),
        }
    }

    /// The same layers for a call that may outlive the one that came here; none where one of them belongs to whoever
    /// made that.
    pub fn detached(&self) -> Option<Detached> {
        let outlives = self.rest.iter().all(|layer| layer.outlives());
        outlives.then(|| Detached { rest: self.rest.to_vec(), endpoint: Arc::clone(self.endpoint) })
    }

    /// Hands the request to these layers first, and after the last of them to those further in.
    pub fn through(self, layers: &'a [Arc<dyn Middleware>], req: Request) -> BoxFuture<'a, Result<Response>> {
        if layers.is_empty() {
            return self.run(req);
        }
        let rest: Vec<_> = layers.iter().chain(self.rest).cloned().collect();
        Box::pin(async move { Next { rest: &rest, ..self }.run(req).await })
    }

    /// The centre, for requests of a middleware's own: they pass no other layer, and may outlive the call.
    pub fn endpoint(&self) -> Arc<dyn Endpoint> {
        Arc::clone(self.endpoint)
    }
}

/// Layers that stay as long as they are needed.
pub struct Detached {
    rest: Vec<Arc<dyn Middleware>>,
    endpoint: Arc<dyn Endpoint>,
}

impl Detached {
    /// Hands a request to them.
    pub async fn run(self, req: Request) -> Result<Response> {
        Next { rest: &self.rest, endpoint: &self.endpoint }.run(req).await
    }
}

/// Middlewares around an endpoint.
#[derive(Clone)]
pub struct Pipeline {
    middlewares: Vec<Arc<dyn Middleware>>,
    endpoint: Arc<dyn Endpoint>,
}

impl Pipeline {
    /// An onion; the first middleware is the outermost.
    pub fn new(middlewares: Vec<Arc<dyn Middleware>>, endpoint: Arc<dyn Endpoint>) -> Self {
        Self { middlewares, endpoint }
    }

    /// Whether there is nothing around the endpoint.
    pub fn is_bare(&self) -> bool {
        self.middlewares.is_empty()
    }

    /// The layers of this kind, the outermost first.
    pub fn layers<M: Middleware>(&self) -> impl Iterator<Item = &M> {
        self.middlewares.iter().filter_map(|layer| {
            let layer = layer.conditional().unwrap_or(layer);
            (&**layer as &dyn Any).downcast_ref()
        })
    }

    /// Whether a layer may answer at once, and none of the caller's own has to be asked before.
    ///
    /// Layers lie upon each other on the stack: on that of whoever makes the call there is room for a few.
    pub fn answers_at_once(&self) -> bool {
        if self.middlewares.len() > at_once::MOST_LAYERS {
            return false;
        }
        let before = self.middlewares.iter().take_while(|layer| layer.outlives());
        before.into_iter().any(|layer| layer.answers_at_once())
    }

    /// Whether the outermost layer is one that may answer at once: nobody further out is to hear of its answers.
    pub fn begins_at_once(&self) -> bool {
        self.middlewares.first().is_some_and(|layer| layer.answers_at_once())
    }

    /// Sends a request through all layers.
    pub fn run(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        Next { rest: &self.middlewares, endpoint: &self.endpoint }.run(req)
    }
}
