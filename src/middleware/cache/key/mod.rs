//! What is asked, by whom, and in which form the answer is wanted: pure functions of a request.
//!
//! Invariants: who asks is part of every key, or the name that stands for it; no key can be read back.
//!
//! - `canonical`: JSON in one spelling · `decimal`: its numbers

pub(super) mod canonical;
mod decimal;

use std::fmt::Write;

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
};
use http::{
    HeaderName, HeaderValue, Method,
    header::{ACCEPT, CONTENT_TYPE, HOST},
};
use xxhash_rust::xxh3::xxh3_128_with_secret;

use self::canonical::{Paths, canonical};
use super::options::CacheOptions;
use crate::{
    body::Body,
    identity::{Identity, identity_of},
    request::{Expect, Redirect, Request},
};

/// The form in which an answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Whole,
    Events,
    /// As it came.
    Either,
}

/// What a call asks, as far as it can be kept.
#[derive(Clone)]
pub(super) struct Question {
    /// Everything that tells it from other questions, who asks included.
    text: Vec<u8>,
    pub(super) who: Identity,
    pub(super) wanted: Wanted,
    /// Whether its answer is a message, which can be had in either form.
    pub(super) message: bool,
    /// What the caller judges himself, nobody else may be told for an answer.
    pub(super) any_status: bool,
}

/// The rules that make keys, read once.
pub(super) struct Rules {
    methods: Vec<Method>,
    vary: Vec<HeaderName>,
    ignored: Paths,
    tenant: Option<Identity>,
    secret: [u8; 192],
}

/// Where an answer is found in memory. A digest of who asks stands apart: it must never meet another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    who: u128,
    what: u128,
}

impl Rules {
    pub(super) fn new(options: &CacheOptions) -> Self {
        let mut secret = [0; 192];
        // Without the system's randomness nothing of TLS works either; then there is a fixed secret, not none.
        let _fixed = rand::fill(&mut secret);
        let path = |path: &String| path.split('.').map(str::to_owned).collect();
        Self {
            methods: options.methods.clone(),
            vary: options.vary.clone(),
            ignored: options.ignore.iter().map(path).collect(),
            tenant: options.tenant.as_ref().map(|name| Identity::of([b"tenant", name.as_bytes()])),
            secret,
        }
    }

    /// Whether answers are shared among those who ask.
    pub(super) fn is_shared(&self) -> bool {
        self.tenant.is_some()
    }

    /// What a request asks, or nothing where its answer is not to be kept. With a key of its own it is told by that
    /// alone.
    pub(super) fn question(&self, req: &Request, own: Option<&str>) -> Option<Question> {
        let is_post = req.method == Method::POST;
        let message = is_post && req.url.path().ends_with("/messages");
        let vouched = own.is_some();
        if !self.methods.contains(&req.method) || !(vouched || asks_only(req.url.path())) {
            return None;
        }
        let mut text = Vec::with_capacity(256);
        let who = self.tenant.unwrap_or_else(|| identity_of(req));
        part(&mut text, who.bytes());
        let body = body(req, &self.ignored, message);
        let stream = body.as_ref().is_some_and(|body| body.stream);
        let wanted = wanted(req.options.expect, message, stream)?;
        match own {
            Some(key) => part(&mut text, key.as_bytes()),
            None => self.write(&mut text, req, &body?, message),
        }
        let any_status = req.extensions.get::<crate::request::AnyStatus>().is_some();
        Some(Question { text, who, wanted, message, any_status })
    }

    fn write(&self, text: &mut Vec<u8>, req: &Request, body: &Content, message: bool) {
        part(text, b"");
        part(text, req.method.as_str().as_bytes());
        // What stands behind `#` is not sent.
        let url = req.url.as_str();
        part(text, url.split('#').next().unwrap_or(url).as_bytes());
        // Of one origin several hosts may be asked for.
        part(text, req.headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or_default());
        text.push(match req.options.redirect {
            Redirect::SameOrigin => 0,
            Redirect::Follow => 1,
            Redirect::Error => 2,
            Redirect::Manual => 3,
        });
        // A message is had in either form, whatever was accepted.
        for name in self.vary.iter().filter(|name| !message || **name != ACCEPT) {
            let values = req.headers.get_all(name);
            text.extend_from_slice(&(values.iter().count() as u64).to_le_bytes());
            for value in values {
                part(text, value.as_bytes());
            }
        }
        part(text, &body.text);
    }

    pub(super) fn key(&self, question: &Question) -> Key {
        let mut who = [0; 16];
        who.copy_from_slice(&question.who.bytes()[..16]);
        let what = xxh3_128_with_secret(&question.text, &self.secret);
        Key { who: u128::from_le_bytes(who), what }
    }

    /// Whether this header is part of every key.
    pub(super) fn knows(&self, name: &HeaderName) -> bool {
        self.vary.contains(name)
    }
}

impl Question {
    /// Its name where others share the store: a digest that nobody can forge.
    pub(super) fn name(&self) -> String {
        let digest = digest(&SHA256, &self.text);
        digest.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        })
    }
}

/// What is sent, in one spelling.
struct Content {
    text: Vec<u8>,
    stream: bool,
}

/// Nothing where the content is no JSON, or passes only once.
fn body(req: &Request, ignored: &Paths, message: bool) -> Option<Content> {
    match &req.body {
        Body::Empty => Some(Content { text: Vec::new(), stream: false }),
        Body::Full(bytes) if is_json(req) => canonical(bytes, ignored, message)
            .map(|canonical| Content { text: canonical.text, stream: canonical.stream }),
        Body::Full(_) | Body::Stream(_) | Body::Events(_) => None,
    }
}

fn is_json(req: &Request) -> bool {
    let Some(media) = req.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return true;
    };
    let media = media.split(';').next().unwrap_or(media).trim().to_ascii_lowercase();
    media == "application/json" || media.ends_with("+json")
}

/// What is asked of these does something, or has another answer soon: batches and files change by themselves.
fn asks_only(path: &str) -> bool {
    !path.split('/').any(|step| matches!(step, "batches" | "files"))
}

/// Nothing where an answer could not be given as the server would: bytes as they come, events and rows of no protocol, and a
/// stream that is read whole or the other way round.
fn wanted(expect: Expect, message: bool, stream: bool) -> Option<Wanted> {
    match (expect, message) {
        (Expect::Auto | Expect::AsSent | Expect::Events, true) if stream => Some(Wanted::Events),
        (Expect::Auto | Expect::AsSent | Expect::Whole, true) if !stream => Some(Wanted::Whole),
        (Expect::Bytes | Expect::TextEvents | Expect::Rows, _) | (_, true) => None,
        (Expect::Auto | Expect::AsSent, false) => Some(Wanted::Either),
        (Expect::Whole, false) => Some(Wanted::Whole),
        (Expect::Events, false) => Some(Wanted::Events),
    }
}

/// Each told from the next.
fn part(text: &mut Vec<u8>, part: &[u8]) {
    text.extend_from_slice(&(part.len() as u64).to_le_bytes());
    text.extend_from_slice(part);
}
