//! Warm-ups: one is settled as a call is; what goes on after it belongs to no call, and keeps no script alive.

use std::sync::Arc;

use futures_util::future::{AbortHandle, Abortable};
use napi::{Env, bindgen_prelude::Either};
use napi_derive::napi;

use super::{
    call::{Duty, Owed, parse},
    client::NativeClient,
    engine::{Engine, Running},
    mailbox::{Letter, Mailbox, Whole},
    outbox::Outbox,
    runtime,
    text::{self, Head},
};
use crate::{Result, client::Client};

/// A number of connections that is kept up, until this is stopped or collected.
#[napi]
pub struct NativeKeeper(tokio::task::AbortHandle);

#[napi]
impl NativeKeeper {
    /// Opens no more of them.
    #[napi(catch_unwind)]
    pub fn stop(&self) {
        self.0.abort();
    }
}

impl Drop for NativeKeeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[napi]
impl Engine {
    /// Starts a warm-up. Its outcome comes through the drain, the report as the JSON of an answer.
    #[napi(catch_unwind)]
    pub fn warmup(&mut self, env: Env, client: &NativeClient, id: u32, options: String) -> napi::Result<()> {
        let outbox = Arc::new(Outbox::new(id, Arc::clone(&self.mailbox)));
        let (abort, registration) = AbortHandle::new_pair();
        let warming = warm(Arc::clone(&client.0), options, Arc::clone(&outbox), Arc::clone(&self.mailbox));
        runtime::handle()?.spawn(self.tasks.track_future(Abortable::new(warming, registration)));
        self.hold(env, id, Running { abort, outbox, upload: None });
        Ok(())
    }

    /// Keeps up what a warm-up has opened; `None` where its options do not ask for that, or why they are wrong.
    #[napi(catch_unwind)]
    pub fn keep_warm(
        &self,
        client: &NativeClient,
        options: String,
    ) -> napi::Result<Option<Either<NativeKeeper, String>>> {
        Ok(match parse(&options).and_then(|options| client.0.keep_warm(options)) {
            Ok(None) => None,
            Ok(Some(keeping)) => {
                Some(Either::A(NativeKeeper(runtime::handle()?.spawn(keeping).abort_handle())))
            }
            Err(error) => Some(Either::B(text::describe_error(&error))),
        })
    }
}

async fn warm(client: Arc<Client>, options: String, outbox: Arc<Outbox>, mailbox: Arc<Mailbox>) {
    let mut duty = Duty { outbox: &outbox, mailbox: &mailbox, owed: Owed::Answer };
    let report = report(&client, &options).await;
    duty.owed = Owed::Nothing;
    let id = outbox.id;
    mailbox.push(match report {
        Ok(report) => Letter::Settled { id, head: Head::none(), content: Whole::Json(report.into()) },
        Err(error) => Letter::Failed { id, error },
    });
}

async fn report(client: &Client, options: &str) -> Result<String> {
    let warmed = client.warmup(parse(options)?).await?;
    Ok(text::describe_warmth(&warmed))
}
