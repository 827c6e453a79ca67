//! HTTP/2 and what only it has: streams that share a connection, pings, GOAWAY, streams refused.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, watch};
use trae_native::{
    ErrorKind, Phase,
    transport::{Http2, PingOptions},
};

use super::*;
use crate::support::{
    frames::{
        CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, NO_ERROR, PING, PROTOCOL_ERROR,
        REFUSED_STREAM, SETTINGS, STATUS_200,
    },
    peer::Peer,
};

fn options() -> TransportOptions {
    TransportOptions { http2: Http2::Only, ..direct() }
}

fn transport() -> Transport {
    Transport::new(options()).unwrap()
}

fn pinging(interval: Duration, timeout: Duration) -> Transport {
    Transport::new(TransportOptions { ping: PingOptions { interval, timeout }, ..options() }).unwrap()
}

fn ask(peer: &Peer) -> Request {
    post(peer.url("/"), "prompt")
}

/// Serves each connection with this function, and counts the requests that reached it.
async fn serving<F, S>(serve: F) -> (Peer, Arc<AtomicUsize>)
where
    F: Fn(Frames, u32) -> S + Send + Sync + Clone + 'static,
    S: Future<Output = Frames> + Send + 'static,
{
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let peer = Peer::start(move |conn| {
        let (serve, count) = (serve.clone(), Arc::clone(&count));
        async move {
            let mut frames = Frames::open(conn).await;
            while let Some(stream) = frames.request().await {
                count.fetch_add(1, Ordering::SeqCst);
                frames = serve(frames, stream).await;
            }
        }
    })
    .await;
    (peer, asked)
}

fn count(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::SeqCst)
}

#[tokio::test]
async fn after_a_goaway_what_has_begun_finishes_and_new_calls_open_a_new_connection() {
    let (go, gone) = watch::channel(false);
    let (peer, _) = serving(move |mut frames, stream| {
        let mut gone = gone.clone();
        async move {
            if frames.index() == 0 {
                frames.go_away(stream, NO_ERROR).await;
                frames.head(stream).await;
                frames.send(DATA, 0, stream, "begun").await;
                gone.wait_for(|gone| *gone).await.unwrap();
                frames.send(DATA, END_STREAM, stream, "done").await;
            } else {
                frames.ok(stream).await;
            }
            frames
        }
    })
    .await;
    let transport = transport();
    let mut begun = stream(send(&transport, ask(&peer)).await.unwrap());
    assert_eq!(next(&mut begun).await.unwrap().unwrap(), "begun");
    for _ in 0..3 {
        assert_eq!(read(&transport, ask(&peer)).await.unwrap(), "ok");
    }
    go.send(true).unwrap();
    assert_eq!(next(&mut begun).await.unwrap().unwrap(), "done");
    assert!(next(&mut begun).await.is_none());
    assert_eq!((peer.connections(), transport.stats().in_flight), (2, 0));
}

#[tokio::test]
async fn a_call_above_the_last_stream_of_a_goaway_is_replaced_and_nobody_notices() {
    const ENHANCE_YOUR_CALM: u32 = 11;
    for reason in [NO_ERROR, ENHANCE_YOUR_CALM] {
        for served in [0, 2] {
            let (peer, asked) = serving(move |mut frames, stream| async move {
                if frames.index() == 0 && stream > 2 * served {
                    frames.go_away((2 * served).saturating_sub(1), reason).await;
                    frames.closed().await;
                } else {
                    frames.ok(stream).await;
                }
                frames
            })
            .await;
            let transport = transport();
            for _ in 0..3 {
                let res = send(&transport, ask(&peer)).await.unwrap();
                assert_eq!((res.status.as_u16(), res.attempts), (200, 1));
                assert_eq!(collect(res.body, 9, None).await.unwrap(), "ok");
            }
            let replaced = transport.stats().replaced_sockets;
            assert_eq!((count(&asked), replaced, peer.connections()), (4, 1, 2), "{reason} {served}");
        }
    }
}

#[tokio::test]
async fn a_refused_stream_is_asked_again_on_the_same_connection_and_nobody_notices() {
    let (peer, asked) = serving(|mut frames, stream| async move {
        if stream < 5 {
            frames.reset(stream, REFUSED_STREAM).await;
        } else {
            frames.ok(stream).await;
        }
        frames
    })
    .await;
    let transport = transport();
    let res = send(&transport, ask(&peer)).await.unwrap();
    assert_eq!((res.status.as_u16(), res.attempts), (200, 1));
    assert_eq!((count(&asked), transport.stats().replaced_sockets, peer.connections()), (3, 2, 1));
}

#[tokio::test]
async fn a_refused_stream_whose_body_passes_once_is_an_error() {
    let (peer, asked) = serving(|mut frames, stream| async move {
        frames.reset(stream, REFUSED_STREAM).await;
        frames
    })
    .await;
    let body: ByteStream = Box::pin(futures_util::stream::iter([Ok("once".into())]));
    let err = fail(&transport(), Request { body: Body::Stream(body), ..ask(&peer) }).await;
    assert_eq!((err.kind(), err.phase(), count(&asked)), (ErrorKind::Reset, Phase::FirstByte, 1), "{err}");
}

