//! The rules of redirects, one by one.

use super::*;

struct Case {
    policy: Redirect,
    method: Method,
    from: &'static str,
    status: u16,
    location: &'static str,
    replayable: bool,
    trail: Vec<(Method, Url)>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            policy: Redirect::Follow,
            method: Method::POST,
            from: "https://a.example/v1?key=secret",
            status: 307,
            location: "/v2",
            replayable: true,
            trail: Vec::new(),
        }
    }
}

impl Case {
    fn judge(&self) -> Result<Verdict> {
        judge(&Seen {
            policy: self.policy,
            method: &self.method,
            url: &url(self.from),
            replayable: self.replayable,
            status: StatusCode::from_u16(self.status).unwrap(),
            location: Some(&HeaderValue::from_str(self.location).unwrap()),
            trail: &self.trail,
        })
    }

    fn step(&self) -> Step {
        match self.judge().unwrap() {
            Verdict::Follow(step) => step,
            Verdict::Answer => panic!("not followed"),
        }
    }

    fn refusal(&self) -> String {
        let err = self.judge().unwrap_err();
        assert_eq!(err.kind(), ErrorKind::Redirect);
        assert!(!err.message().contains("secret"), "{err}");
        err.message().to_owned()
    }
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

#[test]
fn a_307_repeats_method_and_body() {
    let step = Case::default().step();
    assert_eq!(step.url, url("https://a.example/v2"));
    assert_eq!((step.method, step.drop_body, step.drop_credentials), (Method::POST, false, false));
}

#[test]
fn a_303_and_a_post_that_moved_become_a_get_without_a_body() {
    for status in [301, 302, 303] {
        let step = Case { status, ..Case::default() }.step();
        assert_eq!((step.method, step.drop_body), (Method::GET, true), "{status}");
    }
    let put = Case { status: 301, method: Method::PUT, ..Case::default() }.step();
    assert_eq!((put.method, put.drop_body), (Method::PUT, false));
    let head = Case { status: 303, method: Method::HEAD, ..Case::default() }.step();
    assert_eq!(head.method, Method::HEAD);
}

#[test]
fn a_status_that_is_no_redirect_and_the_manual_policy_give_the_answer() {
    for (policy, status) in [(Redirect::Follow, 304), (Redirect::Follow, 200), (Redirect::Manual, 302)] {
        assert_eq!(Case { policy, status, ..Case::default() }.judge().unwrap(), Verdict::Answer);
    }
}

#[test]
fn by_default_another_origin_is_an_error_and_so_is_another_port() {
    for location in ["https://b.example/", "https://a.example:444/", "http://a.example/"] {
        let case = Case { policy: Redirect::SameOrigin, location, ..Case::default() };
        assert!(case.refusal().contains("same-origin"));
    }
}

#[test]
fn https_never_becomes_http() {
    assert!(Case { location: "http://b.example/", ..Case::default() }.refusal().contains("unencrypted"));
}

#[test]
fn credentials_and_the_secret_headers_stay_with_the_first_origin() {
    let step = Case { location: "https://b.example/", ..Case::default() }.step();
    let mut headers = HeaderMap::new();
    for name in ["authorization", "cookie", "x-api-key", "x-team-secret", "host", "content-type"] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static("v"));
    }
    let mut marked = HeaderValue::from_static("v");
    marked.set_sensitive(true);
    headers.insert("x-of-a-middleware", marked);
    prepare(&mut headers, &step, &[HeaderName::from_static("x-team-secret")]);
    assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["content-type"]);
}

#[test]
fn a_body_that_passes_once_cannot_be_repeated_but_can_be_dropped() {
    let case = Case { replayable: false, ..Case::default() };
    assert!(case.refusal().contains("stream"));
    assert!(Case { status: 303, ..case }.step().drop_body);
}

#[test]
fn a_loop_and_an_endless_chain_end_in_an_error() {
    let trail = vec![(Method::POST, url("https://a.example/v2#x"))];
    assert!(Case { trail, ..Case::default() }.refusal().contains("before"));
    let trail = (0..20).map(|hop| (Method::POST, url(&format!("https://a.example/{hop}")))).collect();
    assert!(Case { trail, ..Case::default() }.refusal().contains("too many"));
}

#[test]
fn a_target_that_is_no_web_address_is_an_error_and_its_user_is_ignored() {
    for location in ["ftp://a.example/", "https://[", "javascript:0"] {
        Case { location, ..Case::default() }.refusal();
    }
    let step = Case { location: "https://user:pass@a.example/", ..Case::default() }.step();
    assert_eq!(step.url.as_str(), "https://a.example/");
}
