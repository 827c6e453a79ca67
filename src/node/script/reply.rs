//! What a script is asked and what it gives: requests and replies as JavaScript has them.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Request;
use serde_json::{Value, json};

use super::super::callback::Callback;
use crate::{
    Error, ErrorKind, Phase, Result,
    client::{Arrived, Ending, Fault, Outcome, Peer, Scene, shown},
    pipeline::BoxFuture,
    server::simulator::{self, Recipe, Reply, Written},
};

/// JavaScript, asked for answers.
pub(super) struct Asked {
    pub(super) function: Callback,
    pub(super) requests: AtomicU64,
}

impl Peer for Asked {
    fn answer(&self, req: Arrived) -> BoxFuture<'_, Result<Scene>> {
        Box::pin(async move {
            let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
            let answer = match self.function.ask(told(&req)).await {
                Ok(json) => serde_json::from_str(&json).unwrap_or_default(),
                Err((thrown, words)) => {
                    let message = format!("the scripted reply threw: {words}");
                    return Err(Error::new(ErrorKind::Config, Phase::FirstByte, message).with_source(thrown));
                }
            };
            scene(answer, req, number).map_err(failed)
        })
    }
}

fn failed(words: String) -> Error {
    Error::new(ErrorKind::Config, Phase::FirstByte, format!("no answer is scripted: {words}"))
}

/// What is asked: as it is, and as a cassette would have it.
fn told(req: &Arrived) -> String {
    let latin1 = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    let headers: Vec<(&str, String)> =
        req.headers.iter().map(|(name, value)| (name.as_str(), latin1(value.as_bytes()))).collect();
    let body = match std::str::from_utf8(&req.body) {
        Ok(text) => json!({ "text": text }),
        Err(_) => json!({ "base64": STANDARD.encode(&req.body) }),
    };
    json!({ "method": req.method.as_str(), "url": req.url.as_str(), "headers": headers, "body": body, "shown": shown(req) })
        .to_string()
}

/// What a reply says that only a script can do.
pub(super) struct Own {
    fault: Option<Fault>,
    /// Before each write, instead of the pace.
    gaps: Vec<Duration>,
}

pub(super) fn own(reply: &mut serde_json::Map<String, Value>) -> Result<Own, String> {
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
