//! Calls under way that others may join: one for each question.
//!
//! Invariants: whoever has a seat is told how the flight lands, and of a stream everything from its begin on, once.
//! A flight that nobody has a seat on any more is given up, unless it was begun for nobody. Nobody is held up by a
//! slower reader until that is behind by as much as an answer may have.
//!
//! - [`log`]: what has come of a stream · [`lead`]: asks, and tells those who have a seat

pub(super) mod lead;
pub(super) mod log;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{Extensions, HeaderMap, StatusCode, Version};
use tokio::{
    sync::{Notify, watch},
    task::AbortHandle,
    time::Instant,
};
use url::Url;

use self::log::{Left, Log, Reader};
use super::{
    entry::{Content, Entry},
    key::{Key, Question},
    storable::{Variant, lasting, own},
};
use crate::{
    Error, ErrorKind,
    attempt::Attempt,
    body::Body,
    request::Options,
    response::{Cached, Conceal, Response, Timing},
};

/// Those under way, by what is asked. A caller who judges statuses himself is answered otherwise than one who does
/// not.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Name, Arc<Flight>>>);

type Name = (Key, bool);

/// One call for all who ask the same.
pub(super) struct Flight {
    /// None where nobody may join.
    name: Option<Name>,
    /// What its leader obeys.
    options: Arc<Options>,
    log: Mutex<Log>,
    landing: watch::Sender<Option<Landing>>,
    /// What became of a stream: its answer, if it came to its end and can be kept.
    recorded: watch::Sender<Option<Recorded>>,
    /// Something has come of the stream.
    news: watch::Sender<()>,
    /// A reader has come further, or left.
    room: Notify,
    /// The answer that only its leader gets.
    own: Mutex<Option<Response>>,
    /// What it was asked for has been forgotten since: those who wait are answered, and nothing of it is kept.
    forgotten: AtomicBool,
}

/// What became of a flight.
#[derive(Clone)]
pub(super) enum Landing {
    /// A whole answer.
    Whole(Arc<Head>, Content),
    /// A stream that has begun.
    Streaming(Arc<Head>),
    /// Another replica's answer.
    Found(Arc<Entry>),
    Failed(Arc<Error>),
    /// An answer that is for its leader alone.
    Alone,
    /// Nobody asks any more.
    Gone,
}

/// What became of a stream.
#[derive(Clone)]
enum Recorded {
    Kept(Arc<Entry>),
    /// It broke, or is too large.
    Not,
}

/// All of an answer but its content.
pub(super) struct Head {
    status: StatusCode,
    version: Version,
    headers: HeaderMap,
    url: Url,
    timing: Timing,
    attempts: u32,
    history: Vec<Attempt>,
    extensions: Extensions,
    variant: Option<Variant>,
}

/// A place on a flight. Dropped, it is given up.
pub(super) struct Seat {
    flights: Arc<Flights>,
    pub(super) flight: Arc<Flight>,
    number: u64,
    pub(super) leads: bool,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Flights {
    pub(super) fn count(&self) -> usize {
        lock(&self.0).len()
    }

    /// A seat on the flight under way, or on a new one, unless `present` says now that none is needed. It is asked
    /// while no flight can land.
    pub(super) fn join<T>(
        self: &Arc<Self>,
        key: Key,
        question: &Question,
        options: &Arc<Options>,
        present: impl FnOnce() -> Option<T>,
    ) -> Result<Seat, T> {
        let mut flights = lock(&self.0);
        let name = (key, question.any_status);
        if let Some(seat) = flights.get(&name).and_then(|flight| self.seat(flight, false)) {
            return Ok(seat);
        }
        if let Some(present) = present() {
            return Err(present);
        }
        let flight = Flight::new(Some(name), options, false);
        flights.insert(name, Arc::clone(&flight));
        drop(flights);
        Ok(self.first(&flight))
    }

    /// A seat on the flight under way, where there is one.
    pub(super) fn join_only(self: &Arc<Self>, key: Key, question: &Question) -> Option<Seat> {
        let flights = lock(&self.0);
        flights.get(&(key, question.any_status)).and_then(|flight| self.seat(flight, false))
    }

    /// A flight for one alone.
    pub(super) fn private(self: &Arc<Self>, options: &Arc<Options>) -> Seat {
        self.first(&Flight::new(None, options, false))
    }

    /// A flight for nobody, unless there is one already.
    pub(super) fn background(
        self: &Arc<Self>,
        key: Key,
        question: &Question,
        options: &Arc<Options>,
    ) -> Option<Arc<Flight>> {
        let mut flights = lock(&self.0);
        let name = (key, question.any_status);
        if flights.contains_key(&name) {
            return None;
        }
        let flight = Flight::new(Some(name), options, true);
        flights.insert(name, Arc::clone(&flight));
        Some(flight)
    }

    /// What is under way was asked before it was to be forgotten: nobody joins it any more, and it is not kept.
    pub(super) fn forget(&self, key: &Key) {
        lock(&self.0).retain(|(known, _), flight| {
            let stays = known != key;
            if !stays {
                flight.forgotten.store(true, Ordering::Release);
            }
            stays
        });
    }

    /// The same for all.
    pub(super) fn forget_all(&self) {
        lock(&self.0).drain().for_each(|(_, flight)| flight.forgotten.store(true, Ordering::Release));
    }

    fn seat(self: &Arc<Self>, flight: &Arc<Flight>, leads: bool) -> Option<Seat> {
        let number = lock(&flight.log).sit()?;
        Some(Seat { flights: Arc::clone(self), flight: Arc::clone(flight), number, leads })
    }

    fn first(self: &Arc<Self>, flight: &Arc<Flight>) -> Seat {
        let number = lock(&flight.log).sit().unwrap_or_default();
        Seat { flights: Arc::clone(self), flight: Arc::clone(flight), number, leads: true }
    }

    /// Nobody joins it any more.
    fn close(&self, flight: &Arc<Flight>) {
        let Some(name) = flight.name else { return };
        let mut flights = lock(&self.0);
        if flights.get(&name).is_some_and(|present| Arc::ptr_eq(present, flight)) {
            flights.remove(&name);
        }
    }
}

impl Flight {
    fn new(name: Option<Name>, options: &Arc<Options>, for_nobody: bool) -> Arc<Self> {
        Arc::new(Self {
            name,
            options: Arc::clone(options),
            log: Mutex::new(Log::new(for_nobody)),
            landing: watch::Sender::new(None),
            recorded: watch::Sender::new(None),
            news: watch::Sender::new(()),
            room: Notify::new(),
            own: Mutex::default(),
            forgotten: AtomicBool::new(false),
        })
    }

