//! What a token endpoint answers, as a token or in words that hold no secret.

use std::time::Duration;

use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use crate::{credential::Token, secret::Secret};

/// What is quoted of an error's description, in characters.
const EXCERPT: usize = 300;

/// A shorter secret may stand in any text.
const LEAST: usize = 8;

/// The token of a good answer, or what is wrong with it.
pub(super) fn granted(body: &[u8]) -> Result<Token, String> {
    let answer: Value = serde_json::from_slice(body).map_err(|_| "its answer is not JSON".to_owned())?;
    let Some(token) = answer["access_token"].as_str().filter(|token| !token.is_empty()) else {
        return Err("its answer has no `access_token`".to_owned());
    };
    match answer["token_type"].as_str() {
        // N_A, of RFC 8693: a token that is no access token. Who asked for one knows where to send it.
        None => {}
        Some(kind) if ["bearer", "n_a"].iter().any(|known| kind.eq_ignore_ascii_case(known)) => {}
        Some(kind) => {
            let kind = plain(kind);
            return Err(format!("its token is of type {kind}, and only bearer tokens can be sent"));
        }
    }
    Ok(Token { secret: Secret::new(token), lifetime: lifetime(&answer["expires_in"]) })
}

/// Seconds, which some write as a string; anything else says nothing.
fn lifetime(expires_in: &Value) -> Option<Duration> {
    let seconds = expires_in.as_f64().or_else(|| expires_in.as_str()?.trim().parse().ok())?;
    // What is infinite or beyond a duration has no end.
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

/// The words of a refusal: RFC 6749's `error` and `error_description`, or the Claude API's own shape. Of
/// any other body nothing is repeated.
pub(super) fn refusal(body: &[u8], secrets: &[&Secret]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let error = &answer["error"];
    let code = error.as_str().or_else(|| error["type"].as_str());
    let description = answer["error_description"].as_str().or_else(|| error["message"].as_str());
    let told: Vec<&str> = code.into_iter().chain(description).filter(|text| !text.is_empty()).collect();
    let told = plain(&concealed(told.join(": "), secrets));
    (!told.is_empty()).then_some(told)
}

/// Without the secrets that were sent, nor anything that looks like a token of any kind: an endpoint may
/// repeat what it refuses, also in part.
fn concealed(mut text: String, secrets: &[&Secret]) -> String {
    for secret in secrets {
        let Ok(secret) = std::str::from_utf8(secret.expose().trim_ascii()) else { continue };
        // As it is, and as it stood in the form.
        let written: String = byte_serialize(secret.as_bytes()).collect();
        for spelling in [secret, &written].into_iter().filter(|spelling| spelling.len() >= LEAST) {
            text = text.replace(spelling, "[redacted]");
        }
    }
    let ends = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '='));
    let shown = |word: &str| {
        let (token, end) =
            word.split_at(word.len() - word.chars().last().filter(|c| ends(*c)).map_or(0, char::len_utf8));
        // Every JSON object begins so in base64.
        if token.starts_with("eyJ") { "[redacted]".to_owned() + end } else { word.to_owned() }
    };
    text.split_inclusive(ends).map(shown).collect()
}

/// On one line, out of a terminal's way, and not too much of it.
fn plain(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(EXCERPT).collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifetime_of(answer: &str) -> Option<Duration> {
        granted(answer.as_bytes()).unwrap().lifetime
    }

    #[test]
    fn a_token_comes_with_its_lifetime_however_that_is_written() {
        let token = granted(br#"{"access_token":"t","token_type":"bearer","expires_in":3600}"#).unwrap();
        assert_eq!((token.secret, token.lifetime), (Secret::new("t"), Some(Duration::from_secs(3600))));
        for (written, seconds) in [("\"60\"", Some(60)), ("60.0", Some(60)), ("0", Some(0)), ("-5", Some(0))]
        {
            let answer = format!(r#"{{"access_token":"t","expires_in":{written}}}"#);
            assert_eq!(lifetime_of(&answer), seconds.map(Duration::from_secs), "{written}");
        }
        for nothing in ["null", "\"soon\"", "[]", "1e300", "\"inf\"", "\"NaN\""] {
            let answer = format!(r#"{{"access_token":"t","expires_in":{nothing}}}"#);
            let lifetime = lifetime_of(&answer);
            assert!(lifetime.is_none_or(|lifetime| lifetime.is_zero()), "{nothing}: {lifetime:?}");
        }
    }

    #[test]
    fn an_answer_without_a_token_that_can_be_sent_is_none() {
        for (answer, words) in [
            ("<html>", "not JSON"),
            ("{}", "no `access_token`"),
            (r#"{"access_token":""}"#, "no `access_token`"),
            (r#"{"access_token":5}"#, "no `access_token`"),
            (r#"{"access_token":"t","token_type":"DPoP"}"#, "of type DPoP"),
        ] {
            let error = granted(answer.as_bytes()).unwrap_err();
            assert!(error.contains(words), "{answer}: {error}");
        }
        assert!(granted(br#"{"access_token":"t","token_type":"N_A"}"#).is_ok());
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_either_shape() {
        for (body, words) in [
            (r#"{"error":"invalid_grant"}"#, Some("invalid_grant")),
            (r#"{"error":"invalid_grant","error_description":"too old"}"#, Some("invalid_grant: too old")),
            (r#"{"error":{"type":"authentication_error","message":"no"}}"#, Some("authentication_error: no")),
            (r#"{"error":"a\u001b[31m\nb"}"#, Some("a [31m b")),
            ("{}", None),
            ("<html>secret</html>", None),
        ] {
            assert_eq!(refusal(body.as_bytes(), &[]).as_deref(), words, "{body}");
        }
    }

    #[test]
    fn no_secret_is_in_the_words_of_a_refusal() {
        let (password, short) = (Secret::new("quite/secret"), Secret::new("word"));
        let description = "quite/secret, quite%2Fsecret, 'eyJhbGciOi.eyJ.sig', eyJhb and a word";
        let body = serde_json::json!({ "error": "invalid", "error_description": description }).to_string();
        let told = refusal(body.as_bytes(), &[&password, &short]).unwrap();
        assert_eq!(told, "invalid: [redacted], [redacted], '[redacted]', [redacted] and a word");
    }
}
