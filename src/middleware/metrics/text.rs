//! Figures as text: the format of Prometheus, that of OpenMetrics, and JSON for whoever makes a page of his own.

use std::fmt::Write as _;

use serde::Serialize;

/// In which format figures are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Prometheus text, version 0.0.4.
    #[default]
    Prometheus,
    /// OpenMetrics text, version 1.0.0.
    OpenMetrics,
    /// A list of [`Reading`].
    Json,
}

/// What a family measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// What only grows.
    Counter,
    /// What comes and goes.
    Gauge,
    /// How many were no more than each of some bounds.
    Histogram,
}

/// A family of figures at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// The name; that of a counter without `_total`.
    pub name: String,
    /// What it is, in a sentence.
    pub help: &'static str,
    /// What it measures.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Its figures.
    pub samples: Vec<Sample>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// What follows the family's name.
    pub suffix: &'static str,
    /// Names and values.
    pub labels: Vec<(&'static str, String)>,
    /// The upper bound of a histogram's bucket; infinity, which JSON does not have, is `null` there.
    pub le: Option<f64>,
    /// The figure.
    pub value: f64,
}

impl Reading {
    /// A family with one figure and no labels.
    pub fn of(name: &str, help: &'static str, kind: Kind, value: f64) -> Self {
        let samples = vec![Sample { suffix: "", labels: Vec::new(), le: None, value }];
        Self { name: name.to_owned(), help, kind, samples }
    }
}

/// The families as text.
pub fn write(readings: &[Reading], format: Format) -> String {
    if format == Format::Json {
        return serde_json::to_string(readings).unwrap_or_default();
    }
    let mut text = String::with_capacity(4096);
    for reading in readings {
        family(&mut text, reading, format);
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

/// A counter's name ends in `_total`; in OpenMetrics that is no part of the family's own.
fn family(text: &mut String, Reading { name, help, kind, samples }: &Reading, format: Format) {
    let (word, total) = match kind {
        Kind::Counter => ("counter", "_total"),
        Kind::Gauge => ("gauge", ""),
        Kind::Histogram => ("histogram", ""),
    };
    let titled = if format == Format::OpenMetrics { "" } else { total };
    let help = escaped(help);
    let _ = write!(text, "# HELP {name}{titled} {help}\n# TYPE {name}{titled} {word}\n");
    for Sample { suffix, labels, le, value } in samples {
        let _ = write!(text, "{name}{total}{suffix}");
        let le = le.map(|bound| ("le", bounded(bound, format)));
        let mut mark = '{';
        for (label, value) in le.iter().chain(labels) {
            let _ = write!(text, "{mark}{label}=\"{}\"", escaped(value));
            mark = ',';
        }
        if mark == ',' {
            text.push('}');
        }
        let _ = writeln!(text, " {value}");
    }
}

/// OpenMetrics wants bounds to look like floats, so that they stay the same label in every exporter.
fn bounded(bound: f64, format: Format) -> String {
    match format {
        _ if bound.is_infinite() => "+Inf".to_owned(),
        Format::OpenMetrics if bound.fract() == 0.0 => format!("{bound}.0"),
        _ => bound.to_string(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('\n', r"\n").replace('"', "\\\"")
}
