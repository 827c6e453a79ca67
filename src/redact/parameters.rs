//! Credentials within a header's value: in the query or the fragment of an URL, before its host, or among parameters.

use super::SHOWN_AS;

/// The text without the values of parameters that `names` knows, and without the user of an URL; nothing where it has
/// none of these.
pub(super) fn hidden(text: &str, names: impl Fn(&str) -> bool) -> Option<String> {
    if !text.contains('=') && !text.contains("//") {
        return None;
    }
    let mut shown = String::new();
    let mut from = 0;
    for (begin, end) in secrets(text, names) {
        if begin >= from {
            shown.push_str(&text[from..begin]);
            shown.push_str(SHOWN_AS);
            from = end;
        }
    }
    (from > 0).then(|| shown + &text[from..])
}

/// Where they stand, in their order.
fn secrets(text: &str, names: impl Fn(&str) -> bool) -> Vec<(usize, usize)> {
    let users = text.match_indices("//").filter_map(|(at, mark)| {
        let begin = at + mark.len();
        let authority =
            text[begin..].find(['/', '?', '#', '"', '>', ' ']).map_or(text.len(), |end| begin + end);
        text[begin..authority].rfind('@').map(|end| (begin, begin + end))
    });
    let parameters = text.match_indices('=').filter_map(|(at, mark)| {
        let name =
            text[..at].rsplit(|c: char| !(c.is_ascii_alphanumeric() || "-_.%[]".contains(c))).next()?;
        let begin = at + mark.len();
        let value = &text[begin..];
        let (begin, closing) = match value.strip_prefix('"') {
            Some(_) => (begin + 1, &['"'][..]),
            None => (begin, &['&', ';', '#', ',', ' ', '"', '>', '\t'][..]),
        };
        let end = text[begin..].find(closing).map_or(text.len(), |end| begin + end);
        (end > begin && !name.is_empty() && names(name)).then_some((begin, end))
    });
    let mut all: Vec<_> = users.chain(parameters).collect();
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_hidden_wherever_it_stands_in_a_value_and_nothing_else() {
        let names = |name: &str| name.ends_with("token");
        for (text, expected) in [
            ("/y?access_token=s3cret&a=1", Some("/y?access_token=[redacted]&a=1")),
            ("/y#access_token=s3cret", Some("/y#access_token=[redacted]")),
            ("https://u:pw@host/x", Some("https://[redacted]@host/x")),
            ("<https://h/?token=s>; rel=\"next\"", Some("<https://h/?token=[redacted]>; rel=\"next\"")),
            ("0; url=/x?token=s", Some("0; url=/x?token=[redacted]")),
            ("Bearer token=\"a b\", realm=\"r\"", Some("Bearer token=\"[redacted]\", realm=\"r\"")),
            ("token=é", Some("token=[redacted]")),
            ("max-age=60, private", None),
            ("https://host/@name", None),
            ("token=", None),
            ("a==", None),
            ("plain", None),
        ] {
            assert_eq!(hidden(text, names).as_deref(), expected, "{text}");
        }
    }
}
