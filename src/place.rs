//! Another place where a client's calls may go, and what must not go there with them.
//!
//! Middlewares and client may use this room; it uses the nouns and `redact`.
//!
//! Invariant: where a call leaves its origin, no header and no parameter that names the caller's account goes along.

use http::header::HOST;
use url::{Url, form_urlencoded};

use crate::{
    redact::names::is_secret,
    request::{Request, drop_credentials, same_origin},
};

/// A base URL in place of the client's own. It stands in the extensions of a request that was sent there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(Url);

impl Place {
    /// Calls go below this URL.
    pub fn new(base: Url) -> Self {
        Self(base)
    }

    /// Sends a request there instead of to the client's own base.
    pub fn take(&self, req: &mut Request) {
        let url = self.of(&req.url, req.options.home.as_ref());
        if !same_origin(&url, &req.url) {
            drop_credentials(&mut req.headers, &req.options.secret_headers);
            // It names the first host, if the caller set it.
            req.headers.remove(HOST);
        }
        req.url = url;
        req.extensions.insert(self.clone());
    }

    /// Where a call of the client's goes here: what follows the client's own base follows this one.
    pub fn of(&self, url: &Url, home: Option<&Url>) -> Url {
        let own = home.map_or("", Url::path).trim_end_matches('/');
        let below = url.path().strip_prefix(own).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let rest = below.unwrap_or(url.path()).trim_start_matches('/');
        let mut there = self.0.clone();
        if !rest.is_empty() {
            there.set_path(&format!("{}/{rest}", self.0.path().trim_end_matches('/')));
        }
        let leaves = !same_origin(&self.0, url);
        let query: Vec<&str> = [self.0.query(), url.query()].into_iter().flatten().collect();
        let own_pairs = self.0.query().map_or(0, |query| query.split('&').count());
        let joined = query.join("&");
        let kept: Vec<&str> = joined
            .split('&')
            .enumerate()
            .filter(|(at, pair)| *at < own_pairs || !(leaves && names_a_secret(pair)))
            .map(|(_, pair)| pair)
            .collect();
        let kept = kept.join("&");
        there.set_query((!kept.is_empty()).then_some(kept.as_str()));
        there.set_fragment(None);
        there
    }
}

fn names_a_secret(pair: &str) -> bool {
    form_urlencoded::parse(pair.as_bytes()).next().is_some_and(|(name, _)| is_secret(&name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn moved(base: &str, home: Option<&str>, url: &str) -> String {
        let parse = |text: &str| Url::parse(text).unwrap();
        Place::new(parse(base)).of(&parse(url), home.map(parse).as_ref()).to_string()
    }

    #[test]
    fn what_follows_the_clients_base_follows_the_other_one() {
        let home = Some("https://api.example/anthropic/");
        for (base, home, url, expected) in [
            (
                "https://b.example",
                home,
                "https://api.example/anthropic/v1/messages",
                "https://b.example/v1/messages",
            ),
            (
                "https://b.example/x/",
                home,
                "https://api.example/anthropic/v1?beta=1",
                "https://b.example/x/v1?beta=1",
            ),
            (
                "https://b.example/x",
                home,
                "https://api.example/anthropics/v1",
                "https://b.example/x/anthropics/v1",
            ),
            ("https://b.example/x", home, "https://api.example/anthropic", "https://b.example/x"),
            ("https://b.example", None, "https://api.example/v1/messages#f", "https://b.example/v1/messages"),
            ("https://b.example?v=2", None, "https://api.example/v1?a=1", "https://b.example/v1?v=2&a=1"),
        ] {
            assert_eq!(moved(base, home, url), expected, "{url}");
        }
    }

    #[test]
    fn a_secret_of_the_query_stays_with_its_origin_and_the_places_own_is_kept() {
        let url = "https://api.example/v1?api_key=mine&a=1&token=t";
        assert_eq!(moved("https://b.example?key=theirs", None, url), "https://b.example/v1?key=theirs&a=1");
        assert_eq!(
            moved("https://api.example/v2", None, url),
            "https://api.example/v2/v1?api_key=mine&a=1&token=t"
        );
    }

    proptest! {
        #[test]
        fn whatever_the_path_is_the_origin_is_the_places_own(path in "[ -~]{0,30}", base in "(/[a-z./]{0,8})?") {
            let home = Url::parse("https://api.example/own").unwrap();
            let mut url = home.clone();
            url.set_path(&path);
            let place = Place::new(Url::parse(&format!("https://b.example{base}")).unwrap());
            let there = place.of(&url, Some(&home));
            prop_assert_eq!(there.origin(), Url::parse("https://b.example").unwrap().origin());
            prop_assert!(there.username().is_empty() && there.password().is_none());
        }
    }
}
