//! Scripted clients: their answers come out of JavaScript, and their time moves when JavaScript says so. And taped
//! ones, whose exchanges JavaScript is told.

mod reply;

use std::{
    cell::Cell,
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::{AbortHandle, Abortable};
use napi::{Env, bindgen_prelude::Either};
use napi_derive::napi;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use self::reply::{Asked, own};
use super::{
    call::{self, Job, parse},
    callback::Callback,
    client::{NativeClient, made},
    engine::{Engine, Running},
    mailbox::{Letter, Whole},
    outbox::Outbox,
    runtime::{self, STACK},
    text::Head,
};
use crate::{
    client::{Client, Staged, Tape, VirtualTime, Way},
    server::simulator::{Recipe, Reply},
};

thread_local! {
    /// What this thread's tasks wait for in JavaScript. It tells something only where the thread has a clock of its
    /// own: tasks of other threads wander, and nobody asks there.
    static OWED: Cell<usize> = const { Cell::new(0) };
}

/// JavaScript is at work for a task, as long as this is held.
pub(super) struct AtWork(());

impl AtWork {
    pub(super) fn begin() -> Self {
        OWED.set(OWED.get().wrapping_add(1));
        Self(())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        // A thread that ends has no such value any more.
        let _gone = OWED.try_with(|owed| owed.set(owed.get().wrapping_sub(1)));
    }
}

/// A script: who is asked for answers, and the time that they take.
pub(super) struct Script {
    time: VirtualTime,
    network: Arc<Staged<Asked>>,
    calls: TaskTracker,
}

impl Script {
    /// Begins a call in the time of the script; the handle cancels it.
    pub(super) fn begin(self: &Arc<Self>, job: Job, tasks: &TaskTracker) -> AbortHandle {
        let (abort, registration) = AbortHandle::new_pair();
        let script = Arc::clone(self);
        let running = async move {
            let _alive = Abortable::new(call::run(job), registration).await;
            drop(script);
        };
        self.time.handle().spawn(tasks.track_future(self.calls.track_future(running)));
        abort
    }
}

/// What a script is to JavaScript.
#[napi]
pub struct NativeScript(Arc<Script>);

#[napi]
impl NativeScript {
    /// Milliseconds since its start, in its time.
    #[napi(catch_unwind)]
    pub fn now(&self) -> f64 {
        self.0.time.now().as_secs_f64() * 1000.0
    }

    /// How many calls are under way.
    #[napi(catch_unwind)]
    pub fn calls(&self) -> u32 {
        u32::try_from(self.0.calls.len()).unwrap_or(u32::MAX)
    }
}

#[napi]
impl Engine {
    /// A script whose answers this function gives.
    #[napi(catch_unwind)]
    pub fn create_script(&self, ask: u32) -> napi::Result<NativeScript> {
        let time = VirtualTime::start(STACK, || OWED.get() == 0)
            .map_err(|cause| napi::Error::from_reason(format!("no thread for a script: {cause}")))?;
        let network = Arc::new(Staged(Asked { function: self.callback(ask), requests: AtomicU64::new(0) }));
        Ok(NativeScript(Arc::new(Script { time, network, calls: TaskTracker::new() })))
    }

    /// A client whose calls a script answers, or why its options are wrong.
    #[napi(catch_unwind)]
    pub fn create_scripted_client(
        &self,
        config: String,
        script: &NativeScript,
    ) -> Either<NativeClient, String> {
        let network = Arc::clone(&script.0.network);
        let _guard = script.0.time.handle().enter();
        let client = parse(&config).and_then(|config| Client::by(Way::Script(network), config));
        made(client, Some(Arc::clone(&script.0)))
    }

    /// A tape whose exchanges this function is told.
    #[napi(catch_unwind)]
    pub fn create_tape(&self, keep: u32) -> NativeTape {
        NativeTape(Arc::new(Kept {
            function: self.callback(keep),
            begun: AtomicU64::new(0),
            open: AtomicU32::new(0),
        }))
    }

    /// A client whose calls are written down, or why its options are wrong.
    #[napi(catch_unwind)]
    pub fn create_taped_client(&self, config: String, tape: &NativeTape) -> Either<NativeClient, String> {
        // The transport wants a runtime at hand.
        let _guard = runtime::handle();
        let way = Way::Tape(Arc::clone(&tape.0) as Arc<dyn Tape>);
        made(parse(&config).and_then(|config| Client::by(way, config)), None)
    }

    /// Throws where a reply is wrong.
    #[napi(catch_unwind)]
    pub fn check_reply(&self, reply: String) -> napi::Result<()> {
        let told = |error: io::Error| napi::Error::from_reason(error.to_string());
        let Ok(Value::Object(mut reply)) = serde_json::from_str(&reply) else {
            return Err(napi::Error::from_reason("reply: must be an object"));
        };
        own(&mut reply).map_err(napi::Error::from_reason)?;
        Reply::parse(&Value::Object(reply).to_string()).and_then(Recipe::check).map_err(told)
    }

    /// Tells under this number as soon as every call of the script waits for its time, and, unless `regardless`,
    /// for nothing of JavaScript's.
    #[napi(catch_unwind)]
    pub fn quiet(&mut self, env: Env, script: &NativeScript, id: u32, regardless: bool) {
        let tell = self.teller(env, id);
        script.0.time.quiet(regardless, move || tell(Value::Null));
    }

    /// Moves a script's clock to its next timer, so many milliseconds at most, and tells under this number how many
    /// it were.
    #[napi(catch_unwind)]
    pub fn step(&mut self, env: Env, script: &NativeScript, id: u32, most: f64) {
        let tell = self.teller(env, id);
        let most = Duration::try_from_secs_f64(most / 1000.0).unwrap_or_default();
        script.0.time.step(most, move |moved| tell(json!(moved.as_secs_f64() * 1000.0)));
    }

    fn teller(&mut self, env: Env, id: u32) -> impl FnOnce(Value) + Send + use<> {
        let mailbox = Arc::clone(&self.mailbox);
        let outbox = Arc::new(Outbox::new(id, Arc::clone(&mailbox)));
        // There is nothing to cancel: what is told to nobody is for nobody.
        let (abort, _) = AbortHandle::new_pair();
        self.hold(env, id, Running { abort, outbox, upload: None });
        move |told| {
            let content = Whole::Json(told.to_string().into());
            mailbox.push(Letter::Settled { id, head: Head::none(), content });
        }
    }
}

/// What a tape is to JavaScript.
#[napi]
pub struct NativeTape(Arc<Kept>);

#[napi]
impl NativeTape {
    /// How many exchanges have begun and not ended.
    #[napi(catch_unwind)]
    pub fn open(&self) -> u32 {
        self.0.open.load(Ordering::Acquire)
    }
}

struct Kept {
    function: Callback,
    begun: AtomicU64,
    open: AtomicU32,
}

impl Tape for Kept {
    fn begin(&self) -> u64 {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed)
    }

    fn ended(&self) {
        self.open.fetch_sub(1, Ordering::Release);
    }

    fn keep(&self, place: u64, exchange: Value) {
        self.function.tell(json!({ "place": place, "exchange": exchange }).to_string());
    }
}
