//! What a layer written outside of these rooms needs of a call: to change its request as the caller could,
//! and to read its answer as the caller would.

use std::sync::Arc;

use http::{HeaderMap, Method, header::CONTENT_LENGTH};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    call, query,
    reply::{self, Asked, Content, Look, Reply},
    secrets::Secrets,
    settings::{CallSettings, Settings},
};
use crate::{
    Result,
    body::Body,
    identity::{Asker, identity_of},
    place::Place,
    request::Request,
    response::Response,
};

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
    /// How long a streamed content is, where that is known.
    pub length: Option<u64>,
}

impl View {
    /// Changes a request; what cannot be sent is the caller's error, as if he had written it.
    pub fn change(&self, req: &mut Request, changes: Changes) -> Result<()> {
        let Changes { method, target, headers, body, length } = changes;
        let secrets = Secrets::of(&req.headers);
        let mut leaves = false;
        if let Some(method) = method {
            req.method = method;
        }
        if let Some((url, params)) = target {
            let (mut url, foreign) = call::target(&self.settings, &url)?;
            if !foreign {
                query::append(&mut url, &self.settings.params);
            }
            query::append(&mut url, &query::encode(&params)?);
            if let Some(place) = req.extensions.get::<Place>().filter(|_| !foreign) {
                url = place.of(&url, req.options.home.as_ref());
            }
            // Also on its way home: what it was sent elsewhere with is not of here.
            leaves = url.origin() != req.url.origin();
            req.url = url;
        }
        let asker = req.extensions.get::<Asker>().filter(|_| headers.is_some()).cloned();
        let asker = asker.map(|asker| (asker, identity_of(req)));
        if let Some(headers) = headers {
            req.headers = HeaderMap::new();
            super::headers::apply(&mut req.headers, &headers)?;
        }
        if let Some((body, media_type)) = body {
            call::describe_content(&mut req.headers, &body, media_type)?;
            if let Some(length) = length {
                req.headers.insert(CONTENT_LENGTH, length.into());
            }
            req.body = body;
        }
        guard(&mut req.headers, &secrets, leaves);
        if let Some((asker, who)) = asker
            && identity_of(req) != who
        {
            asker.changes();
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

/// What was a secret before stays one, though it came back as mere text; where the call leaves its origin it stays
/// behind, and only what was written for the new one goes along.
fn guard(headers: &mut HeaderMap, secrets: &Secrets, leaves: bool) {
    let mut left = Vec::new();
    for (name, value) in headers.iter_mut().filter(|(_, value)| secrets.contains(value)) {
        value.set_sensitive(true);
        left.push(name.clone());
    }
    for name in left.iter().filter(|_| leaves) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::client::Call;

    fn request(secret: &str) -> (View, Request) {
        let config = json!({ "baseURL": "https://api.example", "allowAbsoluteUrls": true });
        let settings = Arc::new(Settings::read(config).unwrap());
        let call = Call { method: Method::POST, url: "/v1".to_owned(), ..Call::default() };
        let (mut req, call) = call::prepare(&settings, call).unwrap();
        req.headers.insert("x-odd", crate::secret::Secret::new(secret).header("").unwrap());
        (View { settings, call, started: Instant::now() }, req)
    }

    #[test]
    fn a_secret_that_comes_back_as_text_is_one_still() {
        let (view, mut req) = request("quite-secret");
        let headers = json!({ "x-odd": "quite-secret", "x-plain": "v" });
        view.change(&mut req, Changes { headers: Some(headers), ..Changes::default() }).unwrap();
        assert!(req.headers["x-odd"].is_sensitive() && !req.headers["x-plain"].is_sensitive());
    }

    #[test]
    fn a_secret_stays_behind_when_a_call_is_sent_elsewhere_and_what_was_written_for_there_goes_along() {
        for (url, headers, odd, own) in [
            ("https://evil.example/", None, false, false),
            (
                "https://evil.example/",
                Some(json!({ "x-odd": "quite-secret", "x-api-key": "theirs" })),
                false,
                true,
            ),
            ("/v2", None, true, false),
            ("https://api.example/v2", Some(json!({ "x-odd": "quite-secret" })), true, false),
        ] {
            let (view, mut req) = request("quite-secret");
            let target = Some((url.to_owned(), Value::Null));
            view.change(&mut req, Changes { target, headers, ..Changes::default() }).unwrap();
            let has = |name| req.headers.contains_key(name);
            assert_eq!((has("x-odd"), has("x-api-key")), (odd, own), "{url}");
        }
    }
}
