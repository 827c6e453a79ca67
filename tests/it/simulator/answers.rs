//! What the simulator answers when nobody scripted it.

use super::*;

#[tokio::test]
async fn a_made_up_answer_depends_on_the_prompt_and_has_the_shape_and_headers_of_the_api() {
    let simulator = start();
    for path in ["/v1/messages", "/messages"] {
        let answer = post(&simulator, path, &hello(false)).await;
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert!(answer.headers()["request-id"].to_str().unwrap().starts_with("req_"));
        assert_eq!(answer.headers()["anthropic-ratelimit-input-tokens-limit"], "2000000");
        let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(body["content"][0]["text"], "You said: Good morning to you");
        assert_eq!(body["model"], "claude-haiku-4-5");
        assert_eq!(body["stop_reason"], "end_turn");
    }
}

#[tokio::test]
async fn a_stream_has_all_its_events_word_by_word() {
    let simulator = start();
    let answer = post(&simulator, "/v1/messages", &hello(true)).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream; charset=utf-8");
    let text = answer.text().await.unwrap();
    let kinds = kinds(&text);
    assert_eq!(kinds[..3], ["message_start", "content_block_start", "ping"]);
    assert_eq!(kinds[3..9], ["content_block_delta"; 6]);
    assert_eq!(kinds[9..], ["content_block_stop", "message_delta", "message_stop"]);
    assert!(text.contains(r#""text":"morning ""#));
}

#[tokio::test]
async fn the_legacy_endpoint_answers_plain_and_streaming() {
    let simulator = start();
    let ask =
        |stream| json!({ "model": "claude-2", "stream": stream, "prompt": "\n\nHuman: Hi\n\nAssistant:" });
    let body = post(&simulator, "/v1/complete", &ask(false)).await.text().await.unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["completion"], " You said: Hi");
    let text = post(&simulator, "/complete", &ask(true)).await.text().await.unwrap();
    let kinds = kinds(&text);
    assert_eq!(kinds[0], "ping");
    assert!(kinds.len() > 3 && kinds[1..].iter().all(|kind| *kind == "completion"), "{kinds:?}");
}

#[tokio::test]
async fn tokens_are_counted_and_models_listed() {
    let simulator = start();
    let count = post(&simulator, "/v1/messages/count_tokens", &hello(false)).await.text().await.unwrap();
    assert!(serde_json::from_str::<Value>(&count).unwrap()["input_tokens"].as_u64().unwrap() > 0);
    let get = async |path| client().get(format!("{}{path}", simulator.url())).send().await.unwrap();
    assert!(get("/v1/models").await.text().await.unwrap().contains("claude-opus-5"));
    assert_eq!(get("/v1/models/claude-opus-5").await.status(), 200);
    assert_eq!(get("/v1/models/none").await.status(), 404);
    assert_eq!(client().head(simulator.url()).send().await.unwrap().status(), 200);
    eventually("the answer to HEAD is complete", || simulator.received().iter().all(|it| it.complete)).await;
}

#[tokio::test]
async fn every_status_has_its_error_type_and_a_wrong_request_its_status() {
    let types = [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (529, "overloaded_error"),
    ];
    let simulator = start();
    for (status, kind) in types {
        simulator.script(vec![Reply::status(status)]).unwrap();
        let answer = post(&simulator, "/v1/messages", &hello(false)).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers().contains_key("retry-after"), status == 429);
        let id = answer.headers()["request-id"].to_str().unwrap().to_owned();
        let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(body["error"]["type"], kind);
        assert_eq!(body["request_id"], id);
    }
    assert_eq!(post(&simulator, "/v1/messages", &json!("no object")).await.status(), 400);
    assert_eq!(post(&simulator, "/v1/nothing", &json!({})).await.status(), 404);
    assert_eq!(post(&simulator, "/v1/models", &json!({})).await.status(), 405);
}

#[tokio::test]
async fn a_key_is_asked_for_only_where_the_option_says_so() {
    let simulator = start_with(SimulatorOptions { require_key: true, ..Default::default() });
    assert_eq!(post(&simulator, "/v1/messages", &hello(false)).await.status(), 401);
    let with_key = client().post(format!("{}/v1/messages", simulator.url())).header("x-api-key", "k");
    assert_eq!(with_key.body(hello(false).to_string()).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_scripted_status_is_obeyed_whatever_was_asked_for() {
    let simulator = start();
    for status in [200, 201, 204, 205, 301, 304, 307, 400, 404, 503] {
        for (path, body) in
            [("/v1/anything", json!({})), ("/v1/messages", json!("no object")), ("/v1/models", json!({}))]
        {
            simulator.script(vec![Reply::status(status)]).unwrap();
            let answer =
                client_that_stays().post(format!("{}{path}", simulator.url())).body(body.to_string());
            let answer = answer.send().await.unwrap();
            assert_eq!(answer.status(), status, "{path}");
            assert_eq!(answer.bytes().await.unwrap().is_empty(), status < 400, "{path} {status}");
        }
    }
}

fn client_that_stays() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}
