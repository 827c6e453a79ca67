//! Tokens that are signed here and sent as they are.

use std::time::{Duration, SystemTime};

use jsonwebtoken::Algorithm;
use serde_json::{Map, Value, json};
use tokio::time::advance;
use trae_native::{client::middleware, pipeline::Pipeline};

use super::{read, shared};
use crate::support::api::{Api, answer, around, call, refusal};

fn pipeline(api: &std::sync::Arc<Api>, options: &Value) -> Pipeline {
    around(vec![middleware("jwt", shared(options)).unwrap()], api)
}

fn claims(sent: &str) -> Map<String, Value> {
    read(sent.strip_prefix("Bearer ").unwrap(), Algorithm::HS256).claims
}

async fn run(pipeline: &Pipeline) {
    pipeline.run(call()).await.unwrap();
    // What it signs in the background is signed at the next turn.
    tokio::task::yield_now().await;
}

#[tokio::test(start_paused = true)]
async fn a_token_says_what_the_options_say() {
    let api = Api::new(|_| Ok(answer(200, "")));
    let claimed = json!({ "iss": "me", "sub": "you", "aud": ["a", "b"], "nbf": true, "scope": "read", "n": { "m": 1 } });
    let options = json!({ "claims": claimed, "lifetime": 60000, "clockSkew": 10000 });
    run(&pipeline(&api, &options)).await;
    let mut said = claims(&api.shown("authorization")[0]);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let issued = said["iat"].as_u64().unwrap();
    assert!((now - 12..=now - 10).contains(&issued), "ten seconds back");
    assert_eq!((said["exp"].as_u64().unwrap(), &said["nbf"]), (issued + 60, &json!(issued)));
    assert_eq!(said["jti"].as_str().unwrap().len(), 32);
    for name in ["iat", "exp", "nbf", "jti"] {
        said.remove(name);
    }
    let expected = json!({ "iss": "me", "sub": "you", "aud": ["a", "b"], "scope": "read", "n": { "m": 1 } });
    assert_eq!(Value::from(said), expected);
}

#[tokio::test(start_paused = true)]
async fn a_token_serves_until_a_quarter_of_its_life_is_left_and_then_another_is_signed() {
    let api = Api::new(|_| Ok(answer(200, "")));
    let pipeline = pipeline(&api, &json!({ "jitter": 0, "clockSkew": 0 }));
    for pause in [0, 220, 7, 1] {
        advance(Duration::from_secs(pause)).await;
        run(&pipeline).await;
    }
    let ids: Vec<Value> = api.shown("authorization").iter().map(|sent| claims(sent)["jti"].clone()).collect();
    assert_eq!((&ids[0], &ids[0]), (&ids[1], &ids[2]), "stale, and used");
    assert_ne!(ids[2], ids[3], "signed meanwhile");
}

#[tokio::test(start_paused = true)]
async fn a_401_has_another_token_signed() {
    let first = std::sync::Mutex::new(None);
    let api = Api::new(move |seen| {
        let sent = seen.header("authorization").map(str::to_owned);
        let mut first = first.lock().unwrap();
        if first.is_none() || *first == sent { Err(refusal(401, "")) } else { Ok(answer(200, "")) }
            .inspect_err(|_| *first = sent)
    });
    run(&pipeline(&api, &json!({}))).await;
    let sent = api.shown("authorization");
    assert_eq!(sent.len(), 2);
    assert_ne!(claims(&sent[0])["jti"], claims(&sent[1])["jti"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_goes_where_the_scheme_says() {
    let api = Api::new(|_| Ok(answer(200, "")));
    run(&pipeline(&api, &json!({ "header": "x-jwt", "claims": { "jti": false } }))).await;
    let said = read(&api.shown("x-jwt")[0], Algorithm::HS256).claims;
    assert!(said.len() == 2 && said.contains_key("iat") && said.contains_key("exp"), "{said:?}");
}
