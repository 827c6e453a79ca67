//! What is remembered and counted, and how it closes.

use super::*;

#[tokio::test]
async fn requests_are_kept_in_order_and_no_more_than_asked_for() {
    let simulator = start_with(SimulatorOptions { keep: 3, ..Default::default() });
    for number in 0..5 {
        post(&simulator, &format!("/n?{number}"), &json!(number)).await;
    }
    let received = simulator.received();
    let paths: Vec<_> = received.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["/n?2", "/n?3", "/n?4"]);
    assert_eq!((&received[2].body[..], received[2].body_length), (&b"4"[..], 1));
    assert_eq!(received[2].header("content-length"), Some("1"));
    assert_eq!(simulator.counters().requests, 5);
    simulator.clear();
    assert!(simulator.received().is_empty());
}

#[tokio::test]
async fn a_large_body_is_counted_wholly_and_kept_in_part() {
    let simulator = scripted(&json!([{ "text": "ok" }]));
    let body = "x".repeat(3 << 20);
    client().post(format!("{}/v1/messages", simulator.url())).body(body).send().await.unwrap();
    let received = simulator.received();
    assert_eq!((received[0].body.len(), received[0].body_length), (1 << 20, 3 << 20));
}

#[tokio::test]
async fn nothing_is_kept_where_keep_is_zero() {
    let simulator = start_with(SimulatorOptions { keep: 0, ..Default::default() });
    post(&simulator, "/v1/messages", &hello(false)).await;
    assert!(simulator.received().is_empty());
    assert_eq!(simulator.counters().requests, 1);
}

#[tokio::test]
async fn a_body_is_left_unread_or_read_slowly_on_demand() {
    let simulator =
        scripted(&json!([{ "readBody": false, "hang": "headers" }, { "readBody": "slow" , "text": "ok" }]));
    let mut socket = TcpStream::connect(("127.0.0.1", simulator.port())).await.unwrap();
    socket.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n").await.unwrap();
    let chunk = vec![0; 1 << 20];
    let stuck = async {
        loop {
            socket.write_all(&chunk).await.unwrap();
        }
    };
    timeout(Duration::from_millis(300), stuck).await.unwrap_err();
    assert_eq!(simulator.received()[0].body_length, 0);

    let begun = std::time::Instant::now();
    let body = "x".repeat(256 * 1024);
    client().post(format!("{}/v1/messages", simulator.url())).body(body).send().await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(190), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn closing_frees_the_port_and_drops_connections() {
    let simulator = scripted(&json!([{ "hang": "headers" }]));
    let mut socket = send(&simulator, "{}").await;
    eventually("it arrived", || simulator.counters().requests == 1).await;
    simulator.close();
    simulator.close();
    let refused = TcpStream::connect(("127.0.0.1", simulator.port())).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let (raw, _) = read_to_end(&mut socket).await;
    assert_eq!(raw, "");
    assert_eq!(simulator.counters().aborted, 0);
}
