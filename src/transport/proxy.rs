//! Decides which requests go through which proxy.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{NoProxy, Proxy};
use url::Url;

use super::options::ProxyOptions;
use crate::{Error, Result};

/// Which proxy serves which scheme, and who is reached directly.
#[derive(Default)]
pub(super) struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
    direct: String,
    /// Answers, after a failure, whether a proxy was involved.
    matcher: Option<Matcher>,
}

impl Proxies {
    /// Reads the options; `env` gives the value of an environment variable.
    pub fn read(options: &ProxyOptions, env: impl Fn(&str) -> Option<String>) -> Result<Self> {
        match options {
            ProxyOptions::Off => Ok(Self::default()),
            ProxyOptions::Url { url, no_proxy } => {
                let url = parse("proxy", url)?;
                Ok(Self::new(Some(url.clone()), Some(url), no_proxy.join(",")))
            }
            ProxyOptions::Env => Self::from_env(env),
        }
    }

    /// Lower case wins, as with curl. `HTTP_PROXY` in a CGI program is a header that the client chose,
    /// so there it is not believed.
    fn from_env(env: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let find = |lower: &str| {
            let upper = lower.to_uppercase();
            let name = [lower, &upper].into_iter().find(|name| env(name).is_some())?.to_owned();
            let value = env(&name)?;
            let forged = name == "HTTP_PROXY" && env("REQUEST_METHOD").is_some();
            (!value.is_empty() && !forged).then_some((name, value))
        };
        let proxy = |name: &str| match find(name) {
            Some((name, value)) => parse(&name, &value).map(Some),
            None => Ok(None),
        };
        let all = proxy("all_proxy")?;
        let http = proxy("http_proxy")?.or_else(|| all.clone());
        let https = proxy("https_proxy")?.or(all);
        let direct = find("no_proxy").map(|(_, value)| value).unwrap_or_default();
        Ok(Self::new(http, https, direct))
    }

    fn new(http: Option<Url>, https: Option<Url>, direct: String) -> Self {
        let text = |url: &Option<Url>| url.as_ref().map(Url::to_string).unwrap_or_default();
        let matcher = (http.is_some() || https.is_some())
            .then(|| Matcher::builder().http(text(&http)).https(text(&https)).no(direct.as_str()).build());
        Self { http, https, direct, matcher }
    }

    /// Adds the proxies to a client, and nothing else: reqwest does not look at the system itself.
    pub fn equip(&self, mut builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder> {
        builder = builder.no_proxy();
        let wrong = |_| Error::config("`proxy` cannot be used");
        if let Some(url) = &self.http {
            let proxy = Proxy::http(url.clone()).map_err(wrong)?;
            builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(&self.direct)));
        }
        if let Some(url) = &self.https {
            let proxy = Proxy::https(url.clone()).map_err(wrong)?;
            builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(&self.direct)));
        }
        Ok(builder)
    }

    /// Whether requests to this URL go through a proxy.
    pub fn serves(&self, url: &Url) -> bool {
        let Some(matcher) = &self.matcher else { return false };
        url.as_str().parse().is_ok_and(|uri| matcher.intercept(&uri).is_some())
    }

    /// Whether plain `http` requests need TLS, namely to reach their proxy.
    pub fn http_needs_tls(&self) -> bool {
        self.http.as_ref().is_some_and(|url| url.scheme() == "https")
    }
}

/// A proxy's URL may hold a password, so only its host is shown.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |url: &Option<Url>| url.as_ref().and_then(|url| url.host_str().map(str::to_owned));
        f.debug_struct("Proxies")
            .field("http", &host(&self.http))
            .field("https", &host(&self.https))
            .field("direct", &self.direct)
            .finish_non_exhaustive()
    }
}

/// Reads a proxy's URL; without a scheme it is `http`, as everywhere. The text is never repeated.
fn parse(option: &str, text: &str) -> Result<Url> {
    let given = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&given).map_err(|err| Error::config(format!("`{option}` is not a URL: {err}")))?;
    if !matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") {
        let scheme = url.scheme();
        return Err(Error::config(format!(
            "`{option}` must begin with http://, https://, socks5:// or socks5h://, got {scheme}://"
        )));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(Error::config(format!("`{option}` names no host")));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &'static [(&str, &str)]) -> Result<Proxies> {
        Proxies::read(&ProxyOptions::Env, |name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn serves(proxies: &Proxies, url: &str) -> bool {
        proxies.serves(&Url::parse(url).unwrap())
    }

    #[test]
    fn each_scheme_has_its_variable_and_all_proxy_serves_the_rest() {
        let proxies = env(&[("HTTPS_PROXY", "http://a:1"), ("all_proxy", "socks5h://b:2")]).unwrap();
        assert_eq!(proxies.https.unwrap().host_str(), Some("a"));
        assert_eq!(proxies.http.unwrap().host_str(), Some("b"));
    }

    #[test]
    fn lower_case_wins_and_an_empty_value_switches_off() {
        let proxies = env(&[("https_proxy", ""), ("HTTPS_PROXY", "http://a:1")]).unwrap();
        assert!(!serves(&proxies, "https://x.example/"));
    }

    #[test]
    fn hosts_domains_and_networks_of_no_proxy_are_reached_directly() {
        let proxies = env(&[("all_proxy", "a:1"), ("NO_PROXY", "b.example, 10.0.0.0/8")]).unwrap();
        for (url, expected) in [
            ("http://b.example/", false),
            ("https://c.b.example/", false),
            ("https://notb.example/", true),
            ("http://10.1.2.3/", false),
            ("http://11.1.2.3/", true),
        ] {
            assert_eq!(serves(&proxies, url), expected, "{url}");
        }
    }

    #[test]
    fn a_cgi_program_does_not_believe_http_proxy() {
        let proxies = env(&[("HTTP_PROXY", "http://evil"), ("REQUEST_METHOD", "GET")]).unwrap();
        assert!(!serves(&proxies, "http://x.example/"));
    }

    #[test]
    fn a_bad_proxy_is_named_without_its_password() {
        for bad in ["ftp://user:secret@host", "http://user:secret@host:port", "http://"] {
            let options = ProxyOptions::Url { url: bad.into(), no_proxy: Vec::new() };
            let err = Proxies::read(&options, |_| None).unwrap_err();
            assert_eq!(err.code(), "CONFIG");
            assert!(err.message().contains("`proxy`") && !format!("{err:?}").contains("secret"), "{err:?}");
        }
    }
}
