//! One JavaScript environment's end of the engine: calls out by one synchronous call, news back by one drain.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::AbortHandle;
use napi::{
    Env,
    bindgen_prelude::{Array, Either, Float64Array, Function, Uint8Array},
};
use napi_derive::napi;
use tokio_util::task::TaskTracker;

use super::{
    call::{Job, parse},
    callback::{Callback, Questions},
    client::{NativeClient, NativeMiddleware, made},
    drain::{self, Drained, SLOTS},
    functions::functions,
    groups::Passages,
    inbox::{self, Inbox, Work},
    lifecycle,
    mailbox::{Mailbox, lock},
    outbox::Outbox,
    runtime, text,
    upload::{self, Upload},
};
use crate::{
    Error, ErrorKind, Phase,
    body::Body,
    client::{self, Client, defaults},
    request::CallId,
};

/// A call that is under way.
pub(super) struct Running {
    pub(super) abort: AbortHandle,
    pub(super) outbox: Arc<Outbox>,
    pub(super) upload: Option<Upload>,
}

/// How long the end of a process may wait for a slow standard error.
const FLUSH: Duration = Duration::from_secs(1);

/// What begins the calls, once there was one.
pub(super) type Dispatcher = Arc<OnceLock<tokio::task::AbortHandle>>;

/// Calls by number. Only JavaScript's thread and the environment's exit touch it, so the lock is never contended.
pub(super) type Calls = Arc<Mutex<HashMap<u32, Running>>>;

/// One per environment. Its calls are cancelled and joined when the environment goes.
#[napi]
pub struct Engine {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) questions: Arc<Questions>,
    pub(super) running: Calls,
    pub(super) passages: Arc<Passages>,
    pub(super) tasks: TaskTracker,
    dispatcher: Dispatcher,
    pub(super) slab: Option<Float64Array>,
}

