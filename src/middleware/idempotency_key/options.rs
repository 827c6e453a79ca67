//! What can be set about the key, and the one place where its defaults are written.

use http::{HeaderName, Method};

/// Which requests get a key, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKeyOptions {
    /// The header. Default: `idempotency-key`.
    pub header: HeaderName,
    /// The methods whose requests get one. Default: POST, PUT, PATCH and DELETE, which change something.
    pub methods: Vec<Method>,
}

impl Default for IdempotencyKeyOptions {
    fn default() -> Self {
        Self {
            header: HeaderName::from_static("idempotency-key"),
            methods: vec![Method::POST, Method::PUT, Method::PATCH, Method::DELETE],
        }
    }
}