#[tokio::test]
async fn a_server_that_refuses_every_stream_is_given_up_in_the_end() {
    let (peer, asked) = serving(|mut frames, stream| async move {
        frames.reset(stream, REFUSED_STREAM).await;
        frames
    })
    .await;
    let err = fail(&transport(), ask(&peer)).await;
    assert_eq!((err.kind(), err.phase(), count(&asked)), (ErrorKind::Reset, Phase::FirstByte, 9), "{err}");
    assert!(err.is_retryable());
}

/// What a server may do to a call instead of answering, so that nobody can say how far it got.
#[derive(Debug, Clone, Copy)]
enum Mischief {
    /// Ends the stream, as it does when it crashed over this one.
    Reset,
    /// Sends a frame that the protocol does not allow.
    BadFrame,
    /// Says that it took the call, and closes.
    GoAwayAfter,
    /// Closes.
    Close,
}

#[tokio::test]
async fn a_call_that_the_server_may_have_begun_is_not_sent_twice() {
    for mischief in [Mischief::Reset, Mischief::BadFrame, Mischief::GoAwayAfter, Mischief::Close] {
        let (peer, asked) = serving(move |mut frames, stream| async move {
            match mischief {
                Mischief::Reset => frames.reset(stream, PROTOCOL_ERROR).await,
                Mischief::BadFrame => frames.send(DATA, 0, 0, "a").await,
                Mischief::GoAwayAfter => frames.go_away(stream, NO_ERROR).await,
                Mischief::Close => {}
            }
            if let Mischief::GoAwayAfter | Mischief::Close = mischief {
                frames.close().await;
            }
            frames
        })
        .await;
        let transport = transport();
        let err = fail(&transport, ask(&peer)).await;
        assert!(matches!(err.kind(), ErrorKind::Reset | ErrorKind::Connection), "{mischief:?}: {err}");
        assert_eq!((err.phase(), err.is_retryable()), (Phase::FirstByte, true), "{mischief:?}");
        assert_eq!((count(&asked), transport.stats().replaced_sockets), (1, 0), "{mischief:?}: {err:?}");
    }
}

/// What a server does to a call on an open connection when it has held it for long.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Close,
    /// Says that it has not begun the call, and closes.
    GoAwayBefore,
    Refuse,
}

#[tokio::test]
async fn a_call_that_an_open_connection_has_held_for_long_is_sent_again_only_if_it_was_not_begun() {
    for ending in [Ending::Close, Ending::GoAwayBefore, Ending::Refuse] {
        let (tell, mut heard) = mpsc::channel(1);
        let (go, gone) = watch::channel(false);
        let (peer, asked) = serving(move |mut frames, stream| {
            let (tell, mut gone) = (tell.clone(), gone.clone());
            async move {
                if stream != 3 {
                    frames.ok(stream).await;
                    return frames;
                }
                tell.send(()).await.unwrap();
                gone.wait_for(|gone| *gone).await.unwrap();
                match ending {
                    Ending::Refuse => frames.reset(stream, REFUSED_STREAM).await,
                    Ending::GoAwayBefore => frames.go_away(1, NO_ERROR).await,
                    Ending::Close => frames.close().await,
                }
                frames
            }
        })
        .await;
        let transport = transport();
        read(&transport, ask(&peer)).await.unwrap();
        let (answer, ()) = tokio::join!(read(&transport, ask(&peer)), async {
            heard.recv().await.unwrap();
            pass(ms(5000)).await;
            go.send(true).unwrap();
        });
        if let Ending::Close = ending {
            let err = answer.unwrap_err();
            assert_eq!(
                (err.kind(), err.phase(), err.is_retryable()),
                (ErrorKind::Reset, Phase::FirstByte, true)
            );
            assert_eq!((count(&asked), transport.stats().replaced_sockets), (2, 0), "{err:?}");
        } else {
            assert_eq!(answer.unwrap(), "ok", "{ending:?}");
            assert_eq!((count(&asked), transport.stats().replaced_sockets), (3, 1), "{ending:?}");
        }
    }
}

