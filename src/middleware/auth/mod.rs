//! Sends calls with a key or a token: a value, or whatever a provider gives.
//!
//! What a provider gives is kept until it expires, is refused with a 401, or is thrown away. However many
//! calls wait for it, it is asked once. A 401 costs one more try with a new credential, of no retry budget,
//! where the body can be sent again; a second one is the caller's. The credential goes to the client's own
//! origin only.
//!
//! ```
//! use std::sync::Arc;
//! use trae_native::{
//!     credential::{Scheme, Source},
//!     middleware::auth::{Auth, AuthOptions},
//!     pipeline::{Endpoint, Pipeline},
//!     secret::Secret,
//! };
//!
//! # fn around(endpoint: Arc<dyn Endpoint>) -> trae_native::Result<Pipeline> {
//! let key = Source::Value(Secret::new("sk-…"));
//! let auth = Auth::new(key, AuthOptions { scheme: Scheme::Bearer, ..AuthOptions::default() })?;
//! let pipeline = Pipeline::new(vec![Arc::new(auth)], endpoint);
//! # Ok(pipeline)
//! # }
//! ```

mod options;

pub use options::AuthOptions;

use crate::{
    Result,
    credential::{Guard, Source, Terms},
    identity::Identity,
    pipeline::{BoxFuture, Middleware, Next},
    request::Request,
    response::Response,
};

/// The middleware.
pub struct Auth(Guard);

impl Auth {
    /// Sends calls with what this source gives.
    pub fn new(source: Source, options: AuthOptions) -> Result<Self> {
        let AuthOptions { scheme, timeout, ttl, renewal } = options;
        Guard::new(source, scheme, Terms { room: "auth", timeout, ttl, renewal }).map(Self)
    }

    /// Who asks, of calls that are sent with it.
    pub fn identity(&self) -> Identity {
        self.0.identity()
    }

    /// Throws away what the provider gave: the next call asks again.
    pub fn invalidate(&self) {
        self.0.invalidate();
    }
}

impl Middleware for Auth {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(self.0.send(req, next))
    }
}
