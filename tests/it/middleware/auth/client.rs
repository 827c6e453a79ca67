//! `auth` in a client, over sockets: what really leaves this machine.

use std::sync::Arc;

use serde_json::{Value, json};
use trae_native::{
    Result,
    client::{Call, Client, Content, middleware},
};

use crate::support::peer::Peer;

/// Answers with what it was shown, or with a redirect where the path names one.
async fn mirror() -> Peer {
    Peer::start(|mut conn| async move {
        while let Some(asked) = conn.request().await {
            let path = asked.head.split_whitespace().nth(1).unwrap().to_owned();
            let (status, more) = match path.split_once("to=") {
                Some((_, place)) => (307, format!("location: {place}\r\n")),
                None => (200, String::new()),
            };
            let shown =
                asked.head.lines().find(|line| line.starts_with("x-odd")).unwrap_or("nothing").to_owned();
            let head = format!("HTTP/1.1 {status} X\r\n{more}content-type: text/plain\r\n");
            conn.write(format!("{head}content-length: {}\r\n\r\n{shown}", shown.len())).await;
        }
    })
    .await
}

async fn shown(client: &Client, url: String) -> Result<String> {
    let call = Call { url, ..Call::default() };
    match client.execute(call).await?.content {
        Content::Text(text) => Ok(String::from_utf8(text.to_vec()).unwrap()),
        _ => Ok(String::new()),
    }
}

fn client(home: &Peer, more: &Value) -> Client {
    let mut config = json!({ "baseURL": home.url("/").as_str(), "proxy": false });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let auth = middleware("auth", json!({ "value": "quite-secret", "header": "x-odd" })).unwrap();
    Client::new(config).unwrap().layered(vec![Arc::clone(&auth)]).unwrap()
}

#[tokio::test]
async fn another_origin_is_not_shown_the_credential_whichever_way_a_call_gets_there() {
    let (home, other) = (mirror().await, mirror().await);
    let client = client(&home, &json!({ "allowAbsoluteUrls": true, "redirect": "follow" }));
    let elsewhere = other.url("/x").to_string();
    for (url, expected) in [
        ("/x".to_owned(), "x-odd: quite-secret"),
        (home.url("/x").to_string(), "x-odd: quite-secret"),
        ("/?to=/x".to_owned(), "x-odd: quite-secret"),
        (elsewhere.clone(), "nothing"),
        (format!("/?to={elsewhere}"), "nothing"),
    ] {
        assert_eq!(shown(&client, url.clone()).await.unwrap(), expected, "{url}");
    }
}

#[tokio::test]
async fn a_credential_that_the_server_repeats_is_not_told_whatever_its_header() {
    let peer = Peer::answering("HTTP/1.1 400 X\r\ncontent-length: 12\r\n\r\nquite-secret").await;
    let error = shown(&client(&peer, &json!({})), "/x".to_owned()).await.unwrap_err();
    assert!(error.message().ends_with("[redacted]"), "{error}");
}
