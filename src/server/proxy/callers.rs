//! Who asks, and what that allows: pure. A key is known by its digest alone, and compared without telling where it
//! differs.

use std::{fmt, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};
use subtle::ConstantTimeEq;

use super::options::CallerOptions;
use crate::{client::fits, identity::Identity, request::is_credential};

/// SHA-256 of a key. Keys are long and random: nobody finds one by its digest.
#[derive(Clone, Copy)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    /// Of this key.
    pub(super) fn of(key: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, key).as_ref());
        Self(bytes)
    }

    /// As options write it.
    pub(super) fn parse(hex: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest")
    }
}

/// A caller as requests know it.
#[derive(Debug)]
pub(super) struct Caller {
    pub name: Arc<str>,
    pub digest: Digest,
    pub admin: bool,
    pub models: Option<Vec<String>>,
}

impl Caller {
    /// The caller that these options describe.
    pub(super) fn of(options: &CallerOptions) -> Self {
        let CallerOptions { name, digest, admin, models, .. } = options;
        Self { name: Arc::clone(name), digest: *digest, admin: *admin, models: models.clone() }
    }

    /// Whether it may name this model.
    pub(super) fn may_use(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|glob| fits(glob, model)))
    }
}

/// What a place needs of whoever asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: it tells nothing.
    Nobody,
    /// A caller.
    Caller,
    /// One that may see what others do.
    Admin,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no key.
    Missing,
    /// The key is nobody's.
    Unknown,
    /// The caller may not.
    Forbidden,
}

/// All callers, or nobody in particular where there are none.
#[derive(Debug, Default)]
pub(super) struct Callers(pub Vec<Arc<Caller>>);

impl Callers {
    /// Whether whoever comes may ask.
    pub(super) fn are_anonymous(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose request this is: `None` is anybody's.
    pub(super) fn admit(&self, need: Need, headers: &HeaderMap) -> Result<Option<Arc<Caller>>, Refusal> {
        if need == Need::Nobody || self.are_anonymous() {
            return Ok(None);
        }
        let key = presented(headers).ok_or(Refusal::Missing)?;
        let digest = Digest::of(&key);
        // All are compared, so that the time tells nothing of the place.
        let found = self.0.iter().fold(
            None,
            |found, caller| {
                if caller.digest == digest { Some(caller) } else { found }
            },
        );
        let caller = found.ok_or(Refusal::Unknown)?;
        if need == Need::Admin && !caller.admin {
            return Err(Refusal::Forbidden);
        }
        Ok(Some(Arc::clone(caller)))
    }
}

/// Who asks with these headers, where only a key of his own tells: a digest of all that may be one.
pub(super) fn keys_of(headers: &HeaderMap) -> String {
    let keys = headers.iter().filter(|(name, _)| is_credential(name));
    Identity::of(keys.flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()])).short()
}

/// The key that a request presents: as the API's, as a bearer's, or as a password that a browser has asked for.
fn presented(headers: &HeaderMap) -> Option<Vec<u8>> {
    if let Some(key) = headers.get("x-api-key") {
        return Some(key.as_bytes().to_vec());
    }
    let (scheme, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().as_bytes().to_vec());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = STANDARD.decode(rest.trim()).ok()?;
        let at = pair.iter().position(|byte| *byte == b':')?;
        return pair.get(at + 1..).map(<[u8]>::to_vec);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callers() -> Callers {
        let caller = |name: &str, key: &str, admin| {
            Arc::new(Caller { name: name.into(), digest: Digest::of(key.as_bytes()), admin, models: None })
        };
        Callers(vec![caller("team", "team-key", false), caller("owner", "owner-key", true)])
    }

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[test]
    fn a_key_is_known_however_it_is_presented() {
        let basic = format!("Basic {}", STANDARD.encode("anyone:owner-key"));
        for headers in [
            with("x-api-key", "owner-key"),
            with("authorization", "Bearer owner-key"),
            with("authorization", "bearer  owner-key"),
            with("authorization", &basic),
        ] {
            let caller = callers().admit(Need::Admin, &headers).unwrap().unwrap();
            assert_eq!(&*caller.name, "owner");
        }
    }

    #[test]
    fn no_key_a_wrong_one_and_half_of_one_are_nobodys() {
        for (headers, refusal) in [
            (HeaderMap::new(), Refusal::Missing),
            (with("x-api-key", "team-ke"), Refusal::Unknown),
            (with("x-api-key", ""), Refusal::Unknown),
            (with("authorization", "team-key"), Refusal::Missing),
            (with("authorization", "Basic ***"), Refusal::Missing),
        ] {
            assert_eq!(callers().admit(Need::Caller, &headers).unwrap_err(), refusal);
        }
    }

    #[test]
    fn only_an_admin_sees_what_others_do() {
        let headers = with("x-api-key", "team-key");
        assert!(callers().admit(Need::Caller, &headers).is_ok());
        assert_eq!(callers().admit(Need::Admin, &headers).unwrap_err(), Refusal::Forbidden);
        assert!(callers().admit(Need::Nobody, &HeaderMap::new()).unwrap().is_none());
        assert!(Callers::default().admit(Need::Admin, &HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn a_digest_is_written_as_sha256sum_writes_it() {
        let hex = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        assert_eq!(Digest::parse(hex), Some(Digest::of(b"secret")));
        assert_eq!(Digest::parse(&hex[1..]), None);
        assert_eq!(Digest::parse(&hex.replace('2', "g")), None);
    }
}
