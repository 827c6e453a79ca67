//! Which names stand for a credential: of a header, a parameter, a field.

use crate::request::{HARMLESS, stands_for_credential};

/// Whether what has this name is a secret. `maxTokens` are what models count.
pub fn is_secret(name: &str) -> bool {
    let words = words(name);
    if HARMLESS.iter().any(|end| words.join("-").ends_with(end)) {
        return false;
    }
    words.iter().any(|word| stands_for_credential(word))
}

/// The words of a name, in lower case: `apiKeyID` and `API_KEY-id` are `api`, `key`, `id`.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (at, letter) in letters.iter().enumerate() {
        if !letter.is_ascii_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = at.checked_sub(1).map(|before| letters[before]);
        let after = letters.get(at + 1);
        let begins = letter.is_ascii_uppercase()
            && (before.is_some_and(|before| before.is_ascii_lowercase() || before.is_ascii_digit())
                || before.is_some_and(|before| before.is_ascii_uppercase())
                    && after.is_some_and(char::is_ascii_lowercase));
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(letter.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_after_marks_and_at_capitals() {
        for (name, expected) in [
            ("apiKeyID", vec!["api", "key", "id"]),
            ("API_KEY-id", vec!["api", "key", "id"]),
            ("x-api-key", vec!["x", "api", "key"]),
            ("JSONWebToken2Use", vec!["json", "web", "token2", "use"]),
            ("", vec![]),
        ] {
            assert_eq!(words(name), expected, "{name}");
        }
    }
}
