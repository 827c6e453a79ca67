//! How many calls succeeded and failed within a time that slides along.

use std::time::Duration;

use tokio::time::Instant;

/// The window is cut into so many pieces, the oldest of which is forgotten as a whole.
const PIECES: usize = 10;

/// Counts of a window.
#[derive(Debug)]
pub(super) struct Window {
    piece: Duration,
    began: Instant,
    /// The number of the present piece since it began.
    present: u64,
    pieces: [Counts; PIECES],
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub succeeded: u32,
    pub failed: u32,
}

impl Counts {
    pub fn all(self) -> u32 {
        self.succeeded.saturating_add(self.failed)
    }

    /// The share of failures, from 0 to 1.
    pub fn failure_share(self) -> f64 {
        if self.all() == 0 { 0.0 } else { f64::from(self.failed) / f64::from(self.all()) }
    }
}

impl Window {
    /// An empty window of this length.
    pub fn new(length: Duration, now: Instant) -> Self {
        let piece = (length / u32::try_from(PIECES).unwrap_or(1)).max(Duration::from_nanos(1));
        Self { piece, began: now, present: 0, pieces: Default::default() }
    }

    /// Counts a call that has ended now.
    pub fn count(&mut self, succeeded: bool, now: Instant) {
        self.slide(now);
        let piece = &mut self.pieces[place(self.present)];
        let count = if succeeded { &mut piece.succeeded } else { &mut piece.failed };
        *count = count.saturating_add(1);
    }

    /// All that is in the window now.
    pub fn counts(&mut self, now: Instant) -> Counts {
        self.slide(now);
        self.pieces.iter().fold(Counts::default(), |all, piece| Counts {
            succeeded: all.succeeded.saturating_add(piece.succeeded),
            failed: all.failed.saturating_add(piece.failed),
        })
    }

    /// Forgets what has slid out of it.
    fn slide(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.began).as_nanos() / self.piece.as_nanos();
        let present = u64::try_from(passed).unwrap_or(u64::MAX).max(self.present);
        let gone = usize::try_from(present - self.present).unwrap_or(PIECES).min(PIECES);
        for step in 1..=gone {
            self.pieces[place(self.present.saturating_add(step as u64))] = Counts::default();
        }
        self.present = present;
    }
}

fn place(piece: u64) -> usize {
    usize::try_from(piece % PIECES as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_older_than_the_window_does_not_count() {
        let start = Instant::now();
        let mut window = Window::new(10 * SECOND, start);
        for second in 0..20 {
            window.count(second % 2 == 0, start + second * SECOND);
        }
        assert_eq!(window.counts(start + 19 * SECOND), Counts { succeeded: 5, failed: 5 });
        assert_eq!(window.counts(start + 24 * SECOND).all(), 5);
        assert_eq!(window.counts(start + 29 * SECOND).all(), 0);
        assert_eq!(window.counts(start + 1_000_000 * SECOND).all(), 0);
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_loses_nothing() {
        let start = Instant::now() + 100 * SECOND;
        let mut window = Window::new(10 * SECOND, start);
        window.count(false, start + 5 * SECOND);
        window.count(false, start);
        window.count(true, start.checked_sub(SECOND).unwrap());
        assert_eq!(window.counts(start), Counts { succeeded: 1, failed: 2 });
        assert!((window.counts(start).failure_share() - 2.0 / 3.0).abs() < f64::EPSILON);
    }
}