#[napi]
impl Engine {
    /// `wake` is called, with nothing, whenever there is something to drain.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, wake: Function<'_, (), ()>) -> napi::Result<Self> {
        let waker = wake
            .build_threadsafe_function()
            .weak::<true>()
            .callee_handled::<false>()
            .build_callback(|_| Ok(()))?;
        let engine = Self {
            mailbox: Arc::new(Mailbox::new(waker)),
            inbox: Arc::default(),
            questions: Arc::default(),
            running: Calls::default(),
            passages: Arc::default(),
            tasks: TaskTracker::new(),
            dispatcher: Dispatcher::default(),
            slab: None,
        };
        let (running, dispatcher) = (Arc::clone(&engine.running), Arc::clone(&engine.dispatcher));
        lifecycle::on_exit(env, running, dispatcher, engine.tasks.clone())?;
        Ok(engine)
    }

    /// A client, or why its options are wrong: a string is the error's data.
    #[napi(catch_unwind)]
    pub fn create_client(&self, config: String) -> Either<NativeClient, String> {
        // The transport wants a runtime at hand; without one the first call will say why.
        let _guard = runtime::handle();
        made(parse(&config).and_then(Client::new), None)
    }

    /// A native middleware, or why its options are wrong; the functions that they name have numbers in JavaScript.
    #[napi(catch_unwind)]
    pub fn create_middleware(
        &self,
        kind: String,
        options: String,
        functions: HashMap<String, u32>,
    ) -> Either<NativeMiddleware, String> {
        let functions = self::functions(functions, self);
        match parse(&options).and_then(|options| client::native(&kind, options, functions)) {
            Ok(native) => Either::A(NativeMiddleware(native)),
            Err(error) => Either::B(text::describe_error(&error)),
        }
    }

    /// Starts a call. Its outcome comes through the drain, whatever happens. Returns its name, for whoever makes it
    /// `again` after so many attempts.
    #[napi(catch_unwind)]
    pub fn send(
        &mut self,
        env: Env,
        client: &NativeClient,
        id: u32,
        method: String,
        url: String,
        json: Option<String>,
        bytes: Option<Uint8Array>,
        content_type: Option<String>,
        options: Option<String>,
        upload: bool,
        attempts: u32,
        again: Option<i64>,
    ) -> napi::Result<i64> {
        self.start()?;
        let (pieces, body, content_type) = self.content(id, json, bytes, content_type, upload);
        let job = self.job(client, id, (method, url), (body, content_type), options, (attempts, again));
        let (name, outbox) = (job.name, Arc::clone(&job.outbox));
        let abort = match &client.1 {
            None => self.inbox.push(Work::Fresh(job)),
            Some(script) => script.begin(job, &self.tasks),
        };
        self.hold(env, id, Running { abort, outbox, upload: pieces });
        Ok(i64::try_from(name.number()).unwrap_or_default())
    }

    /// Fetches letters: numbers into the slab, texts and buffers into the array, [`SLOTS`] at a time at most.
    /// Returns how many letters there were; as many as the slab holds means that there may be more.
    #[napi(catch_unwind)]
    pub fn drain(&mut self, env: Env, mut values: Array<'_>) -> napi::Result<u32> {
        let numbers = drain::numbers(self.slab.as_mut());
        let most = (numbers.len() / SLOTS).max(1);
        let letters = self.mailbox.take(most);
        let count = letters.len();
        let mut drained = Drained { env, numbers, values: &mut values, place: 0, shared: String::new() };
        let mut ended = Vec::new();
        for letter in letters {
            let (id, stream) = letter.about();
            let over = match drained.write(letter) {
                Ok(over) => over,
                Err(_) => drained.spoil(id, stream).map(|()| Some(id))?,
            };
            ended.extend(over);
        }
        drained.finish()?;
        for id in ended {
            self.forget(env, id);
        }
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Ends a call; its letters, if any are on their way, are for nobody.
    #[napi(catch_unwind)]
    pub fn abort(&mut self, env: Env, id: u32) {
        if let Some(running) = lock(&self.running).get(&id) {
            running.abort.abort();
        }
        self.forget(env, id);
    }

    /// JavaScript has read this many bytes of a stream.
    #[napi(catch_unwind)]
    pub fn grant(&self, id: u32, bytes: u32) {
        if let Some(running) = lock(&self.running).get(&id) {
            running.outbox.grant(bytes as usize);
        }
    }

    /// Queues a piece of a request body; `false` asks to wait for the letter that says there is room.
    #[napi(catch_unwind)]
    pub fn upload(&self, id: u32, piece: Uint8Array) -> bool {
        match lock(&self.running).get(&id).and_then(|running| running.upload.as_ref()) {
            Some(upload) => upload.push(Bytes::copy_from_slice(&piece)),
            None => true,
        }
    }

    /// Ends a request body, with an error where its producer failed.
    #[napi(catch_unwind)]
    pub fn upload_end(&mut self, id: u32, failure: Option<String>) {
        let upload = lock(&self.running).get_mut(&id).and_then(|running| running.upload.take());
        let Some(upload) = upload else { return };
        if let Some(failure) = failure {
            let message = format!("the request body failed while it was read: {failure}");
            upload.fail(Error::new(ErrorKind::RequestBody, Phase::FirstByte, message));
        }
    }

    /// Waits until what was logged to standard error is written, but not for long.
    #[napi(catch_unwind)]
    pub fn flush_log(&self) {
        client::Stderr::of_process().flush(FLUSH);
    }

    /// Numbers per letter in the slab.
    #[napi(getter, catch_unwind)]
    pub fn letter_slots(&self) -> u32 {
        u32::try_from(SLOTS).unwrap_or(u32::MAX)
    }

    /// The defaults by option name, as JSON.
    #[napi(catch_unwind)]
    pub fn option_defaults(&self) -> String {
        defaults().to_string()
    }

    /// `[wake-ups, calls running, tasks alive]`: what tests and benchmarks count.
    #[napi(catch_unwind)]
    pub fn counters(&self) -> Vec<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        let count = |count: usize| count as f64;
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        let wakeups = self.mailbox.wakeups() as f64;
        vec![wakeups, count(lock(&self.running).len()), count(self.tasks.len())]
    }

    /// What a call sends: a text is JSON, and an upload comes piece by piece.
    pub(super) fn content(
        &self,
        id: u32,
        json: Option<String>,
        bytes: Option<Uint8Array>,
        content_type: Option<String>,
        upload: bool,
    ) -> (Option<Upload>, Body, Option<String>) {
        match (json, bytes) {
            (Some(json), _) => (None, Body::Full(json.into()), Some("application/json".to_owned())),
            (None, Some(bytes)) => (None, Body::Full(Bytes::copy_from_slice(&bytes)), content_type),
            (None, None) if upload => {
                let (pieces, body) = upload::channel(id, &self.mailbox);
                (Some(pieces), body, content_type)
            }
            (None, None) => (None, Body::Empty, content_type),
        }
    }

    /// A call as it is handed on, under the name it has or a new one.
    pub(super) fn job(
        &self,
        client: &NativeClient,
        id: u32,
        (method, url): (String, String),
        (body, content_type): (Body, Option<String>),
        options: Option<String>,
        (attempts, again): (u32, Option<i64>),
    ) -> Job {
        let name = again.and_then(|name| u64::try_from(name).ok()).map_or_else(CallId::next, CallId::again);
        Job {
            client: Arc::clone(&client.0),
            method,
            url,
            body,
            content_type,
            options,
            attempts,
            name,
            outbox: Arc::new(Outbox::new(id, Arc::clone(&self.mailbox))),
            mailbox: Arc::clone(&self.mailbox),
            passages: Arc::clone(&self.passages),
            tasks: self.tasks.clone(),
        }
    }

    /// One of JavaScript's functions.
    pub(super) fn callback(&self, number: u32) -> Callback {
        let (mailbox, questions) = (Arc::clone(&self.mailbox), Arc::clone(&self.questions));
        Callback { number, mailbox, questions }
    }

    /// Begins to take calls, at the first one: until then the process needs no threads.
    pub(super) fn start(&self) -> napi::Result<()> {
        if self.dispatcher.get().is_none() {
            let calls = inbox::dispatch(Arc::clone(&self.inbox), self.tasks.clone());
            let dispatcher = runtime::handle()?.spawn(calls).abort_handle();
            self.dispatcher.get_or_init(|| dispatcher);
        }
        Ok(())
    }

    /// What is under way keeps the script alive.
    pub(super) fn hold(&mut self, env: Env, id: u32, running: Running) {
        let mut all = lock(&self.running);
        if all.is_empty() {
            lifecycle::hold(env, self.mailbox.waker());
        }
        all.insert(id, running);
    }

    fn forget(&mut self, env: Env, id: u32) {
        let mut running = lock(&self.running);
        if running.remove(&id).is_some() && running.is_empty() {
            lifecycle::release(env, self.mailbox.waker());
        }
    }
}

/// Calls left over when JavaScript drops the engine are for nobody.
impl Drop for Engine {
    fn drop(&mut self) {
        lifecycle::abort_all(&self.running, &self.dispatcher);
    }
}
