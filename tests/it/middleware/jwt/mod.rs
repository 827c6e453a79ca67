//! `jwt`: tokens that are signed here, and tokens that are exchanged for them.

mod exchanged;
mod keys;
mod options;
mod signed;
mod told;

use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation, decode};
use serde_json::{Map, Value, json};

/// A shared secret, as long as it must be.
const SHARED: &str = "quite-secret-quite-secret-quite-secret";

/// A private key of the fixtures.
fn pem(name: &str) -> String {
    let path = format!("{}/tests/fixtures/keys/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// The public side of the fixtures' keys.
fn public(algorithm: Algorithm) -> DecodingKey {
    let keys: Value = serde_json::from_str(include_str!("../../../fixtures/keys/public.json")).unwrap();
    let part = |key: &str, part: &str| keys[key][part].as_str().unwrap().to_owned();
    match algorithm {
        Algorithm::RS256 => DecodingKey::from_rsa_components(&part("rsa", "n"), &part("rsa", "e")),
        Algorithm::ES256 => DecodingKey::from_ec_components(&part("ec", "x"), &part("ec", "y")),
        Algorithm::EdDSA => DecodingKey::from_ed_components(&part("ed25519", "x")),
        _ => Ok(DecodingKey::from_secret(SHARED.as_bytes())),
    }
    .unwrap()
}

/// What a token says, once its signature has been found to be right and its time to be now.
fn read(token: &str, algorithm: Algorithm) -> TokenData<Map<String, Value>> {
    let mut validation = Validation::new(algorithm);
    validation.validate_aud = false;
    validation.validate_nbf = true;
    decode(token, &public(algorithm), &validation).unwrap()
}

/// Options that sign with the shared secret, and these besides.
fn shared(more: &Value) -> Value {
    let mut options = json!({ "algorithm": "HS256", "key": SHARED });
    options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    options
}
