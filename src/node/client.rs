//! Clients and native middlewares, as JavaScript holds them.

use std::sync::Arc;

use napi::bindgen_prelude::{Buffer, ClassInstance, Either};
use napi_derive::napi;

use super::{
    call::parse,
    js_middleware::{Conditional, JsMiddleware},
    script::Script,
    text,
};
use crate::{
    client::{Client, Native},
    pipeline::Middleware,
};

/// What a client is to JavaScript: a name for the options and the pool behind it.
#[napi]
pub struct NativeClient(pub(super) Arc<Client>, pub(super) Option<Arc<Script>>);

#[napi]
impl NativeClient {
    /// A client with other options on the same pool, or why the options are wrong.
    #[napi(catch_unwind)]
    pub fn extend(&self, config: String) -> Either<NativeClient, String> {
        made(parse(&config).and_then(|config| self.0.extend(config)), self.1.clone())
    }

    /// The same client with layers around its calls, the first outermost: a number is a group of JavaScript's.
    ///
    /// A native one with a condition asks JavaScript under that number whether a call passes through it.
    #[napi(catch_unwind)]
    pub fn layered(
        &self,
        layers: Vec<Either<ClassInstance<'_, NativeMiddleware>, u32>>,
        conditions: Vec<Option<u32>>,
    ) -> Either<NativeClient, String> {
        let layers = layers.iter().zip(conditions).map(|(layer, condition)| match (layer, condition) {
            (Either::B(group), _) => Arc::new(JsMiddleware { group: *group }) as Arc<dyn Middleware>,
            (Either::A(native), None) => Arc::clone(&native.0.middleware),
            (Either::A(native), Some(group)) => {
                Arc::new(Conditional { group, inner: Arc::clone(&native.0.middleware) })
            }
        });
        made(self.0.layered(layers.collect()), self.1.clone())
    }

    /// The data of the error that an answer stands for.
    #[napi(catch_unwind)]
    pub fn describe_status(&self, status: u16, headers: String, body: Buffer, sent: String) -> String {
        let sent = parse(&sent).unwrap_or_default();
        text::describe_status(&self.0, status, &headers, body.to_vec(), &sent)
    }

    /// Whether a call is worth a try at once.
    #[napi(getter, catch_unwind)]
    pub fn at_once(&self) -> bool {
        self.1.is_none() && self.0.answers_at_once()
    }

    /// What the layers called `metrics` have counted, a list of one text, or why there is none.
    #[napi(catch_unwind)]
    pub fn metrics(&self, format: String) -> Either<Vec<String>, String> {
        match self.0.metrics(&format) {
            Ok(text) => Either::A(vec![text]),
            Err(error) => Either::B(text::describe_error(&error)),
        }
    }

    /// What the pool is doing, as JSON.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> String {
        serde_json::to_string(&self.0.stats()).unwrap_or_default()
    }
}

/// A native middleware, whose state is shared by all clients that use it.
#[napi]
pub struct NativeMiddleware(pub(super) Native);

#[napi]
impl NativeMiddleware {
    /// Throws away the credential that it keeps, where it keeps one.
    #[napi(catch_unwind)]
    pub fn invalidate(&self) {
        if let Some(invalidate) = &self.0.invalidate {
            invalidate();
        }
    }

    /// Why options that come with each question are wrong; nothing where they can be used.
    #[napi(catch_unwind)]
    pub fn check(&self, options: String) -> Option<String> {
        let ask = self.0.ask.as_ref()?;
        let checked = parse(&options).and_then(|options| ask.check(options));
        checked.err().map(|error| text::describe_error(&error))
    }

    /// The text as it may be shown by the rules that it has.
    #[napi(catch_unwind)]
    pub fn shown(&self, text: String) -> String {
        match &self.0.rules {
            Some(rules) => rules.text(&text).into_owned(),
            None => text,
        }
    }
}

pub(super) fn made(
    client: crate::Result<Client>,
    script: Option<Arc<Script>>,
) -> Either<NativeClient, String> {
    match client {
        Ok(client) => Either::A(NativeClient(Arc::new(client), script)),
        Err(error) => Either::B(text::describe_error(&error)),
    }
}
