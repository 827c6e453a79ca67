//! What is never shown: rules that whoever prints, logs or labels something applies first. Nothing that is sent
//! knows of them.
//!
//! Always in force: what has the name of a credential, and what looks like a key. [`Rules`] add to that.
//!
//! - [`names`]: which names stand for a credential · [`patterns`]: which texts do · [`paths`]: places in JSON
//! - [`json`]: what is JSON, and what can't be shown because it should be
//!
//! ```
//! use trae_native::redact::Rules;
//!
//! let rules = Rules { paths: vec!["messages[*].content".parse().unwrap()], ..Rules::default() };
//! let mut body = serde_json::json!({ "api_key": "abc", "messages": [{ "role": "user", "content": "Hello" }] });
//! rules.json(&mut body);
//! assert_eq!(body.to_string(), r#"{"api_key":"[redacted]","messages":[{"role":"user","content":"[redacted]"}]}"#);
//! ```

pub mod json;
pub mod names;
mod parameters;
pub mod paths;
pub mod patterns;

use std::borrow::Cow;

use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

pub use self::patterns::{without_key_bytes, without_keys};
use self::{names::is_secret, paths::Path, patterns::Pattern};

/// What is shown in place of what is not.
pub const SHOWN_AS: &str = "[redacted]";

/// What is never shown, besides what never is.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Headers.
    pub headers: Vec<HeaderName>,
    /// Query parameters, in lower case.
    pub query: Vec<String>,
    /// Places in a JSON body.
    pub paths: Vec<Path>,
    /// Texts, wherever they stand.
    pub patterns: Vec<Pattern>,
}

impl Rules {
    /// Whether they add nothing.
    pub fn is_empty(&self) -> bool {
        let Self { headers, query, paths, patterns } = self;
        headers.is_empty() && query.is_empty() && paths.is_empty() && patterns.is_empty()
    }

