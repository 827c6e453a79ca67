//! Figures, one sample each second: kept for five minutes, and sent on to whoever watches.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, header::CACHE_CONTROL, header::CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::{
    sync::broadcast::{self, Receiver, Sender, error::RecvError},
    time::MissedTickBehavior,
};

use crate::{
    body::ByteStream,
    server::proxy::{answer::Answer, emit::AnswerBody, engine::Engine, handle::Shared},
};

const EACH: Duration = Duration::from_secs(1);
const KEPT: usize = 300;

/// A reader that is behind by more loses the oldest.
const AHEAD: usize = 16;

/// The samples of the last minutes, and those to come.
pub(in super::super) struct Samples {
    kept: Mutex<VecDeque<Arc<str>>>,
    sender: Sender<Arc<str>>,
}

impl Default for Samples {
    fn default() -> Self {
        Self { kept: Mutex::default(), sender: broadcast::channel(AHEAD).0 }
    }
}

impl Samples {
    fn push(&self, sample: &Value) {
        let sample: Arc<str> = sample.to_string().into();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&sample));
        let _nobody_watches = self.sender.send(sample);
    }

    /// What is kept, and what will come after it.
    fn watch(&self) -> (String, Receiver<Arc<str>>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<&str> = kept.iter().map(|sample| &**sample).collect();
        (format!("[{}]", all.join(",")), self.sender.subscribe())
    }
}

/// Takes a sample each second, until the proxy closes.
pub(in super::super) async fn sampled(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(EACH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shared.connections.closing.cancelled() => return,
        }
        if let Some(sample) = sample(&shared.engine()).await {
            shared.samples.push(&sample);
        }
    }
}

async fn sample(engine: &Engine) -> Option<Value> {
    let mut sample = engine.ask("journal", "sample", Value::Null).await?;
    let mut waiting = 0;
    for limit in ["rateLimit", "concurrency"] {
        let told = engine.ask(limit, "stats", Value::Null).await;
        waiting += told.and_then(|told| told["waiting"].as_u64()).unwrap_or_default();
    }
    let circuits = engine.ask("circuitBreaker", "stats", Value::Null).await;
    let stats = engine.client.stats();
    let connections: usize = stats.origins.iter().map(|origin| origin.connections).sum();
    let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |at| at.as_millis());
    let own = json!({
        "at": at,
        "waiting": waiting,
        "upstream": {
            "state": state(circuits.as_ref()),
            "inFlight": stats.in_flight,
            "queued": stats.queued,
            "connections": connections,
        },
    });
    if let (Some(sample), Value::Object(own)) = (sample.as_object_mut(), own) {
        sample.extend(own);
    }
    Some(sample)
}

/// The worst of all circuits.
fn state(circuits: Option<&Value>) -> &'static str {
    let Some(circuits) = circuits else { return "none" };
    ["open", "half-open"].into_iter().find(|state| circuits[*state].as_u64() > Some(0)).unwrap_or("closed")
}

/// A stream of events: those that are kept in one, then each as it comes.
pub(super) fn answer(shared: &Arc<Shared>) -> Answer {
    let (history, receiver) = shared.samples.watch();
    let first = format!("event: history\ndata: {history}\n\n");
    let closing = shared.connections.closing.clone();
    let samples =
        stream::unfold((Some(first), receiver, closing), |(first, mut receiver, closing)| async move {
            if let Some(first) = first {
                return Some((Ok(Bytes::from(first)), (None, receiver, closing)));
            }
            loop {
                let sample = tokio::select! {
                    sample = receiver.recv() => sample,
                    () = closing.cancelled() => return None,
                };
                match sample {
                    Ok(sample) => {
                        let event = format!("event: sample\ndata: {sample}\n\n");
                        return Some((Ok(Bytes::from(event)), (None, receiver, closing)));
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        });
    let samples: ByteStream = Box::pin(samples);
    let mut answer = Answer::new(AnswerBody::Bytes(samples));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