#[tokio::test]
async fn a_call_that_never_left_is_sent_on_another_connection_however_long_it_has_waited() {
    const MAX_CONCURRENT_STREAMS: u8 = 3;
    let (tell, mut heard) = mpsc::channel(1);
    let (go, gone) = watch::channel(false);
    let (peer, asked) = serving(move |mut frames, stream| {
        let (tell, mut gone) = (tell.clone(), gone.clone());
        async move {
            if frames.index() > 0 {
                frames.ok(stream).await;
            } else if stream == 1 {
                frames.send(SETTINGS, 0, 0, [0, MAX_CONCURRENT_STREAMS, 0, 0, 0, 1]).await;
                frames.ok(stream).await;
            } else {
                tell.send(()).await.unwrap();
                gone.wait_for(|gone| *gone).await.unwrap();
                frames.close().await;
            }
            frames
        }
    })
    .await;
    let transport = transport();
    read(&transport, ask(&peer)).await.unwrap();
    let begun = read(&transport, ask(&peer));
    // h2 takes one more than the server allows; what it does not take stays with hyper.
    let taken = read(&transport, ask(&peer));
    let left = async {
        heard.recv().await.unwrap();
        let left = read(&transport, ask(&peer));
        tokio::join!(left, async {
            pass(ms(5000)).await;
            go.send(true).unwrap();
        })
    };
    let (begun, taken, (left, ())) = tokio::join!(begun, taken, left);
    assert_eq!(begun.unwrap_err().kind(), ErrorKind::Reset);
    assert!(taken.unwrap_err().is_retryable());
    assert_eq!((left.unwrap(), count(&asked)), ("ok".into(), 3));
}

/// The result of an answer with so many headers, and how often it was asked for. Each counts 132 bytes in HTTP/2.
async fn answered_with(fields: usize) -> (Result<Response>, usize) {
    let field = |number| [&b"\0\x08"[..], format!("x-{number:06}\x5c").as_bytes(), &[b'v'; 92]].concat();
    let block = [STATUS_200.to_vec(), (0..fields).flat_map(field).collect()].concat();
    let (peer, asked) = serving(move |mut frames, stream| {
        let block = block.clone();
        async move {
            let mut pieces = block.chunks(16 * 1024).peekable();
            let mut kind = HEADERS;
            while let Some(piece) = pieces.next() {
                let flags = if pieces.peek().is_none() { END_HEADERS } else { 0 };
                frames.send(kind, flags, stream, piece).await;
                kind = CONTINUATION;
            }
            frames.send(DATA, END_STREAM, stream, "ok").await;
            frames
        }
    })
    .await;
    (send(&transport(), ask(&peer)).await, count(&asked))
}

#[tokio::test]
async fn headers_larger_than_allowed_are_too_large_and_not_asked_for_twice() {
    assert_eq!(answered_with(490).await.0.unwrap().headers.len(), 490);
    for fields in [500, 700] {
        let (answer, asked) = answered_with(fields).await;
        let err = answer.err().unwrap();
        assert_eq!((err.kind(), err.phase()), (ErrorKind::TooLarge, Phase::FirstByte), "{fields}: {err:?}");
        assert!(err.message().contains("headers") && !err.is_retryable(), "{err}");
        assert_eq!(asked, 1, "{fields}");
    }
}

#[tokio::test]
async fn headers_without_end_cost_the_connection_and_are_not_asked_for_twice() {
    let (answer, asked) = answered_with(100_000).await;
    let err = answer.err().unwrap();
    assert_eq!((err.kind(), err.phase(), asked), (ErrorKind::Connection, Phase::FirstByte, 1), "{err:?}");
}

#[tokio::test]
async fn a_connection_that_answers_no_ping_is_given_up_and_the_next_call_opens_a_new_one() {
    for begun in [false, true] {
        let (peer, asked) = serving(move |mut frames, stream| async move {
            if frames.index() > 0 {
                frames.ok(stream).await;
                return frames;
            }
            if begun {
                frames.head(stream).await;
            }
            frames.closed().await;
            frames
        })
        .await;
        let transport = pinging(ms(20), ms(200));
        let (err, expected) = if begun {
            let mut body = stream(send(&transport, ask(&peer)).await.unwrap());
            (next(&mut body).await.unwrap().unwrap_err(), (ErrorKind::Incomplete, Phase::Body))
        } else {
            (fail(&transport, ask(&peer)).await, (ErrorKind::Reset, Phase::FirstByte))
        };
        assert_eq!((err.kind(), err.phase()), expected, "{err:?}");
        let message = err.message();
        assert!(message.contains("no longer") && message.contains("answer") && err.is_retryable(), "{err}");
        // It may have begun what was asked, so that is not asked again.
        assert_eq!((count(&asked), transport.stats().replaced_sockets), (1, 0));
        assert_eq!(read(&transport, ask(&peer)).await.unwrap(), "ok");
        assert_eq!(peer.connections(), 2);
    }
}

#[tokio::test]
async fn a_connection_that_answers_its_pings_is_kept_however_long_a_call_takes() {
    let (peer, _) = serving(|mut frames, stream| async move {
        frames.head(stream).await;
        for _ in 0..5 {
            let ping = loop {
                let frame = frames.next().await.unwrap();
                if frame.kind == PING && frame.flags == 0 {
                    break frame;
                }
            };
            frames.send(PING, 1, 0, ping.payload).await;
        }
        frames.send(DATA, END_STREAM, stream, "ok").await;
        frames
    })
    .await;
    let transport = pinging(ms(10), PATIENCE);
    assert_eq!(read(&transport, ask(&peer)).await.unwrap(), "ok");
    assert_eq!((peer.connections(), transport.stats().in_flight), (1, 0));
}
