//! What the proxy measures of itself, in the text that Prometheus reads: what it adds to a request, and its connections.

use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Upper bounds in microseconds.
const BOUNDS: [u64; 13] = [10, 20, 30, 40, 50, 60, 80, 100, 200, 500, 1000, 5000, 50_000];

/// What was measured so far.
#[derive(Default)]
pub(super) struct Meter {
    buckets: [AtomicU64; BOUNDS.len()],
    count: AtomicU64,
    nanoseconds: AtomicU64,
    pub open: AtomicU64,
    pub accepted: AtomicU64,
    pub refused: AtomicU64,
}

impl Meter {
    /// A request took so long, what others took not counted.
    pub(super) fn took(&self, own: Duration) {
        let micros = u64::try_from(own.as_micros()).unwrap_or(u64::MAX);
        if let Some(place) = BOUNDS.iter().position(|bound| micros < *bound) {
            self.buckets[place].fetch_add(1, Relaxed);
        }
        self.count.fetch_add(1, Relaxed);
        self.nanoseconds.fetch_add(u64::try_from(own.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// These figures after others.
    pub(super) fn with(&self, mut text: String, open_metrics: bool) -> String {
        let end = "# EOF\n";
        if open_metrics && text.ends_with(end) {
            text.truncate(text.len() - end.len());
        }
        let _infallible = self.write(&mut text, open_metrics);
        if open_metrics {
            text.push_str(end);
        }
        text
    }

    fn write(&self, text: &mut String, open_metrics: bool) -> std::fmt::Result {
        let name = "trae_proxy_overhead_seconds";
        writeln!(
            text,
            "# HELP {name} What the proxy itself adds until an answer begins, the API's time not counted"
        )?;
        writeln!(text, "# TYPE {name} histogram")?;
        let mut sum = 0;
        for (bound, bucket) in BOUNDS.iter().zip(&self.buckets) {
            sum += bucket.load(Relaxed);
            writeln!(text, "{name}_bucket{{le=\"{}\"}} {sum}", seconds(bound * 1000))?;
        }
        let count = self.count.load(Relaxed);
        writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}")?;
        writeln!(text, "{name}_sum {}", seconds(self.nanoseconds.load(Relaxed)))?;
        writeln!(text, "{name}_count {count}")?;
        let gauge = "trae_proxy_connections";
        writeln!(text, "# HELP {gauge} Connections of callers that are open\n# TYPE {gauge} gauge")?;
        writeln!(text, "{gauge} {}", self.open.load(Relaxed))?;
        for (counter, help, count) in [
            ("trae_proxy_connections_accepted", "Connections of callers so far", &self.accepted),
            (
                "trae_proxy_refused",
                "Requests that were refused before they came to the engine",
                &self.refused,
            ),
        ] {
            let family = if open_metrics { counter.to_owned() } else { format!("{counter}_total") };
            writeln!(text, "# HELP {family} {help}\n# TYPE {family} counter")?;
            writeln!(text, "{counter}_total {}", count.load(Relaxed))?;
        }
        Ok(())
    }
}

/// Nanoseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "Prometheus knows only floats")]
fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_stands_in_every_bucket_that_it_is_quick_enough_for() {
        let meter = Meter::default();
        meter.took(Duration::from_micros(25));
        meter.took(Duration::from_secs(1));
        let text = meter.with(String::new(), false);
        for line in [
            "trae_proxy_overhead_seconds_bucket{le=\"0.00002\"} 0",
            "trae_proxy_overhead_seconds_bucket{le=\"0.00003\"} 1",
            "trae_proxy_overhead_seconds_bucket{le=\"0.05\"} 1",
            "trae_proxy_overhead_seconds_bucket{le=\"+Inf\"} 2",
            "trae_proxy_overhead_seconds_count 2",
            "# TYPE trae_proxy_refused_total counter",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }

    #[test]
    fn the_end_of_what_comes_before_is_the_end_of_all() {
        let text = Meter::default().with("a 1\n# EOF\n".to_owned(), true);
        assert!(text.starts_with("a 1\n# HELP trae_proxy_overhead") && text.ends_with("\n# EOF\n"));
        assert_eq!(text.matches("# EOF").count(), 1);
        assert!(text.contains("# TYPE trae_proxy_refused counter\ntrae_proxy_refused_total 0\n"));
    }
}
