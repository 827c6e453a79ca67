//! The simulator is the peer of all other tests, so it is tested itself: by raw sockets and by reqwest.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod answers;
mod connections;
mod records;
mod scripts;
mod writes;

use std::{io::ErrorKind, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Handle,
    time::timeout,
};
use trae_native::server::simulator::{HttpVersions, Reply, Simulator, SimulatorOptions};

fn start() -> Simulator {
    start_with(SimulatorOptions::default())
}

fn start_with(options: SimulatorOptions) -> Simulator {
    Simulator::start(&Handle::current(), options).unwrap()
}

fn scripted(replies: &Value) -> Simulator {
    let simulator = start();
    simulator.script(Reply::list(&replies.to_string()).unwrap()).unwrap();
    simulator
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A request by hand, on a connection of its own.
async fn send(simulator: &Simulator, body: &str) -> TcpStream {
    let mut socket = TcpStream::connect(("127.0.0.1", simulator.port())).await.unwrap();
    let length = body.len();
    let head = format!("POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}");
    socket.write_all(head.as_bytes()).await.unwrap();
    socket
}

/// All that arrives until the connection ends, and how it ended.
async fn read_to_end(socket: &mut TcpStream) -> (String, std::io::Result<()>) {
    let mut bytes = Vec::new();
    let ended = timeout(Duration::from_secs(5), socket.read_to_end(&mut bytes)).await.unwrap();
    (String::from_utf8_lossy(&bytes).into_owned(), ended.map(|_| ()))
}

async fn read_until(socket: &mut TcpStream, text: &str) -> String {
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).contains(text) {
        let read = timeout(Duration::from_secs(5), socket.read_buf(&mut all)).await.unwrap().unwrap();
        assert!(read > 0, "ended before {text:?}: {}", String::from_utf8_lossy(&all));
    }
    String::from_utf8_lossy(&all).into_owned()
}

async fn silent(socket: &mut TcpStream) -> bool {
    timeout(Duration::from_millis(60), socket.read(&mut [0; 64])).await.is_err()
}

async fn eventually(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never happened: {what}");
}

async fn post(simulator: &Simulator, path: &str, body: &Value) -> reqwest::Response {
    client().post(format!("{}{path}", simulator.url())).body(body.to_string()).send().await.unwrap()
}

fn hello(stream: bool) -> Value {
    json!({ "model": "claude-haiku-4-5", "max_tokens": 9, "stream": stream,
            "messages": [{ "role": "user", "content": "Good morning to you" }] })
}

async fn stream_text(simulator: &Simulator) -> String {
    post(simulator, "/v1/messages", &hello(true)).await.text().await.unwrap()
}

fn kinds(stream: &str) -> Vec<&str> {
    stream.lines().filter_map(|line| line.strip_prefix("event: ")).collect()
}
