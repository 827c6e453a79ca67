//! What can be set about other targets, and the one place where its defaults are written.

use std::{fmt, sync::Arc};

use http::HeaderMap;

use super::on::On;
use crate::place::Place;

/// Where calls go, and what sends them on.
#[derive(Debug, Clone)]
pub struct FallbackOptions {
    /// All targets, the client's own among them where calls go there at all.
    pub targets: Vec<Target>,
    /// In which order they are tried. Default: `Ordered`.
    pub strategy: Strategy,
    /// Which failures send a call on to the next target. Default: [`On::defaults`].
    pub on: Vec<On>,
}

/// A place that answers calls.
#[derive(Clone, Default)]
pub struct Target {
    /// What it is called in `res.target`, histories and errors.
    pub name: Arc<str>,
    /// Where it is; `None`: where the client is.
    pub place: Option<Place>,
    /// Set over those of the call. Where one is a credential, none of the call's own goes along.
    pub headers: HeaderMap,
    /// In place of the one that the call names.
    pub model: Option<String>,
    /// How often it is the first, against the others; for `Weighted`. Default: 1.
    pub weight: f64,
}

/// Of headers only how many there are: they hold credentials.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("name", &self.name)
            .field("place", &self.place)
            .field("headers", &self.headers.len())
            .field("model", &self.model)
            .field("weight", &self.weight)
            .finish()
    }
}

/// In which order targets are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// As they are given.
    #[default]
    Ordered,
    /// The first one is drawn by weight, and so is each that follows.
    Weighted,
}
