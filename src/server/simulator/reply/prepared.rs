//! A reply that was checked once, with its bytes built, so that answering costs nothing twice.

use std::{fs, io, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, request::Parts};
use serde_json::Value;

use super::{
    super::{api, head::path_and_query, options::invalid},
    Cut, Encoding, Hang, HeaderText, Made, Match, ReadBody, Reply, Transcript, events,
};

/// What the answer consists of.
#[derive(Debug)]
pub(in super::super) enum Content {
    /// What the API would say.
    MadeUp,
    Text(String),
    Body(Bytes, &'static str),
    Raw(Bytes),
    /// A stream of given frames.
    Frames(Vec<Bytes>),
    /// A stream of made-up deltas.
    Made(Made),
    Echo,
}

#[derive(Debug, Clone, Copy)]
pub(in super::super) enum CutAt {
    Bytes(u64),
    Events(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum HangAt {
    Headers,
    Body,
    Events(usize),
}

/// A checked [`Reply`].
#[derive(Debug)]
pub(in super::super) struct Prepared {
    matches: Match,
    pub times: u32,
    /// The status asked for; without one the answer has that of its content.
    pub status: Option<StatusCode>,
    pub headers: Vec<(HeaderName, Vec<HeaderValue>)>,
    pub content: Content,
    pub delay: Option<Duration>,
    pub pace: Option<Duration>,
    pub per_write: usize,
    pub piece: Option<usize>,
    pub encoding: Option<Encoding>,
    pub cut: Option<(CutAt, Cut)>,
    pub hang: Option<HangAt>,
    pub error_at: Option<(usize, Bytes)>,
    pub read: ReadBody,
}

impl Prepared {
    pub fn new(reply: Reply) -> io::Result<Self> {
        if reply.stamp && reply.events.is_none() {
            return Err(invalid("reply: `stamp` needs `events`".to_owned()));
        }
        Ok(Self {
            times: reply.times.unwrap_or(1),
            status: reply.status.map(status).transpose()?,
            headers: headers(&reply)?,
            delay: (reply.delay_ms > 0).then(|| Duration::from_millis(reply.delay_ms)),
            pace: pace(&reply)?,
            per_write: positive("eventsPerWrite", reply.events_per_write)?.unwrap_or(1),
            piece: positive("bytesPerWrite", reply.bytes_per_write)?,
            encoding: reply.encoding,
            cut: cut(&reply)?,
            hang: hang(&reply)?,
            error_at: reply.error_at.as_ref().map(|at| (at.index, api::error_frame(&at.r#type, &at.message))),
            read: reply.read_body,
            matches: reply.r#match.clone(),
            content: content(reply)?,
        })
    }

    pub fn fits(&self, head: &Parts) -> bool {
        let method = self.matches.method.as_deref();
        method.is_none_or(|method| head.method.as_str().eq_ignore_ascii_case(method))
            && self.matches.path.as_deref().is_none_or(|path| path_fits(path, head))
    }

    /// Whether the answer is written in one go and to its end.
    pub fn is_plain(&self) -> bool {
        self.pace.is_none() && self.piece.is_none() && self.cut.is_none() && self.hang.is_none()
    }
}

fn path_fits(wanted: &str, head: &Parts) -> bool {
    let whole = path_and_query(head);
    let path = if wanted.contains('?') { whole } else { head.uri.path() };
    wanted.strip_suffix('*').map_or(path == wanted, |prefix| whole.starts_with(prefix))
}

fn status(status: u16) -> io::Result<StatusCode> {
    // An informational status is no answer: hyper refuses to end an exchange with one.
    StatusCode::from_u16(status)
        .ok()
        .filter(|code| !code.is_informational())
        .ok_or_else(|| invalid(format!("reply: `status` must be 200 to 999, not {status}")))
}

fn headers(reply: &Reply) -> io::Result<Vec<(HeaderName, Vec<HeaderValue>)>> {
    let wrong = |name: &str| invalid(format!("reply: `headers['{name}']` is not a valid header"));
    reply
        .headers
        .iter()
        .map(|(name, value)| {
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong(name))?;
            let texts = match value {
                None => &[][..],
                Some(HeaderText::One(text)) => std::slice::from_ref(text),
                Some(HeaderText::Many(texts)) => texts,
            };
            let values = texts.iter().map(|text| HeaderValue::from_bytes(text.as_bytes()));
            Ok((key, values.collect::<Result<_, _>>().map_err(|_| wrong(name))?))
        })
        .collect()
}

fn positive(name: &str, value: Option<usize>) -> io::Result<Option<usize>> {
    if value == Some(0) { Err(invalid(format!("reply: `{name}` must be at least 1"))) } else { Ok(value) }
}

fn pace(reply: &Reply) -> io::Result<Option<Duration>> {
    match (reply.pace_ms, reply.pace_us) {
        (Some(_), Some(_)) => Err(invalid("reply: give `paceMs` or `paceUs`, not both".to_owned())),
        (Some(ms), None) => Ok(Some(Duration::from_millis(ms))),
        (None, us) => Ok(us.map(Duration::from_micros)),
    }
}

fn cut(reply: &Reply) -> io::Result<Option<(CutAt, Cut)>> {
    let at = match (reply.cut_after_bytes, reply.cut_after_events) {
        (Some(_), Some(_)) => {
            return Err(invalid("reply: give `cutAfterBytes` or `cutAfterEvents`, not both".to_owned()));
        }
        (Some(bytes), None) => CutAt::Bytes(bytes),
        (None, Some(events)) => CutAt::Events(events),
        (None, None) if reply.cut.is_some() => {
            return Err(invalid("reply: `cut` needs `cutAfterBytes` or `cutAfterEvents`".to_owned()));
        }
        (None, None) => return Ok(None),
    };
    Ok(Some((at, reply.cut.unwrap_or_default())))
}

fn hang(reply: &Reply) -> io::Result<Option<HangAt>> {
    match (reply.hang, reply.hang_after_events) {
        (Some(_), Some(_)) => Err(invalid("reply: give `hang` or `hangAfterEvents`, not both".to_owned())),
        (Some(Hang::Headers), None) => Ok(Some(HangAt::Headers)),
        (Some(Hang::Body), None) => Ok(Some(HangAt::Body)),
        (None, after) => Ok(after.map(HangAt::Events)),
    }
}

fn content(reply: Reply) -> io::Result<Content> {
    let mut found = Vec::new();
    let mut add = |name: &'static str, content: Option<Content>| found.extend(content.map(|it| (name, it)));
    add("body", reply.body.map(|body| Content::Body(body_bytes(body), "application/json")));
    let body = decode("bodyBase64", reply.body_base64)?;
    add("bodyBase64", body.map(|body| Content::Body(body, "application/octet-stream")));
    add("raw", reply.raw.map(|raw| Content::Raw(raw.into())));
    add("rawBase64", decode("rawBase64", reply.raw_base64)?.map(Content::Raw));
    add("transcript", reply.transcript.map(transcript).transpose()?.map(Content::Frames));
    add("text", reply.text.map(Content::Text));
    add("events", reply.events.map(|count| Content::Made(Made::new(count, reply.stamp))));
    add("sse", reply.sse.map(|body| Content::Frames(events::split(&body))));
    add("echo", reply.echo.then_some(Content::Echo));
    if let [(one, _), (other, _), ..] = &found[..] {
        return Err(invalid(format!("reply: give `{one}` or `{other}`, not both")));
    }
    Ok(found.pop().map_or(Content::MadeUp, |(_, content)| content))
}

fn body_bytes(body: Value) -> Bytes {
    match body {
        Value::String(text) => text.into(),
        value => value.to_string().into(),
    }
}

fn decode(name: &str, text: Option<String>) -> io::Result<Option<Bytes>> {
    text.map(|text| STANDARD.decode(text).map(Bytes::from))
        .transpose()
        .map_err(|error| invalid(format!("reply: `{name}` is not base64: {error}")))
}

fn transcript(transcript: Transcript) -> io::Result<Vec<Bytes>> {
    let texts: Vec<String> = match transcript {
        Transcript::Path(path) => {
            let text = fs::read_to_string(&path).map_err(|error| {
                invalid(format!("reply: the file {path:?} of `transcript` cannot be read: {error}"))
            })?;
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
        }
        Transcript::Events(values) => values
            .into_iter()
            .map(|value| match value {
                Value::String(text) => text,
                value => value.to_string(),
            })
            .collect(),
    };
    texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            api::named_frame(text).ok_or_else(|| {
                invalid(format!("reply: event {index} of `transcript` is not one line of JSON with a type"))
            })
        })
        .collect()
}
