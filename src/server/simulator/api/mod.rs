//! What the real API would say: pure functions from a request to shapes, frames and headers.

mod ask;
mod errors;
mod headers;
mod shapes;

use http::Method;

pub(super) use ask::Ask;
pub(super) use errors::{error_body, error_frame};
pub(super) use headers::StandardHeaders;
pub(super) use shapes::{count_tokens, model, models, named_frame, root, stream, unary, words};

/// What made-up streams say they come from.
pub(super) const DEFAULT_MODEL: &str = "claude-sonnet-5";

/// Which shapes an answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    Messages,
    /// The legacy text completions.
    Complete,
}

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Generate(Api),
    CountTokens,
    Models,
    Model(&'a str),
    Root,
    WrongMethod,
    Unknown,
}

impl<'a> Route<'a> {
    /// A base URL may or may not end in `/v1`: both forms answer.
    pub fn of(method: &Method, path: &'a str) -> Self {
        let (post, get) = (method == Method::POST, method == Method::GET || method == Method::HEAD);
        let path = path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path);
        let (route, allowed) = match path {
            "/messages" => (Self::Generate(Api::Messages), post),
            "/complete" => (Self::Generate(Api::Complete), post),
            "/messages/count_tokens" => (Self::CountTokens, post),
            "/models" => (Self::Models, get),
            "/" => (Self::Root, get),
            _ => match path.strip_prefix("/models/") {
                Some(id) if !id.is_empty() => (Self::Model(id), get),
                _ => (Self::Unknown, true),
            },
        };
        if allowed { route } else { Self::WrongMethod }
    }

    /// The shape for scripted answers on any path.
    pub fn api(&self) -> Api {
        if *self == Self::Generate(Api::Complete) { Api::Complete } else { Api::Messages }
    }
}
