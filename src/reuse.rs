//! Answers that whoever asked may give again without asking: for a while, and until they are recalled.
//!
//! Invariant: an answer that is no longer what its owner would give is recalled before anybody can hear of the change,
//! and a permission that begins while something changes is none.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

type Tell = Box<dyn FnOnce() + Send>;

/// Who has to be told of a change. The state of one is that of all its owner's answers.
#[derive(Default)]
pub struct Recalls {
    changes: AtomicU64,
    tell: Mutex<Option<Tell>>,
}

impl Recalls {
    /// Something has changed: no answer may be given again.
    pub fn recall(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let tell = self.tell.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(tell) = tell {
            tell();
        }
    }
}

/// The permission to give an answer again; it stands in its extensions.
#[derive(Clone)]
pub struct Reuse {
    left: Duration,
    since: u64,
    recalls: Arc<Recalls>,
}

impl Reuse {
    /// To be asked for before the answer is looked up.
    pub fn begin(recalls: &Arc<Recalls>) -> Self {
        Self {
            left: Duration::ZERO,
            since: recalls.changes.load(Ordering::SeqCst),
            recalls: Arc::clone(recalls),
        }
    }

    /// For so long at most.
    #[must_use]
    pub fn lasting(self, left: Duration) -> Self {
        Self { left, ..self }
    }

    /// Takes it: how long it lasts, or nothing where it is over. `tell` is called once at the next change, unless
    /// somebody is to be told already; all who take permissions of one owner are told by one call.
    pub fn take(self, tell: impl FnOnce() + Send + 'static) -> Option<Duration> {
        let mut told = self.recalls.tell.lock().unwrap_or_else(PoisonError::into_inner);
        if self.recalls.changes.load(Ordering::SeqCst) != self.since || self.left.is_zero() {
            return None;
        }
        if told.is_none() {
            *told = Some(Box::new(tell));
        }
        Some(self.left)
    }
}

impl fmt::Debug for Reuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reuse").field("left", &self.left).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn counting() -> (Arc<AtomicU64>, impl Fn() -> Tell) {
        let count = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&count);
        (count, move || {
            let told = Arc::clone(&told);
            Box::new(move || {
                told.fetch_add(1, Ordering::SeqCst);
            })
        })
    }

    #[test]
    fn a_change_is_told_once_and_only_to_who_gives_answers_again() {
        let recalls = Arc::new(Recalls::default());
        let (count, tell) = counting();
        recalls.recall();
        for _ in 0..3 {
            assert_eq!(Reuse::begin(&recalls).lasting(SECOND).take(tell()), Some(SECOND));
        }
        recalls.recall();
        recalls.recall();
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert_eq!(Reuse::begin(&recalls).lasting(SECOND).take(tell()), Some(SECOND));
        recalls.recall();
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_permission_that_began_before_a_change_is_none_after_it() {
        let recalls = Arc::new(Recalls::default());
        let (count, tell) = counting();
        let reuse = Reuse::begin(&recalls).lasting(SECOND);
        recalls.recall();
        assert_eq!(reuse.take(tell()), None);
        assert_eq!(Reuse::begin(&recalls).take(tell()), None, "one that lasts no time is none");
        recalls.recall();
        assert_eq!(count.load(Ordering::SeqCst), 0);
    }
}
