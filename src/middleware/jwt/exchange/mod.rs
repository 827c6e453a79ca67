//! Changes an assertion for a token, with a time limit and a few tries of its own.
//!
//! - `form`: what is sent · `answer`: what comes back · `again`: whether another try follows

mod again;
mod answer;
mod form;

use std::{net::IpAddr, sync::Arc};

use http::{
    Extensions, HeaderValue, Method,
    header::{ACCEPT, CONTENT_TYPE, USER_AGENT},
};
use url::{Host, Url};

use super::options::Exchange;
use crate::{
    Error, ErrorKind, Phase, Result,
    body::{Body, collect},
    credential::Token,
    pipeline::Endpoint,
    random,
    request::{self, Expect, Redirect, Request, Timeouts, display_url},
    secret::Secret,
};

/// A token that needs more is none.
const MAX_ANSWER: u64 = 1 << 20;

/// Room is left for those that are written here.
const MAX_HEADERS: usize = 1000;

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("trae-native/", env!("CARGO_PKG_VERSION")));

/// Refuses an exchange that would tell secrets, or write a field twice.
pub(super) fn check(exchange: &Exchange) -> Result<()> {
    if exchange.url.scheme() != "https" && !is_this_machine(&exchange.url) {
        return Err(Error::config(
            "`jwt.exchange.url` must begin with https:// unless it is on this machine: the assertion is a secret",
        ));
    }
    if !exchange.url.username().is_empty() || exchange.url.password().is_some() {
        return Err(Error::config(
            "`jwt.exchange.url` holds a user name or password: use `jwt.exchange.headers` or `.params` instead",
        ));
    }
    if exchange.headers.len() > MAX_HEADERS {
        return Err(Error::config("`jwt.exchange.headers` are too many: no server takes thousands"));
    }
    match exchange.params.iter().find(|(name, _)| form::OWN.contains(&name.as_str())) {
        Some((name, _)) => {
            Err(Error::config(format!("`jwt.exchange.params.{name}` is written by the exchange")))
        }
        None => Ok(()),
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Exchanges until there is a token or no hope. Each try has an assertion of its own: of one that was
/// lost on the way nobody knows whether its `jti` has been used.
pub(super) async fn exchange(
    exchange: &Exchange,
    assertion: &(dyn Fn() -> Result<Token> + Sync),
    endpoint: &dyn Endpoint,
) -> Result<Token> {
    let mut tries = 1;
    loop {
        let failure = match attempt(exchange, &assertion()?.secret, endpoint).await {
            Ok(token) => return Ok(token),
            Err(failure) => failure,
        };
        let Some(wait) = again::again(tries, &failure, exchange.tries.max_retries, random::unit()) else {
            return Err(failure);
        };
        tokio::time::sleep(wait).await;
        tries += 1;
    }
}

async fn attempt(exchange: &Exchange, assertion: &Secret, endpoint: &dyn Endpoint) -> Result<Token> {
    let place = display_url(&exchange.url);
    let fails =
        |kind, why: String| Error::new(kind, Phase::Prepare, format!("the token endpoint {place} {why}"));
    let asked = async {
        let res = endpoint.call(request(exchange, assertion)).await?;
        collect(res.body, MAX_ANSWER, None).await
    };
    let outcome = match exchange.tries.timeout {
        None => asked.await,
        Some(limit) => tokio::time::timeout(limit, asked).await.map_err(|_| {
            let why = format!("gave no answer within {} ms (`jwt.exchange.timeout`)", limit.as_millis());
            fails(ErrorKind::Timeout, why)
        })?,
    };
    let body = outcome.map_err(|error| explain(error, exchange, assertion, &fails))?;
    answer::granted(&body).map_err(|why| fails(ErrorKind::Parse, format!("gave no token: {why}")))
}

/// A refusal in words without a secret, of the class that a refused credential has; the answer itself is
/// not kept, as it may repeat what was sent.
fn explain(
    error: Error,
    exchange: &Exchange,
    assertion: &Secret,
    fails: &dyn Fn(ErrorKind, String) -> Error,
) -> Error {
    let Some(response) = error.response() else {
        let why = match error.kind() {
            ErrorKind::TooLarge => format!("gave no token: its answer has more than {MAX_ANSWER} bytes"),
            _ => format!("was not reached: {}", error.message()),
        };
        return fails(error.kind(), why).with_source(error);
    };
    let secrets: Vec<&Secret> = exchange.params.iter().map(|(_, value)| value).chain([assertion]).collect();
    let words =
        answer::refusal(&response.body, &secrets).map_or_else(String::new, |words| format!(": {words}"));
    let why = format!("refused, with status {}{words}", response.status.as_u16());
    let told = fails(error.kind(), why).with_retry_after(error.retry_after());
    if told.is_retryable() { told } else { told.into_kind(ErrorKind::Status(401)) }
}

fn request(exchange: &Exchange, assertion: &Secret) -> Request {
    let mut headers = exchange.headers.clone();
    headers.insert(CONTENT_TYPE, FORM);
    headers.entry(ACCEPT).or_insert(JSON);
    headers.entry(USER_AGENT).or_insert(AGENT);
    let options = request::Options {
        // The exchange's own limit holds for all of it.
        timeouts: Timeouts::default(),
        // Whoever is redirected to would get the assertion.
        redirect: Redirect::Error,
        max_response_bytes: MAX_ANSWER,
        max_event_bytes: 0,
        home: None,
        secret_headers: Vec::new(),
        expect: Expect::Whole,
    };
    Request {
        method: Method::POST,
        url: exchange.url.clone(),
        headers,
        body: Body::Full(form::form(exchange, assertion).into_bytes()),
        options: Arc::new(options),
        attempt: 1,
        extensions: Extensions::new(),
    }
}
