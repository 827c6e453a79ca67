//! Scripted clients: their answers come out of JavaScript, and their time moves when JavaScript says so.

use std::{
    cell::Cell,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::{AbortHandle, Abortable};
use http::Request;
use napi::{Env, bindgen_prelude::Either};
use napi_derive::napi;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::{
    call::{self, Job, parse},
    callback::Callback,
    engine::{Engine, NativeClient, Running, made},
    mailbox::{Letter, Whole},
    outbox::Outbox,
    runtime::STACK,
    text::Head,
};
use crate::{
    Error, ErrorKind, Phase, Result,
    client::{Arrived, Client, Ending, Fault, Outcome, Peer, Scene, Staged, VirtualTime},
    pipeline::BoxFuture,
    server::simulator::{self, Recipe, Reply, Written},
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
        let client = parse(&config).and_then(|config| Client::scripted(config, network));
        made(client, Some(Arc::clone(&script.0)))
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

struct Asked {
    function: Callback,
    requests: AtomicU64,
}

impl Peer for Asked {
    fn answer(&self, req: Arrived) -> BoxFuture<'_, Result<Scene>> {
        Box::pin(async move {
            let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
            let answer = match self.function.ask(told(&req)).await {
                Ok(json) => serde_json::from_str(&json).unwrap_or_default(),
                Err((thrown, words)) => return Err(failed(words).with_source(thrown)),
            };
            scene(answer, req, number).map_err(failed)
        })
    }
}

fn failed(words: String) -> Error {
    Error::new(ErrorKind::Config, Phase::FirstByte, format!("the script has no answer: {words}"))
}

fn told(req: &Arrived) -> String {
    let latin1 = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    let headers: Vec<(&str, String)> =
        req.headers.iter().map(|(name, value)| (name.as_str(), latin1(value.as_bytes()))).collect();
    let body = match std::str::from_utf8(&req.body) {
        Ok(text) => json!({ "text": text }),
        Err(_) => json!({ "base64": base64(&req.body) }),
    };
    json!({ "method": req.method.as_str(), "url": req.url.as_str(), "headers": headers, "body": body })
        .to_string()
}

fn base64(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}

/// What a reply says that only a script can do.
struct Own {
    fault: Option<Fault>,
    /// Before each write, instead of the pace.
    gaps: Vec<Duration>,
}

fn own(reply: &mut serde_json::Map<String, Value>) -> Result<Own, String> {
    let fault = match reply.remove("error") {
        None | Some(Value::Null) => None,
        Some(code) => Some(code.as_str().and_then(Fault::of).ok_or_else(|| {
            let codes: Vec<_> = Fault::codes().collect();
            format!("reply: `error` must be one of {}", codes.join(", "))
        })?),
    };
    let gap = |gap: &Value| gap.as_f64().and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok());
    let gaps = match reply.remove("gapsMs") {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(gaps) => gaps.as_array().and_then(|gaps| gaps.iter().map(gap).collect()),
    };
    let gaps = gaps.ok_or("reply: `gapsMs` must be a list of milliseconds")?;
    Ok(Own { fault, gaps })
}

fn scene(answer: Value, req: Arrived, number: u64) -> Result<Scene, String> {
    let Value::Object(mut reply) = answer else { return Err("it gave no reply".to_owned()) };
    let Own { fault, gaps } = own(&mut reply)?;
    let reply = Reply::parse(&Value::Object(reply).to_string()).map_err(|error| error.to_string())?;
    if let Some(fault) = fault {
        return Ok(Scene { delay: Duration::from_millis(reply.delay_ms), outcome: Outcome::Fault(fault) });
    }
    let mut head = Request::new(());
    *head.method_mut() = req.method;
    *head.uri_mut() = req.url.as_str().parse().unwrap_or_default();
    *head.headers_mut() = req.headers;
    let (head, ()) = head.into_parts();
    let Recipe { delay, answer } = Recipe::of(reply, &head, &req.body, &format!("req_scripted_{number:06}"))
        .map_err(|error| error.to_string())?;
    Ok(Scene { delay, outcome: answer.map_or(Outcome::Silence, |written| played(written, gaps)) })
}

fn played(Written { status, headers, pace, writes, ending }: Written, gaps: Vec<Duration>) -> Outcome {
    // Without gaps of its own the first write goes out with the headers, as a server's does.
    let first = gaps.is_empty().then_some(Duration::ZERO);
    let gaps = first.into_iter().chain(gaps).chain(std::iter::repeat(pace));
    let ending = match ending {
        simulator::Ending::Complete => Ending::Complete,
        simulator::Ending::Hang => Ending::Silence,
        simulator::Ending::Close => Ending::Close,
        simulator::Ending::Reset => Ending::Reset,
    };
    Outcome::Answer { status, headers, pieces: Box::new(gaps.zip(writes)), ending }
}
