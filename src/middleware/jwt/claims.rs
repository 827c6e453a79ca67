//! What a token says: a pure function of the options, the wall clock and chance.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::options::{Claims, Signing};

/// The claims of a token that is signed now, and how long it is good for from now on; `now` is counted
/// from 1970, `id` is its `jti`.
///
/// `exp` is counted from `iat`, not from now: servers that bound a lifetime bound the difference of the two.
pub(super) fn claims(signing: &Signing, now: Duration, id: &str) -> (Map<String, Value>, Duration) {
    let Claims { issuer, subject, audience, not_before, unique, free } = &signing.claims;
    let issued = now.as_secs().saturating_sub(signing.skew.as_secs());
    let expires = issued.saturating_add(signing.lifetime.as_secs());

    let mut claims = Map::new();
    let mut add = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    if let Some(issuer) = issuer {
        add("iss", json!(issuer));
    }
    if let Some(subject) = subject {
        add("sub", json!(subject));
    }
    match &audience[..] {
        [] => None,
        [one] => add("aud", json!(one)),
        several => add("aud", json!(several)),
    };
    add("iat", json!(issued));
    add("exp", json!(expires));
    if *not_before {
        add("nbf", json!(issued));
    }
    if *unique {
        add("jti", json!(id));
    }
    claims.extend(free.clone());
    (claims, Duration::from_secs(expires).saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{middleware::jwt::Algorithm, secret::Secret};

    const NOW: Duration = Duration::from_millis(1_700_000_000_750);

    fn signing(claims: Claims) -> Signing {
        Signing { claims, ..Signing::new(Algorithm::Hs256, Secret::new("")) }
    }

    #[test]
    fn a_token_is_issued_a_little_in_the_past_and_expires_a_lifetime_after_that() {
        let (said, left) = claims(&signing(Claims { unique: false, ..Claims::default() }), NOW, "");
        assert_eq!(Value::from(said), json!({ "iat": 1_699_999_995, "exp": 1_700_000_295 }));
        assert_eq!(left, Duration::from_millis(294_250), "what is left is counted from now");
    }

    #[test]
    fn every_claim_has_its_place_and_free_ones_stand_beside_them() {
        let free = json!({ "scope": "a b", "nested": { "list": [1, null] } });
        let all = Claims {
            issuer: Some("service".into()),
            subject: Some("user".into()),
            audience: vec!["one".into()],
            not_before: true,
            unique: true,
            free: free.as_object().unwrap().clone(),
        };
        let (said, _) = claims(&signing(all.clone()), NOW, "id-1");
        let expected = json!({
            "iss": "service", "sub": "user", "aud": "one", "iat": 1_699_999_995, "exp": 1_700_000_295,
            "nbf": 1_699_999_995, "jti": "id-1", "scope": "a b", "nested": { "list": [1, null] },
        });
        assert_eq!(Value::from(said), expected);
        let several = Claims { audience: vec!["one".into(), "two".into()], ..all };
        assert_eq!(claims(&signing(several), NOW, "").0["aud"], json!(["one", "two"]));
    }

    #[test]
    fn a_clock_at_the_beginning_of_time_breaks_nothing() {
        let (said, left) = claims(&signing(Claims::default()), Duration::ZERO, "");
        assert_eq!((said["iat"].clone(), said["exp"].clone()), (json!(0), json!(300)));
        assert_eq!(left, Duration::from_secs(300));
    }
}
