//! Sends calls with a token: signed here, or got from a token endpoint for something signed.
//!
//! A token is used until a little before its end, then used and replaced in the background, and only in
//! its last moments waited for. However many calls need the next one, it is signed or fetched once. A 401
//! costs one more try with a new token, of no retry budget. It goes to the client's own origin only.
//!
//! ```
//! use std::sync::Arc;
//! use trae_native::{
//!     middleware::jwt::{Algorithm, Assertion, Claims, Jwt, JwtOptions, Signing},
//!     pipeline::{Endpoint, Pipeline},
//!     secret::Secret,
//! };
//!
//! # fn around(endpoint: Arc<dyn Endpoint>, key: String) -> trae_native::Result<Pipeline> {
//! let mut signing = Signing::new(Algorithm::Es256, Secret::new(key));
//! signing.claims.issuer = Some("my-service".into());
//! let jwt = Jwt::new(Assertion::Signed(Box::new(signing)), JwtOptions::default())?;
//! let pipeline = Pipeline::new(vec![Arc::new(jwt)], endpoint);
//! # Ok(pipeline)
//! # }
//! ```
//!
//! - `claims`: what a token says · `key` `der`: keys as people have them · `signer`: signs
//! - `exchange`: at the token endpoint

mod claims;
mod der;
mod exchange;
mod key;
mod options;
mod signer;

use std::{path::PathBuf, sync::Arc};

pub use options::{Algorithm, Assertion, Claims, Exchange, Grant, JwtOptions, Signing, Tries};

use self::signer::Signer;
use crate::{
    Error, Result,
    credential::{Ask, Guard, Provider, Source, Terms, Token},
    identity::Identity,
    pipeline::{BoxFuture, Middleware, Next},
    request::Request,
    response::Response,
    secret::Secret,
};

/// The middleware.
pub struct Jwt(Guard);

impl Jwt {
    /// Sends calls with this assertion, or with what it is changed for.
    pub fn new(assertion: Assertion, options: JwtOptions) -> Result<Self> {
        let JwtOptions { scheme, renewal, exchange } = options;
        let issuer = Issuer::new(assertion, exchange)?;
        let terms = Terms { room: "jwt", timeout: None, ttl: None, renewal };
        Guard::new(Source::Provider(Arc::new(issuer)), scheme, terms).map(Self)
    }

    /// Who asks, of calls that are sent with it.
    pub fn identity(&self) -> Identity {
        self.0.identity()
    }

    /// Throws the token away: the next call gets another.
    pub fn invalidate(&self) {
        self.0.invalidate();
    }
}

impl Middleware for Jwt {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(self.0.send(req, next))
    }
}

/// Makes tokens.
struct Issuer {
    origin: Origin,
    exchange: Option<Exchange>,
}

/// An assertion, ready to be had.
enum Origin {
    Signed(Box<Signer>),
    Given(Secret),
    File(PathBuf),
}

impl Issuer {
    fn new(assertion: Assertion, exchange: Option<Exchange>) -> Result<Self> {
        if let Some(exchange) = &exchange {
            exchange::check(exchange)?;
        }
        let origin = match assertion {
            Assertion::Signed(mut signing) => {
                if let (Some(exchange), true) = (&exchange, signing.claims.audience.is_empty()) {
                    signing.claims.audience.push(exchange.url.as_str().to_owned());
                }
                Origin::Signed(Box::new(Signer::new(*signing)?))
            }
            Assertion::Given(secret) => Origin::Given(secret),
            Assertion::File(path) => Origin::File(path),
        };
        Ok(Self { origin, exchange })
    }

    fn assertion(&self) -> Result<Token> {
        let secret = match &self.origin {
            Origin::Signed(signer) => return signer.sign(),
            Origin::Given(secret) => secret.clone(),
            // A page of memory, mostly: not worth a thread of its own.
            Origin::File(path) => Secret::new(std::fs::read_to_string(path).map_err(|cause| {
                let path = path.display();
                Error::config(format!("`jwt.assertionFile` {path} cannot be read: {cause}"))
                    .with_source(cause)
            })?),
        };
        if secret.expose().trim_ascii().is_empty() {
            return Err(Error::config("the assertion of `jwt` is empty"));
        }
        Ok(Token { secret, lifetime: None })
    }
}

impl Provider for Issuer {
    fn token(&self, ask: Ask) -> BoxFuture<'_, Result<Token>> {
        Box::pin(async move {
            match &self.exchange {
                None => self.assertion(),
                Some(exchange) => exchange::exchange(exchange, &|| self.assertion(), &*ask.endpoint).await,
            }
        })
    }
}
