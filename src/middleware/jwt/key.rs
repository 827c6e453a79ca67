//! Reads a key as people have it, and says what is wrong with one that cannot sign.

use jsonwebtoken::{EncodingKey, crypto};
use memchr::memmem;
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use zeroize::Zeroizing;

use super::{der, options::Algorithm};
use crate::{Error, Result, secret::Secret};

/// RFC 7518 §3.2: as long as the hash at least.
const SHARED_SECRET: usize = 32;

/// The key for this algorithm. It has signed once when it comes back.
pub(super) fn read(algorithm: Algorithm, secret: &Secret) -> Result<EncodingKey> {
    let name = algorithm.name();
    let pem = memmem::find(secret.expose(), b"-----BEGIN").is_some();
    let key = match (algorithm, pem) {
        (Algorithm::Hs256, true) => {
            return Err(Error::config(
                "`jwt.key` is a key in PEM form, and HS256 signs with a shared secret: is `jwt.algorithm` right?",
            ));
        }
        (Algorithm::Hs256, false) => shared(secret)?,
        (_, false) => {
            return Err(Error::config(format!(
                "`jwt.key` is no key in PEM form, which {name} signs with: it begins with -----BEGIN PRIVATE KEY-----"
            )));
        }
        (_, true) => private(algorithm, secret)?,
    };
    crypto::sign(b"", &key, algorithm.code())
        .map_err(|cause| Error::config(format!("`jwt.key` cannot sign with {name}: {cause}")))?;
    Ok(key)
}

fn shared(secret: &Secret) -> Result<EncodingKey> {
    let length = secret.expose().len();
    if length < SHARED_SECRET {
        return Err(Error::config(format!(
            "`jwt.key` has {length} bytes: a secret for HS256 needs {SHARED_SECRET} or more"
        )));
    }
    Ok(EncodingKey::from_secret(secret.expose()))
}

fn private(algorithm: Algorithm, secret: &Secret) -> Result<EncodingKey> {
    let pem = one_line_undone(secret.expose());
    let der = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| Error::config(unreadable(&pem)))?;
    let key = match (algorithm, &der) {
        (Algorithm::Rs256, PrivateKeyDer::Pkcs1(key)) => {
            Some(EncodingKey::from_rsa_der(key.secret_pkcs1_der()))
        }
        (Algorithm::Rs256, PrivateKeyDer::Pkcs8(key)) => {
            der::unwrapped(key.secret_pkcs8_der()).map(EncodingKey::from_rsa_der)
        }
        (Algorithm::Es256, PrivateKeyDer::Sec1(key)) => {
            Some(EncodingKey::from_ec_der(&der::wrapped(key.secret_sec1_der())))
        }
        (Algorithm::Es256, PrivateKeyDer::Pkcs8(key)) => {
            Some(EncodingKey::from_ec_der(key.secret_pkcs8_der()))
        }
        (Algorithm::EdDsa, PrivateKeyDer::Pkcs8(key)) => {
            Some(EncodingKey::from_ed_der(key.secret_pkcs8_der()))
        }
        _ => None,
    };
    let name = algorithm.name();
    key.ok_or_else(|| Error::config(format!("`jwt.key` is a key of another kind than {name} signs with")))
}

/// A key that was pasted into a variable of the environment has `\n` where its lines break.
fn one_line_undone(pem: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut undone = Zeroizing::new(Vec::with_capacity(pem.len()));
    let mut rest = 0;
    for at in memmem::find_iter(pem, b"\\n") {
        undone.extend_from_slice(&pem[rest..at]);
        undone.push(b'\n');
        rest = at + 2;
    }
    undone.extend_from_slice(&pem[rest..]);
    undone
}

fn unreadable(pem: &[u8]) -> String {
    let has = |mark: &str| memmem::find(pem, mark.as_bytes()).is_some();
    let why = if has("ENCRYPTED") {
        "is encrypted: store it without a passphrase (openssl pkcs8 -topk8 -nocrypt)"
    } else if has("BEGIN PUBLIC KEY") || has("BEGIN RSA PUBLIC KEY") || has("BEGIN CERTIFICATE") {
        "is public: the private key is what signs"
    } else {
        "holds no private key that can be read"
    };
    format!("`jwt.key` {why}")
}

impl Algorithm {
    /// The name that stands in the token.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(super) fn code(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}
