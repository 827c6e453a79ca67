//! Which reply a request gets, and what each field of it does.

use std::time::SystemTime;

use super::*;

#[tokio::test]
async fn replies_are_used_in_order_as_often_as_they_say_and_then_the_default() {
    let simulator = scripted(&json!([
        { "match": { "path": "/v1/complete" }, "status": 403, "times": 0 },
        { "status": 529, "times": 2 },
        { "match": { "method": "post", "path": "/v1/*" }, "text": "third" },
    ]));
    simulator.set_default(Reply::text("default")).unwrap();
    let mut seen = Vec::new();
    for _ in 0..4 {
        let answer = post(&simulator, "/v1/messages", &hello(false)).await;
        seen.push((answer.status().as_u16(), answer.text().await.unwrap()));
    }
    assert_eq!([seen[0].0, seen[1].0], [529, 529]);
    assert!(seen[2].1.contains("third") && seen[3].1.contains("default"));
    assert_eq!(post(&simulator, "/v1/complete", &hello(false)).await.status(), 403);
    assert_eq!(post(&simulator, "/v1/complete", &hello(false)).await.status(), 403);
}

#[tokio::test]
async fn a_reply_in_a_header_goes_before_the_queue_and_leaves_it_alone() {
    let simulator = scripted(&json!([{ "status": 418 }]));
    let url = format!("{}/any", simulator.url());
    let ask = |header: &str| client().get(&url).header("x-simulator", header).send();
    assert_eq!(ask(r#"{"status":402}"#).await.unwrap().status(), 402);
    let wrong = ask(r#"{"colour":"red"}"#).await.unwrap();
    assert_eq!(wrong.status(), 400);
    assert!(wrong.text().await.unwrap().contains("colour"));
    assert_eq!(client().get(&url).send().await.unwrap().status(), 418);
}

#[tokio::test]
async fn bodies_and_headers_are_sent_as_given() {
    let simulator = scripted(&json!([
        { "body": { "b": 1, "a": [2] }, "headers": { "X-Two": ["a", "b"], "request-id": null } },
        { "body": "{broken" },
        { "bodyBase64": "AP8=" },
    ]));
    let answer = post(&simulator, "/v1/messages", &json!({})).await;
    assert_eq!(answer.headers().get_all("x-two").iter().count(), 2);
    assert!(!answer.headers().contains_key("request-id"));
    assert_eq!(answer.text().await.unwrap(), r#"{"b":1,"a":[2]}"#);
    assert_eq!(post(&simulator, "/v1/messages", &json!({})).await.text().await.unwrap(), "{broken");
    assert_eq!(&post(&simulator, "/v1/messages", &json!({})).await.bytes().await.unwrap()[..], [0, 255]);
}

#[tokio::test]
async fn raw_bytes_replace_the_answer_and_the_connection_ends() {
    let simulator = scripted(&json!([{ "raw": "HTTP/1.1 999 Odd\r\n\r\n" }, { "rawBase64": "AP8=" }]));
    let (raw, ended) = read_to_end(&mut send(&simulator, "{}").await).await;
    assert_eq!(raw, "HTTP/1.1 999 Odd\r\n\r\n");
    ended.unwrap();
    let mut bytes = Vec::new();
    send(&simulator, "{}").await.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, [0, 255]);
    assert!(simulator.received().iter().all(|it| it.complete && !it.aborted));
}

#[tokio::test]
async fn a_transcript_keeps_its_text_and_is_named_by_type() {
    let file = std::env::temp_dir().join(format!("simulator-{}.jsonl", std::process::id()));
    std::fs::write(&file, "{\"type\":\"one\",\"n\":1.0e0}\n\n{\"type\":\"two\"}\n").unwrap();
    let simulator = scripted(&json!([
        { "transcript": ["{\"type\":\"ping\", \"x\":1.50}", { "type": "message_stop" }] },
        { "transcript": file },
    ]));
    assert_eq!(
        stream_text(&simulator).await,
        "event: ping\ndata: {\"type\":\"ping\", \"x\":1.50}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
    );
    assert_eq!(kinds(&stream_text(&simulator).await), ["one", "two"]);
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn text_and_events_and_sse_make_streams() {
    let simulator = scripted(&json!([
        { "text": "one two" }, { "events": 5 }, { "sse": "data: x\r\n\r\n:c\n\ndata: y" },
    ]));
    let text = stream_text(&simulator).await;
    assert!(text.contains(r#""text":"one ""#) && text.contains(r#""text":"two""#));
    assert_eq!(kinds(&stream_text(&simulator).await).len(), 11);
    assert_eq!(stream_text(&simulator).await, "data: x\r\n\r\n:c\n\ndata: y");
}

#[tokio::test]
async fn a_stamp_is_the_time_of_writing() {
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
    let simulator = scripted(&json!([{ "events": 3, "stamp": true, "paceMs": 20 }]));
    let before = now();
    let text = stream_text(&simulator).await;
    let stamps: Vec<u128> =
        text.split(r#""text":""#).filter_map(|rest| rest.get(..20)?.parse().ok()).collect();
    assert_eq!(stamps.len(), 3);
    let moments = [&[before], stamps.as_slice(), &[now()]].concat();
    assert!(moments.is_sorted(), "{moments:?}");
    assert!(stamps[0] < stamps[2], "{stamps:?}");
}

#[tokio::test]
async fn an_error_in_a_stream_is_its_last_event() {
    let error = json!({ "index": 2, "type": "api_error", "message": "Oh" });
    let simulator = scripted(&json!([{ "text": "a b c", "errorAt": error }]));
    let text = stream_text(&simulator).await;
    assert_eq!(kinds(&text), ["message_start", "content_block_start", "error"]);
    assert!(
        text.ends_with(
            "data: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"Oh\"}}\n\n"
        )
    );
}

#[tokio::test]
async fn echo_tells_what_arrived() {
    let simulator = scripted(&json!([{ "echo": true, "delayMs": 5 }]));
    let answer = client().put(format!("{}/a?b=c", simulator.url())).header("x-one", "1").body("text");
    let body: Value = serde_json::from_str(&answer.send().await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!(body["method"], "PUT");
    assert_eq!(body["url"], "/a?b=c");
    assert_eq!(body["body"], "text");
    assert_eq!(body["httpVersion"], "1.1");
    assert!(body["headers"].as_array().unwrap().contains(&json!(["x-one", "1"])));
}

#[tokio::test]
async fn a_wrong_script_names_its_field() {
    let wrong = [
        (r#"{"statsu": 1}"#, "unknown field `statsu`"),
        (r#"{"times": 2, "text": 1}"#, "`text`: "),
        (r#"{"body": 1, "text": ""}"#, "`body` or `text`"),
        (r#"{"eventsPerWrite": 0}"#, "`eventsPerWrite` must be"),
        (r#"{"cut": "reset"}"#, "`cut` needs `cutAfterBytes`"),
        (r#"{"bodyBase64": "?"}"#, "`bodyBase64`"),
        (r#"{"status": 99}"#, "`status` must be"),
        (r#"{"stamp": true}"#, "`stamp` needs `events`"),
        (r#"{"transcript": ["{}"]}"#, "event 0 of `transcript`"),
        (r#"{"headers": {"a b": ""}}"#, "`headers['a b']`"),
        (r#"{"readBody": 3}"#, "`readBody` must be"),
        (r#"{"hang": "never"}"#, "never"),
    ];
    let simulator = start();
    for (json, named) in wrong {
        let error = Reply::list(json).and_then(|replies| simulator.script(replies)).unwrap_err();
        assert!(error.to_string().contains(named), "{json}: {error}");
    }
    assert!(SimulatorOptions::parse(r#"{"prot": 1}"#).unwrap_err().to_string().contains("`prot`"));
    let taken = start_with(SimulatorOptions::default());
    let options = SimulatorOptions { port: taken.port(), ..Default::default() };
    let error = Simulator::start(&Handle::current(), options).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(error.to_string().contains("`port`"), "{error}");
}
