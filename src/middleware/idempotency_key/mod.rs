//! Names each call to the server by a header that is the same over its attempts, so that a server that knows it
//! does the call once however often it arrives.
//!
//! It may stand outside or inside of `retry`: the key belongs to the call.
//!
//! ```
//! use std::sync::Arc;
//! use trae_native::{
//!     middleware::idempotency_key::{IdempotencyKey, IdempotencyKeyOptions},
//!     pipeline::Pipeline,
//!     transport::Scripted,
//! };
//!
//! let key = IdempotencyKey::new(IdempotencyKeyOptions::default());
//! let pipeline = Pipeline::new(vec![Arc::new(key)], Arc::new(Scripted::default()));
//! ```
//!
//! - [`options`]: what can be set · `key`: how a key is written

mod key;
pub mod options;

use std::hash::{BuildHasher, RandomState};

use http::{Extensions, HeaderValue};

pub use self::options::IdempotencyKeyOptions;
use crate::{
    Result,
    pipeline::{BoxFuture, Middleware, Next},
    request::{CallId, Request},
    response::Response,
};

/// The middleware.
pub struct IdempotencyKey {
    options: IdempotencyKeyOptions,
    /// Keyed by 128 bits of the system's chance: what it makes of a call's name differs from all that others make
    /// of theirs, in other processes too.
    chance: RandomState,
}

impl IdempotencyKey {
    /// A middleware that writes this header.
    pub fn new(options: IdempotencyKeyOptions) -> Self {
        Self { options, chance: RandomState::new() }
    }

    fn key(&self, call: CallId) -> Option<HeaderValue> {
        let half = |which: u8| u128::from(self.chance.hash_one((call, which)));
        HeaderValue::try_from(key::written(half(0) << 64 | half(1))).ok()
    }
}

impl Middleware for IdempotencyKey {
    fn handle<'a>(&'a self, mut req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        let IdempotencyKeyOptions { header, methods } = &self.options;
        if methods.contains(&req.method)
            && !req.headers.contains_key(header)
            && let Some(key) = self.key(call(&mut req.extensions))
        {
            // Among tens of thousands of headers there is no room for one more: no server takes them anyway.
            let _ = req.headers.try_insert(header, key);
        }
        next.run(req)
    }
}

/// The call's name, which the client has given it; where nobody has, it gets one.
fn call(extensions: &mut Extensions) -> CallId {
    *extensions.get_or_insert_with(CallId::next)
}
