//! What bytes make which rows: lines, however they are split, within a limit.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use proptest::prelude::*;
use trae_native::{
    Error, ErrorKind, Phase,
    body::Decode as _,
    event::Event,
    jsonl::{Decoder, rows},
};

/// The rows of these pieces, and the failure that ended them.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limit: usize) -> (Vec<String>, Option<ErrorKind>) {
    let mut decoder = Decoder::new(limit);
    let mut out = Vec::new();
    let mut outcome = Ok(());
    for piece in pieces {
        outcome = outcome.and_then(|()| decoder.feed(piece, &mut out));
    }
    outcome = outcome.and_then(|()| decoder.end(&mut out));
    let kind = outcome.err().map(|error: Error| error.kind());
    if kind.is_some() {
        let before = out.len();
        assert!(decoder.feed(b"1\n", &mut out).is_err(), "a failure is final");
        assert_eq!(out.len(), before);
    }
    (out.into_iter().map(|row| row.data).collect(), kind)
}

#[test]
fn a_row_is_a_line_with_any_end_and_blank_lines_are_none() {
    for (text, expected) in [
        ("1\n2\n", vec!["1", "2"]),
        ("1\r\n\r\n  \n2", vec!["1", "2"]),
        ("\u{feff}1\n", vec!["1"]),
        ("\u{feff}", vec![]),
        ("", vec![]),
        ("\n\n\n", vec![]),
        ("{\"a\":\t1} \n", vec!["{\"a\":\t1}"]),
    ] {
        assert_eq!(
            decode([text.as_bytes()], 100),
            (expected.iter().map(ToString::to_string).collect(), None)
        );
    }
}

#[test]
fn a_row_of_just_the_limit_is_read_and_one_byte_more_is_not() {
    for split in [1, 3, 100] {
        let fits = decode(b"1\n1234567\n".chunks(split), 7);
        assert_eq!(fits, (vec!["1".into(), "1234567".into()], None));
        let too_large = decode(b"1\n12345678\n2\n".chunks(split), 7);
        assert_eq!(too_large, (vec!["1".into()], Some(ErrorKind::TooLarge)));
        let endless = decode(b"1\n12345678".chunks(split), 7);
        assert_eq!(endless, (vec!["1".into()], Some(ErrorKind::TooLarge)));
    }
}

#[tokio::test]
async fn a_body_that_breaks_gives_the_rows_before_it_and_its_failure() {
    let broken = || Error::new(ErrorKind::Incomplete, Phase::Body, "it broke");
    let body = stream::iter([Ok(Bytes::from("1\n2\n3")), Err(broken())]);
    let read: Vec<_> = rows(Box::pin(body), 100).collect().await;
    let row = |data: &str| Event { data: data.into(), ..Event::default() };
    assert_eq!(read[0].as_ref().unwrap(), &[row("1"), row("2")]);
    assert_eq!(read[1].as_ref().unwrap_err().kind(), ErrorKind::IncompleteStream);
    assert_eq!(read.len(), 2);
}

proptest! {
    #[test]
    fn rows_are_the_same_however_their_bytes_are_split(
        lines in prop::collection::vec("[ -~é\u{2028}]{0,12}", 0..12),
        ends in prop::collection::vec(prop_oneof!["\n", "\r\n"], 12),
        cuts in prop::collection::vec(1_usize..9, 1..40),
        last in any::<bool>(),
    ) {
        let mut text = String::new();
        for (place, (line, end)) in lines.iter().zip(&ends).enumerate() {
            text.push_str(line);
            if last || place + 1 < lines.len() {
                text.push_str(end);
            }
        }
        let mut pieces = Vec::new();
        let mut rest = text.as_bytes();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        let blank = |c: char| c.is_ascii_whitespace();
        let expected: Vec<_> =
            lines.iter().map(|line| line.trim_matches(blank).to_owned()).filter(|line| !line.is_empty()).collect();
        prop_assert_eq!(decode(pieces, 1 << 10), (expected, None));
    }
}
