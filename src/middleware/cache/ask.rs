//! A request that can be made again: its content is in memory.

use std::sync::Arc;

use bytes::Bytes;
use http::{Extensions, HeaderMap, Method};
use url::Url;

use crate::{
    body::Body,
    identity::Asker,
    request::{Deadline, Options, Request},
};

/// A request without anything that passes only once, so that it may be looked at from everywhere.
pub(super) struct Ask {
    method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    body: Option<Bytes>,
    pub(super) options: Arc<Options>,
    attempt: u32,
    pub(super) extensions: Extensions,
    asker: Asker,
}

impl Ask {
    /// Hands back what can't be made again.
    pub(super) fn of(req: Request) -> Result<Self, Box<Request>> {
        let body = match &req.body {
            Body::Empty => None,
            Body::Full(bytes) => Some(bytes.clone()),
            Body::Stream(_) | Body::Events(_) => return Err(Box::new(req)),
        };
        let Request { method, url, headers, options, attempt, extensions, body: _ } = req;
        // That of a cache further out, where there is one: it has to hear too.
        let asker = extensions.get::<Asker>().cloned().unwrap_or_default();
        Ok(Self { method, url, headers, body, options, attempt, extensions, asker })
    }

    /// Whether, further in, it has become another's.
    pub(super) fn is_anothers(&self) -> bool {
        self.asker.has_changed()
    }

    /// The same, for whoever keeps the answer.
    pub(super) fn asker(&self) -> Asker {
        self.asker.clone()
    }

    fn body(&self) -> Body {
        self.body.clone().map_or(Body::Empty, Body::Full)
    }

    /// As it came.
    pub(super) fn again(&self) -> Request {
        Request {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: self.body(),
            options: Arc::clone(&self.options),
            attempt: self.attempt,
            extensions: self.extensions.clone(),
        }
    }

    /// As it is sent for all who ask the same: how long its caller waits is his own.
    pub(super) fn for_all(&self) -> Request {
        let mut req = self.again();
        req.extensions.remove::<Deadline>();
        req.extensions.insert(self.asker.clone());
        req
    }
}
