//! Keys in all the forms that people have them in.

use jsonwebtoken::Algorithm;
use serde_json::json;
use trae_native::client::middleware;

use super::{SHARED, pem, read};
use crate::support::api::{Api, answer, around, call};

async fn token(algorithm: &str, key: &str) -> String {
    let options = json!({ "algorithm": algorithm, "key": key, "keyId": "key-1", "claims": { "iss": "me" } });
    let api = Api::new(|_| Ok(answer(200, "")));
    around(vec![middleware("jwt", options).unwrap()], &api).run(call()).await.unwrap();
    api.shown("authorization")[0].strip_prefix("Bearer ").unwrap().to_owned()
}

#[tokio::test]
async fn every_algorithm_signs_with_every_form_of_its_key() {
    for (name, algorithm, key) in [
        ("HS256", Algorithm::HS256, SHARED.to_owned()),
        ("RS256", Algorithm::RS256, pem("rsa.pkcs1")),
        ("RS256", Algorithm::RS256, pem("rsa.pkcs8")),
        ("ES256", Algorithm::ES256, pem("ec.sec1")),
        ("ES256", Algorithm::ES256, pem("ec.pkcs8")),
        ("EdDSA", Algorithm::EdDSA, pem("ed25519.pkcs8")),
        ("EdDSA", Algorithm::EdDSA, pem("ed25519.pkcs8").replace('\n', "\\n")),
        ("EdDSA", Algorithm::EdDSA, pem("ed25519.pkcs8").replace('\n', "\r\n")),
    ] {
        let read = read(&token(name, &key).await, algorithm);
        assert_eq!(read.header.alg, algorithm);
        assert_eq!(read.header.kid.as_deref(), Some("key-1"));
        assert_eq!(read.header.typ.as_deref(), Some("JWT"));
        assert_eq!(read.claims["iss"], "me");
    }
}

#[test]
fn a_key_that_cannot_sign_is_refused_at_once_and_told_in_words_without_it() {
    let cut = pem("ed25519.pkcs8").replace("MC4C", "MC4D");
    for (algorithm, key, words) in [
        ("HS256", "quite-secret".to_owned(), "`jwt.key` has 12 bytes: a secret for HS256 needs 32 or more"),
        ("HS256", pem("ec.pkcs8"), "HS256 signs with a shared secret: is `jwt.algorithm` right?"),
        ("RS256", SHARED.to_owned(), "`jwt.key` is no key in PEM form, which RS256 signs with"),
        ("RS256", pem("ec.pkcs8"), "`jwt.key` cannot sign with RS256"),
        ("RS256", pem("ec.sec1"), "`jwt.key` is a key of another kind than RS256 signs with"),
        ("ES256", pem("rsa.pkcs1"), "`jwt.key` is a key of another kind than ES256 signs with"),
        ("ES256", pem("rsa.pkcs8"), "`jwt.key` cannot sign with ES256"),
        ("ES256", pem("ec384.sec1"), "`jwt.key` cannot sign with ES256"),
        ("EdDSA", pem("ec.pkcs8"), "`jwt.key` cannot sign with EdDSA"),
        ("EdDSA", cut, "`jwt.key` cannot sign with EdDSA"),
        ("RS256", pem("rsa.public"), "`jwt.key` is public: the private key is what signs"),
        ("ES256", pem("encrypted"), "`jwt.key` is encrypted: store it without a passphrase"),
        ("ES256", "-----BEGIN nothing".to_owned(), "`jwt.key` holds no private key that can be read"),
    ] {
        let error = middleware("jwt", json!({ "algorithm": algorithm, "key": key })).err().unwrap();
        assert!(error.message().contains(words), "{algorithm}: {error}");
        let lines: Vec<&str> = key.lines().filter(|line| line.len() > 20 && !line.contains("---")).collect();
        let told = crate::support::api::told(&error);
        assert!(!told.contains("quite-secret"), "{told}");
        assert!(
            lines.iter().filter(|line| !line.starts_with("Made")).all(|line| !told.contains(line)),
            "{told}"
        );
    }
}
