//! A clock that moves when it is told to, and the thread on which it is the time.
//!
//! Tokio's paused clock jumps to the next timer whenever all tasks wait. Whoever answers from outside of the
//! runtime, as JavaScript does, looks like nothing to it; so the jumps are held back, and let through one by one.
//!
//! Invariants: the clock never moves but between `step` and its end; it stops at each timer, so that timers ring in
//! order and each finds the time that it was set for; `quiet` is told only when every task on the thread waits.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle},
    sync::Notify,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

type Tell = Box<dyn FnOnce() + Send>;
/// Whether nobody outside is at work for a task on the thread; asked on that thread.
type Free = Box<dyn Fn() -> bool + Send + Sync>;

/// A thread with a clock of its own. It ends when this is dropped.
pub struct VirtualTime {
    handle: Handle,
    shared: Arc<Shared>,
    over: CancellationToken,
}

struct Shared {
    state: Mutex<State>,
    moved: Notify,
    /// Since the start, in µs.
    now: AtomicU64,
    free: Free,
}

#[derive(Default)]
struct State {
    started: Option<Instant>,
    /// As long as it is held, a blocking task waits for it, and tokio does not move the clock meanwhile.
    gate: Option<mpsc::Sender<()>>,
    /// When the gate was opened.
    opened: Option<Instant>,
    waiting: Vec<Waiting>,
}

struct Waiting {
    tell: Tell,
    regardless: bool,
}

impl VirtualTime {
    /// Starts the thread. `free` says whether nobody outside is at work for one of its tasks.
    pub fn start(stack: usize, free: impl Fn() -> bool + Send + Sync + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            moved: Notify::new(),
            now: AtomicU64::new(0),
            free: Box::new(free),
        });
        let (parks, unparks) = (Arc::downgrade(&shared), Arc::downgrade(&shared));
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .on_thread_park(move || parked(&parks))
            .on_thread_unpark(move || unparked(&unparks))
            .build()?;
        let handle = runtime.handle().clone();
        shared.close(&handle);
        let over = CancellationToken::new();
        let (ends, last) = (over.clone(), Arc::clone(&shared));
        std::thread::Builder::new().name("trae-scripted".to_owned()).stack_size(stack).spawn(move || {
            runtime.block_on(async {
                last.lock().started = Some(Instant::now());
                ends.cancelled().await;
            });
            // A runtime waits for its blocking tasks.
            last.lock().gate = None;
        })?;
        Ok(Self { handle, shared, over })
    }

    /// Where to spawn what lives in this time.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// How much time has passed.
    pub fn now(&self) -> Duration {
        Duration::from_micros(self.shared.now.load(Ordering::Acquire))
    }

    /// Tells as soon as all that is there to do is done: every task waits, and nobody outside is at work for one;
    /// `regardless` of the latter, if so asked.
    pub fn quiet(&self, regardless: bool, tell: impl FnOnce() + Send + 'static) {
        let shared = Arc::clone(&self.shared);
        let waiting = Waiting { tell: Box::new(tell), regardless };
        // From within, so that it comes after all that is under way.
        self.handle.spawn(async move { shared.lock().waiting.push(waiting) });
    }

    /// Moves the clock to the next timer, at most so far; tells how far that was.
    pub fn step(&self, most: Duration, tell: impl FnOnce(Duration) + Send + 'static) {
        let shared = Arc::clone(&self.shared);
        self.handle.spawn(async move {
            let from = Instant::now();
            // Never less than a tick, or there would be no jump to wait for.
            let bound = sleep(most.max(Duration::from_millis(1)));
            {
                let mut state = shared.lock();
                state.opened = Some(from);
                state.gate = None;
            }
            tokio::select! {
                () = shared.moved.notified() => {}
                // There for the clock to stop at; what ends the wait is that it has moved.
                () = async { bound.await; std::future::pending().await } => {}
            }
            tell(from.elapsed());
        });
    }
}

impl Drop for VirtualTime {
    fn drop(&mut self) {
        self.over.cancel();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds the clock.
    fn close(&self, handle: &Handle) {
        let (gate, opens) = mpsc::channel::<()>();
        self.lock().gate = Some(gate);
        handle.spawn_blocking(move || {
            let _opened = opens.recv();
        });
    }
}

/// Every task waits.
fn parked(shared: &Weak<Shared>) {
    let Some(shared) = shared.upgrade() else { return };
    let is_free = (shared.free)();
    let told: Vec<Waiting> = {
        let mut state = shared.lock();
        let (told, rest) = state.waiting.drain(..).partition(|waiting| waiting.regardless || is_free);
        state.waiting = rest;
        told
    };
    for waiting in told {
        (waiting.tell)();
    }
}

/// Something has happened; where the clock has moved, that is held before a task sees it.
fn unparked(shared: &Weak<Shared>) {
    let Some(shared) = shared.upgrade() else { return };
    let now = Instant::now();
    let moved = {
        let mut state = shared.lock();
        if let Some(started) = state.started {
            let passed = u64::try_from((now - started).as_micros()).unwrap_or(u64::MAX);
            shared.now.store(passed, Ordering::Release);
        }
        let moved = state.opened.is_some_and(|opened| now > opened);
        if moved {
            state.opened = None;
        }
        moved
    };
    if moved {
        shared.close(&Handle::current());
        shared.moved.notify_one();
    }
}