    /// The task that it hangs on; it may be that nobody waits for it any more.
    pub(super) fn hangs_on(&self, task: AbortHandle) {
        if let Some(task) = lock(&self.log).hang(task) {
            task.abort();
        }
    }
}

impl Seat {
    /// How the flight lands.
    pub(super) async fn landed(&self) -> Landing {
        settled(&self.flight.landing).await.unwrap_or(Landing::Gone)
    }

    /// What a stream has become that is wanted whole.
    pub(super) async fn recorded(&self) -> Option<Arc<Entry>> {
        match settled(&self.flight.recorded).await? {
            Recorded::Kept(entry) => Some(entry),
            Recorded::Not => None,
        }
    }

    /// The answer that is the leader's alone.
    pub(super) fn own_answer(&self) -> Option<Response> {
        if self.leads { lock(&self.flight.own).take() } else { None }
    }

    /// Whether a failure is that of all who asked, and not of the one who asked for them.
    pub(super) fn is_everybodys(&self, error: &Error, options: &Arc<Options>) -> bool {
        match error.kind() {
            ErrorKind::Aborted | ErrorKind::Credential | ErrorKind::Internal | ErrorKind::Middleware => false,
            ErrorKind::Timeout | ErrorKind::StreamIdle | ErrorKind::TooLarge => {
                self.flight.options == *options
            }
            _ => true,
        }
    }

    /// The stream, from its begin on.
    pub(super) fn read(self, head: &Head) -> Response {
        let leads = self.leads;
        let body = Body::Events(Reader::new(self).events());
        if leads { head.own(body) } else { head.shared(body) }
    }
}

/// The first value that is told.
async fn settled<T: Clone>(told: &watch::Sender<Option<T>>) -> Option<T> {
    let mut told = told.subscribe();
    let value = told.wait_for(Option::is_some).await.ok()?;
    value.clone()
}

impl Drop for Seat {
    fn drop(&mut self) {
        // The map first: nobody may join what is being given up.
        let mut flights = lock(&self.flights.0);
        let given_up = lock(&self.flight.log).leave(self.number);
        let Left::Last(task) = given_up else {
            drop(flights);
            self.flight.room.notify_one();
            return;
        };
        if let Some(name) = self.flight.name
            && flights.get(&name).is_some_and(|present| Arc::ptr_eq(present, &self.flight))
        {
            flights.remove(&name);
        }
        drop(flights);
        if let Some(task) = task {
            task.abort();
        }
    }
}

impl Head {
    /// Takes the content out of an answer.
    fn of(res: Response, variant: Option<Variant>) -> (Self, Body) {
        let Response { status, version, mut headers, body, url, timing, attempts, history, extensions } = res;
        if let Body::Events(_) = body {
            // Kept for as long as the stream lasts.
            headers.values_mut().for_each(|value| *value = own(value));
        }
        (Self { status, version, headers, url, timing, attempts, history, extensions, variant }, body)
    }

    pub(super) fn fits(&self, request: &HeaderMap) -> bool {
        self.variant.as_ref().is_none_or(|variant| variant.fits(request))
    }

    /// The answer as it is kept for so long.
    pub(super) fn entry(&self, content: Content, ttl: Duration) -> Entry {
        Entry {
            status: self.status,
            version: self.version,
            headers: lasting(&self.headers),
            content,
            variant: self.variant.clone(),
            stored: Instant::now(),
            ttl,
            conceal: self.extensions.get::<Conceal>().cloned(),
        }
    }

    /// The answer as it came, for whoever has asked.
    pub(super) fn own(&self, body: Body) -> Response {
        let mut extensions = self.extensions.clone();
        extensions.insert(Cached::Miss);
        Response {
            status: self.status,
            version: self.version,
            headers: self.headers.clone(),
            body,
            url: self.url.clone(),
            timing: self.timing,
            attempts: self.attempts,
            history: self.history.clone(),
            extensions,
        }
    }

    /// The answer for those who have sent nothing for it.
    fn shared(&self, body: Body) -> Response {
        let mut extensions = Extensions::new();
        extensions.insert(Cached::Shared);
        if let Some(conceal) = self.extensions.get::<Conceal>() {
            extensions.insert(conceal.clone());
        }
        Response {
            status: self.status,
            version: self.version,
            headers: lasting(&self.headers),
            body,
            url: self.url.clone(),
            timing: Timing::default(),
            attempts: 0,
            history: Vec::new(),
            extensions,
        }
    }
}
