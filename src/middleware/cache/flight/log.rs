//! What has come of a stream, for those who read it at their own pace.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use futures_util::stream;
use tokio::{sync::watch, task::AbortHandle};

use super::{super::packed::Packed, Seat, lock};
use crate::{Error, Result, body::EventStream, event::Event};

/// What has come, and who has read how much of it.
pub(super) struct Log {
    /// Where each stands.
    readers: HashMap<u64, u64>,
    last: u64,
    stage: Stage,
    /// Goes on though nobody has a seat.
    for_nobody: bool,
    /// What is done if the last one leaves.
    task: Option<AbortHandle>,
    /// The number of the first batch that is kept.
    first: u64,
    batches: VecDeque<Held>,
    bytes: usize,
}

enum Stage {
    /// All that has come is kept, for those who come later.
    Open,
    /// Only what somebody has not read yet.
    Closed,
    /// Nothing more comes.
    Over(Option<Arc<Error>>),
    /// The last one has left.
    GivenUp,
}

/// Events of one read.
struct Held {
    packed: Arc<Packed>,
    /// As they came, for the first who reads them: it is mostly the only one.
    fresh: Option<Vec<Event>>,
}

/// The same, as a reader gets them.
pub(super) enum Given {
    Fresh(Vec<Event>),
    Packed(Arc<Packed>),
}

impl Given {
    fn events(self) -> Vec<Event> {
        match self {
            Self::Fresh(events) => events,
            Self::Packed(packed) => packed.events().collect(),
        }
    }
}

/// What a reader finds.
pub(super) enum Step {
    Batch(Given),
    Wait,
    End(Option<Arc<Error>>),
}

/// Who is left when somebody leaves.
pub(super) enum Left {
    /// Others, or nobody who matters.
    Others,
    /// Nobody: the flight is given up, and what it hangs on is to be ended.
    Last(Option<AbortHandle>),
}

impl Log {
    pub(super) fn new(for_nobody: bool) -> Self {
        Self {
            readers: HashMap::new(),
            last: 0,
            stage: Stage::Open,
            for_nobody,
            task: None,
            first: 0,
            batches: VecDeque::new(),
            bytes: 0,
        }
    }

    /// A seat, while everything from the begin on is here.
    pub(super) fn sit(&mut self) -> Option<u64> {
        matches!(self.stage, Stage::Open).then(|| {
            self.last += 1;
            self.readers.insert(self.last, 0);
            self.last
        })
    }

    /// Gives up a seat.
    pub(super) fn leave(&mut self, seat: u64) -> Left {
        self.readers.remove(&seat);
        self.trim();
        let is_over = matches!(self.stage, Stage::Over(_) | Stage::GivenUp);
        if !self.readers.is_empty() || self.for_nobody || is_over {
            return Left::Others;
        }
        self.stage = Stage::GivenUp;
        Left::Last(self.task.take())
    }

    /// Keeps what is to be ended if the last one leaves; hands it back if he has left already.
    pub(super) fn hang(&mut self, task: AbortHandle) -> Option<AbortHandle> {
        match self.stage {
            Stage::GivenUp => Some(task),
            Stage::Over(_) => None,
            Stage::Open | Stage::Closed => {
                self.task = Some(task);
                None
            }
        }
    }

    pub(super) fn push(&mut self, packed: Arc<Packed>, events: Vec<Event>) {
        self.bytes += packed.size();
        self.batches.push_back(Held { packed, fresh: Some(events) });
        self.trim();
    }

    /// Whether so much more may come. Where it is too much to keep, nobody joins any more, and what is not read yet
    /// is bounded.
    pub(super) fn has_room(&mut self, too_much: bool, size: usize, limit: usize) -> bool {
        if too_much && matches!(self.stage, Stage::Open) {
            self.stage = Stage::Closed;
            self.trim();
        }
        !too_much || self.bytes == 0 || self.bytes + size <= limit
    }

    /// Nothing more comes. What is done besides is not ended by who leaves.
    pub(super) fn end(&mut self, error: Option<Arc<Error>>) {
        if !matches!(self.stage, Stage::Over(_) | Stage::GivenUp) {
            self.stage = Stage::Over(error);
            self.task = None;
        }
    }

    /// The next batch of this reader.
    pub(super) fn step(&mut self, seat: u64) -> Step {
        let Some(at) = self.readers.get_mut(&seat) else { return Step::End(None) };
        let place = usize::try_from(*at - self.first).unwrap_or(usize::MAX);
        let Some(batch) = self.batches.get_mut(place) else {
            return match &self.stage {
                Stage::Over(error) => Step::End(error.clone()),
                Stage::Open | Stage::Closed | Stage::GivenUp => Step::Wait,
            };
        };
        let batch = match batch.fresh.take() {
            Some(events) => Given::Fresh(events),
            None => Given::Packed(Arc::clone(&batch.packed)),
        };
        *at += 1;
        self.trim();
        Step::Batch(batch)
    }

    /// Lets go of what everybody has read, unless somebody may still come.
    fn trim(&mut self) {
        if matches!(self.stage, Stage::Open) {
            return;
        }
        let end = self.first + self.batches.len() as u64;
        let read = self.readers.values().min().copied().unwrap_or(end);
        while self.first < read {
            let Some(batch) = self.batches.pop_front() else { break };
            self.bytes -= batch.packed.size();
            self.first += 1;
        }
    }
}

/// One who reads a stream.
pub(super) struct Reader {
    seat: Seat,
    news: watch::Receiver<()>,
    over: bool,
}

impl Reader {
    pub(super) fn new(seat: Seat) -> Self {
        let news = seat.flight.news.subscribe();
        Self { seat, news, over: false }
    }

    pub(super) fn events(self) -> EventStream {
        Box::pin(stream::unfold(self, |mut reader| async move {
            let next = reader.next().await?;
            Some((next, reader))
        }))
    }

    async fn next(&mut self) -> Option<Result<Vec<Event>>> {
        while !self.over {
            // Seen before it is looked at: what comes after that wakes.
            self.news.borrow_and_update();
            let step = lock(&self.seat.flight.log).step(self.seat.number);
            match step {
                Step::Batch(events) => {
                    self.seat.flight.room.notify_one();
                    return Some(Ok(events.events()));
                }
                Step::End(error) => {
                    self.over = true;
                    let leads = self.seat.leads;
                    return error.map(|error| Err(told(&error, leads)));
                }
                Step::Wait => self.over = self.news.changed().await.is_err(),
            }
        }
        None
    }
}

/// The failure for one of those who met it; whoever has sent nothing has made no attempt.
pub(in super::super) fn told(error: &Arc<Error>, leads: bool) -> Error {
    let copy = Error::again(error);
    if leads { copy } else { copy.with_history(Vec::new()).with_attempts(0) }
}
