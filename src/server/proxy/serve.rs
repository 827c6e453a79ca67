//! One request: where it goes, whether it may, and what answers.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, StatusCode, Version,
    header::{HOST, TRANSFER_ENCODING},
    request::Parts,
};
use hyper::body::Incoming;

use super::{
    admin,
    answer::{Answer, Problem, fleeting},
    callers::{Caller, Refusal},
    engine::Engine,
    forward::Forward,
    handle::Shared,
    heads::{self, REQUEST_ID},
    intake,
    route::{Nowhere, Place, route},
    wire::Peer,
};
use crate::random;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Answers a request, whatever it is.
pub(super) async fn serve(
    shared: Arc<Shared>,
    peer: Peer,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    let request_id = request_id(&head.headers);
    let answered = if peer.ambiguous.was_seen() && head.headers.contains_key(TRANSFER_ENCODING) {
        Err(Problem::closing(StatusCode::BAD_REQUEST, "the request has a length and is chunked, too"))
    } else {
        answer(&shared, head, body, request_id.clone()).await
    };
    let answer = answered.unwrap_or_else(|problem| {
        shared.meter.refused.fetch_add(u64::from(problem.refuses), Relaxed);
        if problem.closes {
            peer.lingers.set();
        }
        problem.answer(&request_id)
    });
    let patience = if peer.multiplexes { shared.engine().options.limits.write } else { None };
    Ok(match patience {
        Some(patience) => answer.map(|body| body.watched(patience)),
        None => answer,
    })
}

async fn answer(
    shared: &Arc<Shared>,
    head: Parts,
    body: Incoming,
    request_id: HeaderValue,
) -> Result<Answer, Problem> {
    let engine = shared.engine();
    let path = head.uri.path().to_owned();
    let place = check(&engine, &head, &path)?;
    let caller = admit(&engine, place, &head.headers)?;
    match place {
        Place::Api => {
            let stopping = shared.connections.stopping.clone();
            let meter = &shared.meter;
            Forward { engine, caller, head, body, request_id, stopping }.answer(meter).await
        }
        Place::Health => Ok(fleeting(StatusCode::OK, TEXT, Bytes::from_static(b"ok\n"))),
        Place::Ready if shared.is_ready() => {
            Ok(fleeting(StatusCode::OK, TEXT, Bytes::from_static(b"ready\n")))
        }
        Place::Ready => Ok(fleeting(
            StatusCode::SERVICE_UNAVAILABLE,
            TEXT,
            Bytes::from_static(b"the proxy is stopping\n"),
        )),
        Place::Page(file) => {
            let file = shared.page().and_then(|page| page.file(file));
            file.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "there is no such page"))
        }
        other => admin::answer(shared, &engine, other, caller.as_deref(), &head).await,
    }
}

/// What is wrong with a request before it matters whose it is.
fn check<'a>(engine: &Engine, head: &Parts, path: &'a str) -> Result<Place<'a>, Problem> {
    let bad = |words: String| Problem::closing(StatusCode::BAD_REQUEST, words);
    if let Some(what) = heads::ambiguity(head.version, &head.headers) {
        return Err(bad(format!("the request could be read in two ways: {what}")));
    }
    let named = head.headers.get(HOST).map(HeaderValue::as_bytes);
    if let (Some(target), Some(named)) = (head.uri.authority(), named)
        && !target.as_str().as_bytes().eq_ignore_ascii_case(named)
    {
        return Err(bad("the request could be read in two ways: its target is of another host".to_owned()));
    }
    let place = route(&head.method, path).map_err(|nowhere| match nowhere {
        Nowhere::NotFound => Problem::new(
            StatusCode::NOT_FOUND,
            format!("there is no {path:.200} here: the API is below /v1/"),
        ),
        Nowhere::Method => {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{path:.200} does not take this method"))
        }
        Nowhere::Ambiguous => bad(format!("the path {path:.200} could be read in two ways")),
    })?;
    let limit = intake::kind(&head.method, &head.headers, false).limit(engine.options.limits.request_bytes);
    if intake::announces_more(&head.headers, limit) {
        return Err(intake::too_large(limit));
    }
    browser(engine, place, head)?;
    Ok(place)
}

/// A page of another site may have somebody's browser ask; where there are no keys, or the browser keeps ours, it would
/// be answered.
fn browser(engine: &Engine, place: Place<'_>, head: &Parts) -> Result<(), Problem> {
    if matches!(place, Place::Health | Place::Ready) {
        return Ok(());
    }
    let authority = authority(head);
    if heads::is_of_another_site(&head.headers, authority) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "a page of another site may not ask this proxy"));
    }
    let is_own = |authority: &str| heads::is_own_host(authority, &engine.options.hosts);
    if engine.callers.are_anonymous() && !authority.is_none_or(is_own) {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "this proxy is not known by the name it was called by: list it in `hosts`",
        ));
    }
    Ok(())
}

fn authority(head: &Parts) -> Option<&str> {
    match head.uri.authority() {
        Some(authority) if head.version >= Version::HTTP_2 => Some(authority.as_str()),
        _ => head.headers.get(HOST).and_then(|host| host.to_str().ok()),
    }
}

fn admit(engine: &Engine, place: Place<'_>, headers: &HeaderMap) -> Result<Option<Arc<Caller>>, Problem> {
    engine.callers.admit(place.need(), headers).map_err(|refusal| match refusal {
        Refusal::Missing => Problem::new(
            StatusCode::UNAUTHORIZED,
            "there is no key of this proxy: send one as `x-api-key` or as `authorization: Bearer`",
        ),
        Refusal::Unknown => Problem::new(
            StatusCode::UNAUTHORIZED,
            "the key is no caller's of this proxy: the API's own key is not one, its operator makes them",
        ),
        Refusal::Forbidden => {
            Problem::new(StatusCode::FORBIDDEN, "this caller may not see what others do: it is no `admin`")
        }
    })
}

/// The caller's own name for the request, or one of ours.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_name = |value: &&HeaderValue| {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-:/".contains(byte);
        (1..=128).contains(&value.len())
            && value.as_bytes().iter().all(allowed)
            && !value.as_bytes().starts_with(b"sk-")
    };
    if let Some(given) = headers.get(REQUEST_ID).filter(is_name) {
        return given.clone();
    }
    let made = format!("prx_{:016x}{:08x}", random::bits(), random::bits() >> 32);
    HeaderValue::try_from(made).unwrap_or(HeaderValue::from_static("prx"))
}
