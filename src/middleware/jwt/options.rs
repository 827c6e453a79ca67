//! What `jwt` can be told.

use std::{path::PathBuf, time::Duration};

use http::HeaderMap;
use serde_json::{Map, Value};
use url::Url;

use crate::{
    credential::{Renewal, Scheme},
    secret::Secret,
};

/// The options, with their defaults.
#[derive(Clone, PartialEq)]
pub struct JwtOptions {
    /// In which header the token goes.
    pub scheme: Scheme,
    /// When a token is replaced.
    pub renewal: Renewal,
    /// Where the assertion is changed for the token; without it the assertion is the token.
    pub exchange: Option<Exchange>,
}

impl Default for JwtOptions {
    fn default() -> Self {
        Self { scheme: Scheme::Bearer, renewal: Renewal::default(), exchange: None }
    }
}

/// Where the signed statement of who calls comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Assertion {
    /// Signed here, anew each time.
    Signed(Box<Signing>),
    /// Always this one.
    Given(Secret),
    /// Whatever stands in this file at the time: Kubernetes and its like keep it up to date.
    File(PathBuf),
}

/// How tokens are signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Signing {
    /// With what.
    pub algorithm: Algorithm,
    /// The shared secret for [`Algorithm::Hs256`], else a private key in PEM form.
    pub key: Secret,
    /// The `kid` of the token's header.
    pub key_id: Option<String>,
    /// What the token says.
    pub claims: Claims,
    /// From `iat` to `exp`, in whole seconds.
    pub lifetime: Duration,
    /// How far `iat` is put back, for servers whose clocks are slow, in whole seconds.
    pub skew: Duration,
}

impl Signing {
    /// Signs with this key.
    pub fn new(algorithm: Algorithm, key: Secret) -> Self {
        Self {
            algorithm,
            key,
            key_id: None,
            claims: Claims::default(),
            lifetime: Duration::from_secs(300),
            skew: Duration::from_secs(5),
        }
    }
}

/// The algorithms that tokens are signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256 and a shared secret of at least 32 bytes.
    Hs256,
    /// RSA with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// What a token says besides `iat` and `exp`.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    /// `iss`
    pub issuer: Option<String>,
    /// `sub`
    pub subject: Option<String>,
    /// `aud`: one is written as a string, several as a list. By default the exchange's URL, if there is one.
    pub audience: Vec<String>,
    /// Writes `nbf`, the same as `iat`.
    pub not_before: bool,
    /// Writes `jti`, another one each time.
    pub unique: bool,
    /// Whatever else.
    pub free: Map<String, Value>,
}

impl Default for Claims {
    fn default() -> Self {
        Self {
            issuer: None,
            subject: None,
            audience: Vec::new(),
            not_before: false,
            unique: true,
            free: Map::new(),
        }
    }
}

/// How an assertion is changed for a token. It is not for printing: the URL and the headers may hold keys.
#[derive(Clone, PartialEq)]
pub struct Exchange {
    /// The token endpoint: `https`, or a port of this machine.
    pub url: Url,
    /// By which rules.
    pub grant: Grant,
    /// `subject_token_type` of a token exchange.
    pub subject_token_type: String,
    /// `requested_token_type` of a token exchange.
    pub requested_token_type: Option<String>,
    /// `scope`, separated by spaces.
    pub scope: Option<String>,
    /// `audience`, each by itself.
    pub audience: Vec<String>,
    /// `resource`, each by itself.
    pub resource: Vec<String>,
    /// More fields of the form, as `client_id` and `client_secret`.
    pub params: Vec<(String, Secret)>,
    /// More headers of the request.
    pub headers: HeaderMap,
    /// How often it is tried, and for how long.
    pub tries: Tries,
}

/// How often an exchange is tried, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    /// How long one try may take; `None`: as long as it likes.
    pub timeout: Option<Duration>,
    /// How many more follow one that failed and need not fail again.
    pub max_retries: u32,
}

impl Default for Tries {
    fn default() -> Self {
        Self { timeout: Some(Duration::from_secs(10)), max_retries: 2 }
    }
}

impl Exchange {
    /// The type of an assertion that is a JWT.
    pub const SUBJECT_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:jwt";

    /// An exchange at this endpoint.
    pub fn new(url: Url, grant: Grant) -> Self {
        Self {
            url,
            grant,
            subject_token_type: Self::SUBJECT_TOKEN_TYPE.to_owned(),
            requested_token_type: None,
            scope: None,
            audience: Vec::new(),
            resource: Vec::new(),
            params: Vec::new(),
            headers: HeaderMap::new(),
            tries: Tries::default(),
        }
    }
}

/// The rules of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Grant {
    /// RFC 7523: the assertion grants the token.
    #[default]
    JwtBearer,
    /// RFC 8693: the assertion is the subject's token.
    TokenExchange,
}
