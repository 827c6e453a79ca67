//! HTTP/2 by hand: says what no honest implementation would say, and keeps silent where all would answer.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::peer::Conn;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;

const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

pub const NO_ERROR: u32 = 0;
pub const PROTOCOL_ERROR: u32 = 1;
pub const REFUSED_STREAM: u32 = 7;

/// `:status: 200` in HPACK.
pub const STATUS_200: &[u8] = &[0x88];

/// The server's end of one HTTP/2 connection.
pub struct Frames {
    conn: Conn,
    /// The highest stream whose request was told of.
    pub last: u32,
}

pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frames {
    /// Reads the client's preface and answers with settings of no content.
    pub async fn open(mut conn: Conn) -> Self {
        let mut preface = [0; 24];
        conn.socket.read_exact(&mut preface).await.unwrap();
        let mut frames = Self { conn, last: 0 };
        frames.send(SETTINGS, 0, 0, []).await;
        frames
    }

    /// Which connection it is, from 0.
    pub fn index(&self) -> usize {
        self.conn.index
    }

    /// The next frame, as it came; `None` once the other side has closed.
    pub async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.conn.socket.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        let mut payload = vec![0; length as usize];
        self.conn.socket.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The stream of the next request that is complete. Settings and pings are acknowledged meanwhile.
    pub async fn request(&mut self) -> Option<u32> {
        loop {
            let frame = self.next().await?;
            match frame.kind {
                SETTINGS if frame.flags & ACK == 0 => self.send(SETTINGS, ACK, 0, []).await,
                PING if frame.flags & ACK == 0 => self.send(PING, ACK, 0, frame.payload).await,
                HEADERS | DATA if frame.flags & END_STREAM != 0 => {
                    self.last = frame.stream;
                    return Some(frame.stream);
                }
                _ => {}
            }
        }
    }

    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) {
        let payload = payload.as_ref();
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags];
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.conn.write(frame).await;
    }

    /// Status 200, its body to follow.
    pub async fn head(&mut self, stream: u32) {
        self.send(HEADERS, END_HEADERS, stream, STATUS_200).await;
    }

    /// A whole answer: `ok`.
    pub async fn ok(&mut self, stream: u32) {
        self.head(stream).await;
        self.send(DATA, END_STREAM, stream, "ok").await;
    }

    /// Takes no more requests than those up to `last`.
    pub async fn go_away(&mut self, last: u32, reason: u32) {
        self.send(GOAWAY, 0, 0, [last.to_be_bytes(), reason.to_be_bytes()].concat()).await;
    }

    pub async fn reset(&mut self, stream: u32, reason: u32) {
        self.send(RST_STREAM, 0, stream, reason.to_be_bytes()).await;
    }

    /// Ends the connection.
    pub async fn close(&mut self) {
        self.conn.socket.shutdown().await.unwrap();
    }

    /// Waits until the other side closes, and answers nothing.
    pub async fn closed(&mut self) {
        while self.next().await.is_some() {}
    }
}