    /// The rules of all of these.
    pub fn all<'a>(rules: impl IntoIterator<Item = &'a Self>) -> Self {
        rules.into_iter().fold(Self::default(), |mut all, rules| {
            all.headers.extend_from_slice(&rules.headers);
            all.query.extend_from_slice(&rules.query);
            all.paths.extend_from_slice(&rules.paths);
            all.patterns.extend_from_slice(&rules.patterns);
            all
        })
    }

    /// A header's value.
    pub fn header<'a>(&self, name: &HeaderName, value: &'a HeaderValue) -> Cow<'a, str> {
        if value.is_sensitive() || self.headers.contains(name) || is_secret(name.as_str()) {
            return Cow::Borrowed(SHOWN_AS);
        }
        let text = String::from_utf8_lossy(value.as_bytes());
        match parameters::hidden(&text, |name| self.names(name)).map_or(text, Cow::Owned) {
            Cow::Borrowed(text) => self.text(text),
            Cow::Owned(text) => Cow::Owned(self.text(&text).into_owned()),
        }
    }

    /// An URL: no user, no password, no fragment; of the query what may be shown.
    pub fn url(&self, url: &Url) -> String {
        let place = format!("{}{}", url.origin().ascii_serialization(), url.path());
        let mut shown = self.text(&place).into_owned();
        if let Some(query) = url.query().filter(|query| !query.is_empty()) {
            shown.push('?');
            shown.push_str(&self.form(query.as_bytes()));
        }
        shown
    }

    /// A form, or the query of an URL: names and values as they are meant.
    pub fn form(&self, form: &[u8]) -> String {
        let mut shown = String::new();
        for (place, (name, value)) in form_urlencoded::parse(form).enumerate() {
            if place > 0 {
                shown.push('&');
            }
            shown.push_str(&self.text(&name));
            shown.push('=');
            shown.push_str(&if self.names(&name) { Cow::Borrowed(SHOWN_AS) } else { self.text(&value) });
        }
        shown
    }

    /// Whether a parameter of this name is never shown.
    pub fn names(&self, parameter: &str) -> bool {
        is_secret(parameter) || self.query.contains(&parameter.to_lowercase())
    }

    /// A text without anything that looks like a key.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.patterns.iter().fold(without_keys(text), |text, pattern| match pattern.replace(&text) {
            Some(shown) => Cow::Owned(shown),
            None => text,
        })
    }

    /// A body: what stands at the places, under the name of a credential, or in a text that looks like a key.
    pub fn json(&self, body: &mut Value) {
        for path in &self.paths {
            path.redact(body);
        }
        self.walk(body);
    }

    fn walk(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(shown) = self.text(text) {
                    *text = shown;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item)),
            Value::Object(fields) => {
                for (name, field) in fields.iter_mut() {
                    // A number or a flag is no secret, whatever it is called.
                    let may_be = field.is_string() || field.is_array() || field.is_object();
                    if may_be && is_secret(name) {
                        *field = SHOWN_AS.into();
                    } else {
                        self.walk(field);
                    }
                }
                rename(fields, |name| self.text(name));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Shows the names otherwise: one may be a key too. Says whether there is such a one.
pub fn rename(fields: &mut Map<String, Value>, shown: impl Fn(&str) -> Cow<'_, str>) -> bool {
    // Most objects keep their names, and aren't made anew.
    if fields.keys().all(|name| *shown(name) == **name) {
        return false;
    }
    *fields =
        std::mem::take(fields).into_iter().map(|(name, field)| (shown(&name).into_owned(), field)).collect();
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_header_is_shown_unless_its_name_its_mark_or_a_rule_says_otherwise() {
        let rules = Rules { headers: vec![HeaderName::from_static("x-tenant")], ..Rules::default() };
        let shown = |name: &'static str, value: &'static str| {
            rules.header(&HeaderName::from_static(name), &HeaderValue::from_static(value)).into_owned()
        };
        assert_eq!(shown("accept", "*/*"), "*/*");
        assert_eq!(shown("x-tenant", "acme"), SHOWN_AS);
        assert_eq!(shown("x-api-key", "abc"), SHOWN_AS);
        assert_eq!(shown("x-note", "my key is sk-ant-api03-abcdef"), "my key is [redacted]");
        let mut marked = HeaderValue::from_static("quiet");
        marked.set_sensitive(true);
        assert_eq!(rules.header(&HeaderName::from_static("x-plain"), &marked), SHOWN_AS);
    }

    #[test]
    fn an_url_shows_its_query_but_for_credentials_and_what_a_rule_names() {
        let rules = Rules { query: vec!["user".to_owned()], ..Rules::default() };
        let url =
            Url::parse("https://me:pw@h.example:8443/v1/a?beta=true&User=joe&key=abc&x=sk-ant-abcd1#part");
        assert_eq!(
            rules.url(&url.unwrap()),
            "https://h.example:8443/v1/a?beta=true&User=[redacted]&key=[redacted]&x=[redacted]"
        );
        assert_eq!(rules.url(&Url::parse("http://h/").unwrap()), "http://h/");
    }

    #[test]
    fn a_body_is_shown_but_for_paths_names_and_patterns() {
        let rules = Rules {
            paths: vec!["messages[*].content".parse().unwrap()],
            patterns: vec![Pattern::prefix("ghp_").unwrap()],
            ..Rules::default()
        };
        let mut body = json!({
            "model": "m", "max_tokens": 9, "api_key": "abc", "password": 7, "note": "see ghp_0123abc!",
            "messages": [{ "role": "user", "content": [{ "text": "secret" }] }, { "content": "again" }],
        });
        rules.json(&mut body);
        let shown = json!({
            "model": "m", "max_tokens": 9, "api_key": SHOWN_AS, "password": 7, "note": "see [redacted]!",
            "messages": [{ "role": "user", "content": SHOWN_AS }, { "content": SHOWN_AS }],
        });
        assert_eq!(body, shown);
    }

    #[test]
    fn what_stands_below_the_name_of_a_credential_is_not_shown_and_neither_is_a_name_that_is_one() {
        let rules = Rules { patterns: vec![Pattern::prefix("acct_").unwrap()], ..Rules::default() };
        let mut body = json!({
            "secrets": { "db": "hunter2", "port": 5 }, "password": ["a", "b"], "token": 7, "apiKey": null,
            "users": [{ "acct_77": { "n": 1 }, "sk-ant-api03-abcdef": true, "plain": 2 }],
        });
        rules.json(&mut body);
        let shown = json!({
            "secrets": SHOWN_AS, "password": SHOWN_AS, "token": 7, "apiKey": null,
            "users": [{ SHOWN_AS: true, "plain": 2 }],
        });
        assert_eq!(body, shown);
    }

    #[test]
    fn a_form_is_shown_as_a_query_is() {
        let rules = Rules { query: vec!["user".to_owned()], ..Rules::default() };
        assert_eq!(
            rules.form(b"client_secret=abc&User=joe&grant_type=a%20b&note=sk-ant-api03-abcdef"),
            "client_secret=[redacted]&User=[redacted]&grant_type=a b&note=[redacted]"
        );
    }
}
