//! Lines to the standard error of the process, written by a thread of their own: a slow terminal or a full pipe
//! keeps no call waiting.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use super::{
    pieces,
    sink::{Sink, lines_lost},
};

/// How much may wait to be written; what comes beyond is counted, and told once there is room.
const MOST: usize = 8 << 20;

/// How long lines gather after some were written: of thousands in a second, each would wake the thread otherwise, which
/// costs more than to write it.
const REST: Duration = Duration::from_millis(1);

/// The standard error.
#[derive(Clone)]
pub struct Stderr(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    state: Mutex<State>,
    came: Condvar,
    written: Condvar,
}

#[derive(Default)]
struct State {
    text: String,
    lost: u64,
    /// Whether the thread holds text that it has not written.
    busy: bool,
    /// Whether it waits to be told of the next.
    waits: bool,
    started: bool,
}

impl Stderr {
    /// The one of the process; its thread is made with the first line.
    pub fn of_process() -> Self {
        static ONE: std::sync::OnceLock<Arc<Waiting>> = std::sync::OnceLock::new();
        Self(Arc::clone(ONE.get_or_init(Arc::default)))
    }

    /// Waits until all is written, but no longer than this.
    pub fn flush(&self, most: Duration) {
        let empty = |state: &mut State| state.busy || !state.text.is_empty();
        let _late = self.0.written.wait_timeout_while(self.0.lock(), most, empty);
    }
}

impl Sink for Stderr {
    fn write(&self, line: String) {
        let mut state = self.0.lock();
        // One that is longer by itself is written when nothing else waits.
        if !state.text.is_empty() && state.text.len() + line.len() > MOST {
            state.lost += 1;
            return;
        }
        state.text.push_str(&line);
        state.text.push('\n');
        if !state.started {
            let waiting = Arc::clone(&self.0);
            let made =
                thread::Builder::new().name("trae-native-log".to_owned()).spawn(move || waiting.write_all());
            // Where no thread can be made, lines are lost and calls are not.
            state.started = made.is_ok();
        }
        // To tell somebody costs a call of the system, heard or not.
        if std::mem::take(&mut state.waits) {
            drop(state);
            self.0.came.notify_one();
        }
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all(&self) {
        loop {
            let (mut text, lost) = {
                let empty = |state: &mut State| {
                    state.waits = state.text.is_empty();
                    state.waits
                };
                let waited = self.came.wait_while(self.lock(), empty);
                let mut state = waited.unwrap_or_else(PoisonError::into_inner);
                state.busy = true;
                (std::mem::take(&mut state.text), std::mem::take(&mut state.lost))
            };
            if lost > 0 {
                text.push_str(&lines_lost(lost, "standard error is too slow"));
                text.push('\n');
            }
            // Locked piece by piece: a panic's words must not wait for a reader that sleeps.
            let lost = pieces::write(&mut std::io::stderr(), &text);
            let mut state = self.lock();
            state.busy = false;
            state.lost += lost;
            drop(state);
            self.written.notify_all();
            thread::sleep(REST);
        }
    }
}
