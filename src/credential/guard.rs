//! Puts the credential on a call, and after a 401 sends it once more with another.

use std::sync::Arc;

use http::HeaderValue;

use super::{keeper::Keeper, options::Terms, provider::Provider, remedy::Remedy, scheme::Scheme};
use crate::{
    Error, ErrorKind, Phase, Result,
    identity::Identity,
    pipeline::Next,
    request::{Authorized, Request},
    response::Response,
    secret::Secret,
};

/// Where credentials come from.
#[derive(Clone)]
pub enum Source {
    /// Always the same one.
    Value(Secret),
    /// Whatever this gives.
    Provider(Arc<dyn Provider>),
}

/// Sends calls with a credential, to the client's own origin and nowhere else.
pub struct Guard {
    scheme: Scheme,
    credential: Credential,
    own: Identity,
}

enum Credential {
    Fixed(HeaderValue),
    Kept(Keeper),
}

impl Guard {
    /// A guard; a value that cannot be sent is refused here.
    pub fn new(source: Source, scheme: Scheme, terms: Terms) -> Result<Self> {
        let credential = match source {
            Source::Value(secret) => Credential::Fixed(scheme.write(&secret)?),
            Source::Provider(provider) => Credential::Kept(Keeper::new(provider, scheme.clone(), terms)),
        };
        Ok(Self { scheme, credential, own: Identity::own() })
    }

    /// Who asks, of calls that are sent with it. What a provider gives may be anybody's: it is told apart from all
    /// others, and in another process too.
    pub fn identity(&self) -> Identity {
        match &self.credential {
            Credential::Fixed(value) => {
                Identity::of([self.scheme.name().as_str().as_bytes(), value.as_bytes()])
            }
            Credential::Kept(_) => self.own,
        }
    }

    /// Throws away what the provider gave.
    pub fn invalidate(&self) {
        if let Credential::Kept(keeper) = &self.credential {
            keeper.invalidate();
        }
    }

    /// Sends a call. One that has the header already, has another credential in its place, or goes elsewhere, is let be.
    pub async fn send(&self, mut req: Request, next: Next<'_>) -> Result<Response> {
        let has_another = req.extensions.get::<Authorized>().is_some();
        if !req.is_home() || has_another || req.headers.contains_key(self.scheme.name()) {
            return next.run(req).await;
        }
        match &self.credential {
            Credential::Fixed(value) => {
                self.put(&mut req, value)?;
                next.run(req).await
            }
            Credential::Kept(keeper) => self.send_kept(keeper, req, next).await,
        }
    }

    async fn send_kept(&self, keeper: &Keeper, mut req: Request, next: Next<'_>) -> Result<Response> {
        let held = keeper.obtain(next).await?;
        let again = req.replay();
        self.put(&mut req, &held.header)?;
        let outcome = next.run(req).await;
        if !is_refusal(&outcome) {
            return outcome;
        }
        // Also where this call cannot be sent again: the next one shall do better.
        let (Some(mut again), Remedy::Present | Remedy::Renew) = (again, keeper.refuse(&held)) else {
            return outcome;
        };
        // What is left of the answer would hold a place in the pool, which the next credential may need.
        drop(outcome);
        let other = keeper.obtain(next).await?;
        self.put(&mut again, &other.header)?;
        next.run(again).await
    }

    fn put(&self, req: &mut Request, value: &HeaderValue) -> Result<()> {
        match req.headers.try_insert(self.scheme.name(), value.clone()) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::config("the headers are too many for one more, of the credential")),
        }
    }
}

/// Whether the server does not know the caller: as an error, or as an answer where the caller judges the
/// status. A 401 from before anything was sent is another room's, which had no credential either.
fn is_refusal(outcome: &Result<Response>) -> bool {
    match outcome {
        Ok(res) => res.status == 401,
        Err(error) => error.kind() == ErrorKind::Status(401) && error.phase() != Phase::Prepare,
    }
}
