//! How JavaScript answers a group of its middlewares: the calls that mirror `js/middleware/passage.ts`.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::AbortHandle;
use http::StatusCode;
use napi::{Env, bindgen_prelude::Uint8Array};
use napi_derive::napi;

use super::{
    call::parse,
    callback::threw,
    engine::{Engine, Running},
    groups::{Opening, Wish},
    held::{Held, Thrown},
    js_middleware::Made,
    mailbox::lock,
    outbox::Outbox,
    upload::Upload,
};
use crate::{
    Error, ErrorKind, Phase, Result,
    client::{self, Changes},
};

#[napi]
impl Engine {
    /// Runs the layers further in, with what has become different; `url` comes with `params`, `data` with its type.
    #[napi(catch_unwind)]
    pub fn next(
        &mut self,
        env: Env,
        passage: u32,
        id: u32,
        method: Option<String>,
        url: Option<String>,
        params: Option<String>,
        headers: Option<String>,
        data: bool,
        json: Option<String>,
        bytes: Option<Uint8Array>,
        content_type: Option<String>,
        upload: bool,
        length: Option<f64>,
    ) {
        let body = data.then(|| {
            let (pieces, body, media_type) = self.content(id, json, bytes, content_type, upload);
            if pieces.is_some() {
                self.track(env, id, AbortHandle::new_pair().0, pieces);
            }
            (body, media_type)
        });
        let changes = || -> Result<Changes> {
            let method = method.map(|method| method.parse()).transpose();
            let params = params.as_deref().map(parse).transpose()?.unwrap_or_default();
            Ok(Changes {
                method: method.map_err(|_| Error::config("that is no HTTP method"))?,
                target: url.map(|url| (url, params)),
                headers: headers.as_deref().map(parse).transpose()?,
                body,
                length: length.and_then(whole),
            })
        };
        self.passages.tell(passage, Wish::Next { id, changes: changes() });
    }

    /// Gives up what is under way further in.
    #[napi(catch_unwind)]
    pub fn give_up(&self, passage: u32) {
        self.passages.tell(passage, Wish::GiveUp);
    }

    /// Begins to hand over a stream that came from further in.
    #[napi(catch_unwind)]
    pub fn open_stream(&mut self, env: Env, passage: u32, id: u32) {
        let (abort, registration) = AbortHandle::new_pair();
        // What is still being sent goes on.
        let upload = lock(&self.running).remove(&id).and_then(|running| running.upload);
        let outbox = self.track(env, id, abort, upload);
        self.passages.tell(passage, Wish::Open(Opening::new(outbox, registration)));
    }

    /// The group's outcome is what came from further in.
    #[napi(catch_unwind)]
    pub fn as_it_came(&self, passage: u32) {
        self.passages.tell(passage, Wish::AsItCame);
    }

    /// The group's outcome is an answer of its own; JavaScript holds the value of its content under a number.
    #[napi(catch_unwind)]
    pub fn made(
        &self,
        passage: u32,
        status: u32,
        headers: String,
        url: Option<String>,
        content: String,
        attempts: u32,
        number: u32,
    ) {
        // First: JavaScript holds the value until this is dropped, whatever else is wrong.
        let held = Held::new(number, &self.mailbox);
        let made = || -> Result<Made> {
            Ok(Made {
                status: u16::try_from(status)
                    .ok()
                    .and_then(|status| StatusCode::from_u16(status).ok())
                    .ok_or_else(|| middleware("gave an answer whose status is none"))?,
                headers: client::answer_headers(&parse(&headers)?),
                body: Bytes::from(content),
                url: url.and_then(|url| url.parse().ok()),
                attempts,
                held,
            })
        };
        self.passages.tell(passage, Wish::Made(made()));
    }

    /// Whether the call passes through the native middleware that asked.
    #[napi(catch_unwind)]
    pub fn chosen(&self, passage: u32, passes: bool) {
        self.passages.tell(passage, Wish::Chosen(passes));
    }

    /// What a function gave, as JSON.
    #[napi(catch_unwind)]
    pub fn answer(&self, question: u32, json: String) {
        self.questions.answer(question, Ok(json));
    }

    /// A function threw; JavaScript holds what it threw under a number.
    #[napi(catch_unwind)]
    pub fn answer_thrown(&self, question: u32, number: u32, words: String) {
        self.questions.answer(question, threw(number, words, &self.mailbox));
    }

    /// The group threw; JavaScript holds what it threw under a number.
    #[napi(catch_unwind)]
    pub fn thrown(&self, passage: u32, number: u32, words: String) {
        let error =
            middleware(&format!("threw: {words}")).with_source(Thrown(Held::new(number, &self.mailbox)));
        self.passages.tell(passage, Wish::Made(Err(error)));
    }
}

impl Engine {
    /// Knows what is under way further in by its number.
    fn track(&mut self, env: Env, id: u32, abort: AbortHandle, upload: Option<Upload>) -> Arc<Outbox> {
        let outbox = Arc::new(Outbox::new(id, Arc::clone(&self.mailbox)));
        self.hold(env, id, Running { abort, outbox: Arc::clone(&outbox), upload });
        outbox
    }
}

/// A number of bytes.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "range and fraction are checked")]
fn whole(number: f64) -> Option<u64> {
    (number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number)).then_some(number as u64)
}

fn middleware(what: &str) -> Error {
    Error::new(ErrorKind::Middleware, Phase::Prepare, format!("a JavaScript middleware {what}"))
}
