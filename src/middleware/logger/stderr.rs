//! Lines to the standard error of the process, written by a thread of their own: a slow terminal or a full pipe
//! keeps no call waiting.

use std::{
    io::Write,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use super::sink::{Sink, lines_lost};

/// How much may wait to be written; what comes beyond is counted, and told once there is room.
const MOST: usize = 8 << 20;

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
        if state.text.len() + line.len() > MOST {
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
        self.0.came.notify_one();
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all(&self) {
        loop {
            let (text, lost) = {
                let state = self.lock();
                let mut state = self
                    .came
                    .wait_while(state, |state| state.text.is_empty())
                    .unwrap_or_else(PoisonError::into_inner);
                state.busy = true;
                (std::mem::take(&mut state.text), std::mem::take(&mut state.lost))
            };
            let mut stderr = std::io::stderr().lock();
            // A standard error that is closed has no reader, and nobody else to tell.
            let _closed = stderr.write_all(text.as_bytes());
            if lost > 0 {
                let line = lines_lost(lost, "standard error is too slow");
                let _closed = writeln!(stderr, "{line}");
            }
            self.lock().busy = false;
            self.written.notify_all();
        }
    }
}
