//! Keeps the last calls, each with what took how long, and counts what passes in a moment: for whoever watches.
//!
//! Invariants: a call is told once, whatever way it ends; what is kept is bounded, whatever passes; no header is kept,
//! and of what was asked and answered nothing unless the options say so.
//!
//! - [`options`]: what is kept · `entry`: a call as it is told · `course`: a call under way · `figures`: what passed in
//!   a moment · `taken`: what a stream adds up to, where that is kept

mod course;
mod entry;
mod figures;
pub mod options;
mod taken;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

pub use self::options::JournalOptions;
use self::{course::Course, entry::Entry, figures::Figures};
use crate::{
    Result,
    body::Body,
    pipeline::{BoxFuture, Middleware, Next},
    request::Request,
    response::Response,
    watch::{Asked, watch},
};

/// The middleware; one journal for all calls that pass it.
pub struct Journal {
    kept: Arc<Kept>,
}

/// What courses write to.
struct Kept {
    options: JournalOptions,
    entries: Mutex<Entries>,
    figures: Figures,
}

#[derive(Default)]
struct Entries {
    last: u64,
    all: VecDeque<Arc<Mutex<Entry>>>,
}

impl Kept {
    /// A place for a call that begins; the oldest makes room.
    fn begin(&self, entry: Entry) -> Arc<Mutex<Entry>> {
        let mut entries = lock(&self.entries);
        entries.last += 1;
        let entry = Arc::new(Mutex::new(Entry { id: entries.last, ..entry }));
        if entries.all.len() >= self.options.keep {
            entries.all.pop_front();
        }
        entries.all.push_back(Arc::clone(&entry));
        entry
    }
}

impl Journal {
    /// A journal in which nothing stands yet.
    pub fn new(options: JournalOptions) -> Self {
        let kept = Kept { options, entries: Mutex::default(), figures: Figures::default() };
        Self { kept: Arc::new(kept) }
    }

    /// The last calls, the newest first, without what was asked and answered.
    pub fn last(&self, most: usize) -> Vec<Value> {
        let entries: Vec<_> = lock(&self.kept.entries).all.iter().rev().take(most).cloned().collect();
        entries.iter().map(|entry| lock(entry).told()).collect()
    }

    /// One call with what was asked and answered, as far as that is kept.
    pub fn one(&self, id: u64) -> Option<Value> {
        let found = lock(&self.kept.entries).all.iter().find(|entry| lock(entry).id == id).cloned()?;
        let told = lock(&found).told_with_bodies();
        Some(told)
    }

    /// What has passed since this was asked last, and how long calls took of late.
    pub fn sample(&self) -> Value {
        self.kept.figures.sample()
    }
}

impl Middleware for Journal {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let mut course = Course::begin(&self.kept, &req);
            let asked = Asked::of(&req);
            match next.run(req).await {
                Ok(mut res) => {
                    course.arrived(&res);
                    if self.kept.options.bodies > 0
                        && let Body::Events(events) = res.body
                    {
                        res.body =
                            Body::Events(taken::taken(events, course.entry(), self.kept.options.bodies));
                    }
                    Ok(watch(asked, res, course))
                }
                Err(error) => {
                    course.failed(&error);
                    Err(error)
                }
            }
        })
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
