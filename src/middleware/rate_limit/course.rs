//! One call that was let through, until what it has used is known.

use std::{sync::Arc, time::Duration};

use http::StatusCode;

use super::{
    cost::{Cost, Estimate, used},
    lane::{Lane, Reservation},
    told::Told,
};
use crate::{
    Error, ErrorKind, Phase,
    claude::{Usage, retry_after},
    response::Response,
    watch::{End, Watcher},
};

/// A call under way. Dropped before its end, it is taken to have used what was reserved.
pub(super) struct Course {
    pub lane: Arc<Lane>,
    pub taken: Reservation,
    pub estimate: Estimate,
    pub adapts: bool,
}

impl Course {
    /// Headers are here.
    pub fn answered(&self, res: &Response) {
        if self.adapts {
            let refused = res.status == StatusCode::TOO_MANY_REQUESTS;
            let pause = refused.then(|| retry_after(&res.headers, std::time::SystemTime::now())).flatten();
            self.adapt(&Told::of(&res.headers), pause);
        }
    }

    /// It failed before it was answered.
    pub fn failed(&self, error: &Error) {
        if self.adapts {
            let told = error.response().map(|res| Told::of(&res.headers)).unwrap_or_default();
            let pause = (error.kind() == ErrorKind::Status(429)).then(|| error.retry_after()).flatten();
            self.adapt(&told, pause);
        }
        match (error.kind(), error.phase()) {
            // It has come to no server.
            (_, Phase::Prepare | Phase::Queue | Phase::Connect)
            | (ErrorKind::Dns | ErrorKind::Refused | ErrorKind::Tls | ErrorKind::Proxy, _) => {
                self.settle(Cost::default());
            }
            // It was refused: no token was read.
            (ErrorKind::Status(_), _) => self.settle(Cost([self.taken.cost.0[0], 0, 0])),
            _ => {}
        }
    }

    fn adapt(&self, told: &Told, pause: Option<Duration>) {
        self.lane.adapt(told, pause);
        if pause.is_none() {
            self.lane.queue.wake();
        }
    }

    fn settle(&self, used: Cost) {
        if used != self.taken.cost {
            self.lane.settle(&self.taken, &used);
            self.lane.queue.wake();
        }
    }
}

impl Watcher for Course {
    fn over(&mut self, usage: Usage, end: End<'_>) {
        let [requests, input, output] = self.taken.cost.0;
        let (read, written) = used(usage);
        let is_told = read.is_some() || written.is_some();
        match end {
            // What tells of no tokens has used none.
            End::Whole(_) | End::Complete => {
                let (read, written) = (read.unwrap_or_default(), written.unwrap_or_default());
                if is_told {
                    self.lane.learn(self.estimate, read, written);
                }
                self.settle(Cost([requests, read, written]));
            }
            // What was written until then is not known.
            End::Failed(_) | End::Dropped => {
                let written = written.unwrap_or_default().max(output);
                self.settle(Cost([requests, read.unwrap_or(input), written]));
            }
        }
    }
}
