//! In which header a credential goes, and how it is written there.

use http::{HeaderName, HeaderValue, header::AUTHORIZATION};

use crate::{Result, secret::Secret};

/// Where the credential stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheme {
    /// `x-api-key: …`, as the Claude API wants its keys.
    ApiKey,
    /// `authorization: Bearer …`
    Bearer,
    /// In a header of this name, bare.
    Header(HeaderName),
}

static API_KEY: HeaderName = HeaderName::from_static("x-api-key");

impl Scheme {
    /// The header.
    pub fn name(&self) -> &HeaderName {
        match self {
            Self::ApiKey => &API_KEY,
            Self::Bearer => &AUTHORIZATION,
            Self::Header(name) => name,
        }
    }

    /// What stands in it.
    pub fn write(&self, secret: &Secret) -> Result<HeaderValue> {
        secret.header(if *self == Self::Bearer { "Bearer " } else { "" })
    }
}
