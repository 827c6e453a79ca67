//! What a layer written outside of these rooms needs of a call: to change its request as the caller could,
//! and to read its answer as the caller would.

use std::sync::Arc;

use http::{HeaderMap, Method};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    call, query,
    reply::{self, Asked, Content, Look, Reply},
    settings::{CallSettings, Settings},
};
use crate::{Result, body::Body, request::Request, response::Response};

/// Stands in the extensions of each request.
#[derive(Clone)]
pub struct View {
    pub(super) settings: Arc<Settings>,
    pub(super) call: CallSettings,
    pub(super) started: Instant,
}

/// What has become different; nothing of it checked yet.
#[derive(Debug, Default)]
pub struct Changes {
    /// The HTTP method.
    pub method: Option<Method>,
    /// Where the call goes, as a caller writes it, and all of its own parameters.
    pub target: Option<(String, Value)>,
    /// All headers.
    pub headers: Option<Value>,
    /// The content and its media type.
    pub body: Option<(Body, Option<String>)>,
}

impl View {
    /// Changes a request; what cannot be sent is the caller's error, as if he had written it.
    pub fn change(&self, req: &mut Request, changes: Changes) -> Result<()> {
        let Changes { method, target, headers, body } = changes;
        if let Some(method) = method {
            req.method = method;
        }
        if let Some((url, params)) = target {
            let (mut url, foreign) = call::target(&self.settings, &url)?;
            if !foreign {
                query::append(&mut url, &self.settings.params);
            }
            query::append(&mut url, &query::encode(&params)?);
            req.url = url;
        }
        if let Some(headers) = headers {
            req.headers = HeaderMap::new();
            super::headers::apply(&mut req.headers, &headers)?;
        }
        if let Some((body, media_type)) = body {
            call::describe_content(&mut req.headers, &body, media_type)?;
            req.body = body;
        }
        Ok(())
    }

    /// Reads a whole answer, which stays where it is; a stream is left unread.
    pub async fn look(&self, req: &Asked, res: &mut Response) -> Result<Look> {
        reply::look(req, res, &self.call).await
    }

    /// Takes the stream out of an answer, to be read now.
    pub async fn open(&self, req: &Asked, res: Response) -> Result<Content> {
        let Reply { content, .. } = reply::shape(req, res, &self.call, self.started).await?;
        Ok(content)
    }
}
