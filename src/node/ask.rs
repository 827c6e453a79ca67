//! Questions to a native middleware that are no calls: one is settled as a call is.

use std::sync::Arc;

use futures_util::future::{AbortHandle, Abortable};
use napi::Env;
use napi_derive::napi;
use serde_json::Value;

use super::{
    call::{Duty, Owed, parse},
    client::NativeMiddleware,
    engine::{Engine, Running},
    mailbox::{Letter, Mailbox, Whole},
    outbox::Outbox,
    runtime,
    text::Head,
};
use crate::{
    Error, Result,
    client::{Native, Questions},
};

#[napi]
impl Engine {
    /// Asks a middleware. What it answers comes through the drain, as the JSON of an answer.
    #[napi(catch_unwind)]
    pub fn ask(
        &mut self,
        env: Env,
        middleware: &NativeMiddleware,
        id: u32,
        question: String,
        given: String,
    ) -> napi::Result<()> {
        let outbox = Arc::new(Outbox::new(id, Arc::clone(&self.mailbox)));
        let (abort, registration) = AbortHandle::new_pair();
        let Native { ask, .. } = &middleware.0;
        let asking = told(ask.clone(), question, given, Arc::clone(&outbox), Arc::clone(&self.mailbox));
        runtime::handle()?.spawn(self.tasks.track_future(Abortable::new(asking, registration)));
        self.hold(env, id, Running { abort, outbox, upload: None });
        Ok(())
    }
}

async fn told(
    asked: Option<Arc<dyn Questions>>,
    question: String,
    given: String,
    outbox: Arc<Outbox>,
    mailbox: Arc<Mailbox>,
) {
    let mut duty = Duty { outbox: &outbox, mailbox: &mailbox, owed: Owed::Answer };
    let answer = answer(asked, question, &given).await;
    duty.owed = Owed::Nothing;
    let id = outbox.id;
    mailbox.push(match answer {
        Ok(answer) => {
            Letter::Settled { id, head: Head::none(), content: Whole::Json(answer.to_string().into()) }
        }
        Err(error) => Letter::Failed { id, error },
    });
}

async fn answer(asked: Option<Arc<dyn Questions>>, question: String, given: &str) -> Result<Value> {
    let asked = asked.ok_or_else(|| Error::config("this middleware answers no questions"))?;
    asked.ask(question, parse(given)?).await
}
