//! Answers one request: which reply it gets, what that consists of, how it is written.

mod body;
mod content;
mod intake;
pub(super) mod recipe;
mod writes;

use std::{convert::Infallible, future::pending, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
    request::Parts,
};
use hyper::body::Incoming;

use self::{
    body::{AnswerBody, Ending, Paced},
    content::Source,
    intake::Intake,
    writes::Writes,
};
use super::{
    handle::Shared,
    record::Exchange,
    reply::{Content, Cut, HangAt, Prepared},
    wire::{self, Line, Takeover},
};

type Answer = Response<AnswerBody>;

/// Made bodies that are larger are written in pieces, so that a client that leaves is noticed.
const PIECE: usize = 64 * 1024;

/// One request on its way to its answer.
struct Call {
    shared: Arc<Shared>,
    line: Arc<Line>,
    head: Parts,
    exchange: Exchange,
    request_id: String,
    /// A body that must stay unread for as long as the answer lasts.
    unread: Option<Incoming>,
}

pub(super) async fn answer(
    shared: Arc<Shared>,
    line: Arc<Line>,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    let proxied = wire::is_proxied(&shared.options, &head);
    let exchange = shared.ledger.arrive(line.number, &head, proxied);
    let request_id = shared.standard.request_id();
    let call = Call { shared, line, head, exchange, request_id, unread: None };
    Ok(if proxied { call.proxy(body).await } else { call.reply(body).await })
}

/// Those of an answer, over what all answers have.
fn headers(
    mut headers: HeaderMap,
    request_id: &str,
    status: StatusCode,
    reply: &Prepared,
    source: &Source,
) -> HeaderMap {
    if let Ok(id) = HeaderValue::try_from(request_id) {
        headers.insert("request-id", id);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(source.content_type()));
    if status == StatusCode::TOO_MANY_REQUESTS {
        headers.insert("retry-after", HeaderValue::from_static("1"));
    }
    if let Some(encoding) = reply.encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    }
    for (name, values) in &reply.headers {
        headers.remove(name);
        for value in values {
            headers.append(name, value.clone());
        }
    }
    headers
}

/// The connection, where no other request shares it.
fn own<'a>(line: &'a Line, head: &Parts) -> Option<&'a Line> {
    (head.version < Version::HTTP_2).then_some(line)
}

impl Call {
    async fn reply(mut self, body: Incoming) -> Answer {
        if self.lacks_key() {
            intake::whole(&mut self.exchange, own(&self.line, &self.head), body).await;
            return self.refuse(StatusCode::UNAUTHORIZED, Some("x-api-key header is required"));
        }
        let reply = match self.shared.choose(&self.head) {
            Ok(reply) => reply,
            Err(error) => {
                intake::whole(&mut self.exchange, own(&self.line, &self.head), body).await;
                return self.refuse(StatusCode::BAD_REQUEST, Some(&error.to_string()));
            }
        };
        let body = match intake::read(&mut self.exchange, own(&self.line, &self.head), body, reply.read).await
        {
            Intake::Body(body) => body,
            Intake::Unread(body) => {
                self.unread = Some(body);
                Bytes::new()
            }
            Intake::TooLarge if matches!(reply.content, Content::MadeUp) && reply.status.is_none() => {
                return self.refuse(StatusCode::PAYLOAD_TOO_LARGE, None);
            }
            Intake::TooLarge => Bytes::new(),
        };
        if let Some(delay) = reply.delay {
            tokio::time::sleep(delay).await;
        }
        if reply.hang == Some(HangAt::Headers) {
            return pending().await;
        }
        if let Content::Raw(bytes) = &reply.content {
            return self.take_over(Takeover::Raw(bytes.clone())).await;
        }
        let (status, source) = content::source(&reply, &self.head, &body, &self.request_id);
        self.write(&reply, status, source)
    }

    fn lacks_key(&self) -> bool {
        let has = |name| self.head.headers.contains_key(name);
        let open = self.head.uri.path() == "/" || has("x-api-key") || has("authorization");
        self.shared.options.require_key && !open
    }

    fn refuse(self, status: StatusCode, message: Option<&str>) -> Answer {
        let source = content::problem(status, message, &self.request_id);
        let plain = Arc::clone(&self.shared.made_up);
        self.write(&plain, status, source)
    }

    /// Ends HTTP on the connection. The future never ends: the connection drops it.
    async fn take_over(mut self, how: Takeover) -> Answer {
        self.exchange.complete();
        self.line.take_over(how);
        pending().await
    }

    fn write(mut self, reply: &Prepared, status: StatusCode, source: Source) -> Answer {
        let mut response = Response::new(AnswerBody::empty());
        *response.status_mut() = status;
        *response.headers_mut() =
            headers(self.shared.standard.limits(), &self.request_id, status, reply, &source);
        if self.head.method == Method::HEAD {
            self.exchange.complete();
        }
        *response.body_mut() = match source {
            Source::Whole(bytes, _) => {
                let bytes = reply.encoding.map_or(bytes.clone(), |encoding| encoding.encode(&bytes));
                if reply.is_plain() && bytes.len() <= PIECE {
                    AnswerBody::whole(bytes, self.exchange, self.unread)
                } else {
                    // A body that ends early on purpose must not have announced its length.
                    let ends_early = matches!(reply.cut, Some((_, Cut::End)));
                    let length = (!ends_early).then_some(bytes.len() as u64);
                    let writes = Writes::of_whole(bytes, reply);
                    self.paced(reply, writes, length)
                }
            }
            Source::Stream(frames) => {
                let writes = Writes::of_stream(frames, reply);
                self.paced(reply, writes, None)
            }
        };
        response
    }

    fn paced(self, reply: &Prepared, writes: Writes, length: Option<u64>) -> AnswerBody {
        let ending = Ending::of(reply);
        let flush_each = reply.pace.is_some() || reply.piece.is_some();
        let paced = Paced::new(writes, self.line, self.exchange, self.unread);
        AnswerBody::Paced(Box::new(paced.ending(ending, length).pace(flush_each, reply.pace)))
    }

    async fn proxy(mut self, body: Incoming) -> Answer {
        if wire::unauthorized(&self.shared.options, &self.head.headers) {
            let mut answer = self.refuse(StatusCode::PROXY_AUTHENTICATION_REQUIRED, None);
            let realm = HeaderValue::from_static("Basic realm=\"simulator\"");
            answer.headers_mut().insert("proxy-authenticate", realm);
            return answer;
        }
        if self.head.method == Method::CONNECT {
            return match wire::tunnel(&self.head.uri).await {
                Ok(target) => self.take_over(Takeover::Tunnel(target)).await,
                Err(error) => self.refuse(StatusCode::BAD_GATEWAY, Some(&error.to_string())),
            };
        }
        let Some(body) = intake::whole(&mut self.exchange, own(&self.line, &self.head), body).await else {
            return self.refuse(StatusCode::PAYLOAD_TOO_LARGE, None);
        };
        match wire::forward(&self.head, body).await {
            Ok(answer) => {
                let (mut head, body) = answer.into_parts();
                for hop in ["connection", "transfer-encoding"] {
                    head.headers.remove(hop);
                }
                Response::from_parts(head, AnswerBody::Forwarded(body, self.exchange))
            }
            Err(error) => self.refuse(StatusCode::BAD_GATEWAY, Some(&error.to_string())),
        }
    }
}
