//! What an answer consists of: scripted content, or what the API would say.

use bytes::Bytes;
use http::{StatusCode, request::Parts};
use serde_json::json;

use super::super::{
    api::{self, Api, Ask, Route},
    head::{header_pairs, path_and_query, version},
    reply::{Content, Prepared},
};

const JSON: &str = "application/json";

type Frames = Box<dyn Iterator<Item = Bytes> + Send>;

/// A body, or the frames of a stream.
pub(super) enum Source {
    Whole(Bytes, &'static str),
    Stream(Frames),
}

impl Source {
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Whole(_, kind) => kind,
            Self::Stream(_) => "text/event-stream; charset=utf-8",
        }
    }
}

/// An error body.
pub(super) fn problem(status: StatusCode, message: Option<&str>, request_id: &str) -> Source {
    Source::Whole(api::error_body(status, message, request_id), JSON)
}

pub(super) fn source(reply: &Prepared, head: &Parts, body: &[u8], request_id: &str) -> (StatusCode, Source) {
    let route = Route::of(&head.method, head.uri.path());
    let made = match &reply.content {
        Content::Body(bytes, kind) => Ok(Source::Whole(bytes.clone(), kind)),
        Content::Frames(frames) => Ok(Source::Stream(Box::new(frames.clone().into_iter()))),
        Content::Made(made) => Ok(Source::Stream(Box::new(made.frames(route.api())))),
        Content::Echo => Ok(Source::Whole(echo(head, body), JSON)),
        Content::Text(text) => {
            let ask = Ask::read(route.api(), body).unwrap_or_default();
            Ok(generated(reply, route.api(), &ask, text))
        }
        Content::Raw(_) | Content::MadeUp => made_up(reply, &route, body, request_id),
    };
    let scripted = reply.status.unwrap_or(StatusCode::OK);
    match made {
        Ok(source) => (scripted, source),
        // Whoever scripts a status wants that one, whatever the API thinks of the request.
        Err(_) if reply.status.is_some() => (scripted, Source::Whole(Bytes::new(), JSON)),
        Err((status, message)) => (status, problem(status, message.as_deref(), request_id)),
    }
}

type Refusal = (StatusCode, Option<String>);

fn made_up(reply: &Prepared, route: &Route<'_>, body: &[u8], request_id: &str) -> Result<Source, Refusal> {
    match reply.status {
        Some(status) if status.as_u16() >= 400 => return Ok(problem(status, None, request_id)),
        Some(StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED) => {
            return Ok(Source::Whole(Bytes::new(), JSON));
        }
        _ => {}
    }
    let read = |api| Ask::read(api, body).map_err(|message| (StatusCode::BAD_REQUEST, Some(message)));
    Ok(match route {
        Route::Generate(api) => {
            let ask = read(*api)?;
            generated(reply, *api, &ask, &ask.answer())
        }
        Route::CountTokens => Source::Whole(api::count_tokens(&read(Api::Messages)?), JSON),
        Route::Models => Source::Whole(api::models(), JSON),
        Route::Root => Source::Whole(api::root(), JSON),
        Route::Model(id) => {
            let missing = || (StatusCode::NOT_FOUND, Some(format!("model: {id}")));
            Source::Whole(api::model(id).ok_or_else(missing)?, JSON)
        }
        Route::WrongMethod => return Err((StatusCode::METHOD_NOT_ALLOWED, None)),
        Route::Unknown => return Err((StatusCode::NOT_FOUND, None)),
    })
}

fn generated(reply: &Prepared, api: Api, ask: &Ask, text: &str) -> Source {
    if !ask.stream && reply.error_at.is_none() {
        return Source::Whole(api::unary(api, ask, text), JSON);
    }
    let words: Vec<_> = api::words(text).collect();
    let frames = api::stream(api, &ask.model, ask.input_tokens, &words, words.len());
    Source::Stream(Box::new(frames.into_iter()))
}

fn echo(head: &Parts, body: &[u8]) -> Bytes {
    let told = json!({
        "method": head.method.as_str(),
        "url": path_and_query(head),
        "headers": header_pairs(head),
        "body": String::from_utf8_lossy(body),
        "httpVersion": version(head),
    });
    told.to_string().into()
}
