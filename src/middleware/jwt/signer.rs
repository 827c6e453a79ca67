//! Signs a token: the clock, chance and the key, around claims that know none of them.

use std::time::{Duration, SystemTime};

use jsonwebtoken::{EncodingKey, Header, encode};

use super::{claims::claims, key, options::Signing};
use crate::{Error, ErrorKind, Phase, Result, credential::Token, random, secret::Secret};

/// Less than this would be late as soon as it came.
const SHORTEST: Duration = Duration::from_secs(10);

/// Signs tokens.
pub(super) struct Signer {
    signing: Signing,
    header: Header,
    key: EncodingKey,
}

impl Signer {
    /// A signer whose key has been tried.
    pub(super) fn new(signing: Signing) -> Result<Self> {
        if signing.lifetime < signing.skew + SHORTEST {
            return Err(Error::config(format!(
                "`jwt.lifetime` must be {} ms longer than `jwt.clockSkew` at least",
                SHORTEST.as_millis()
            )));
        }
        let mut header = Header::new(signing.algorithm.code());
        header.kid.clone_from(&signing.key_id);
        let key = key::read(signing.algorithm, &signing.key)?;
        Ok(Self { signing, header, key })
    }

    /// A token from now on.
    pub(super) fn sign(&self) -> Result<Token> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let id = format!("{:016x}{:016x}", random::bits(), random::bits());
        let (claims, left) = claims(&self.signing, now, &id);
        let text = encode(&self.header, &claims, &self.key).map_err(|cause| {
            Error::new(ErrorKind::Internal, Phase::Prepare, format!("the token was not signed: {cause}"))
        })?;
        Ok(Token { secret: Secret::new(text), lifetime: Some(left) })
    }
}
