//! Writes lines to a pipe that may be full: Node makes its own pipes non-blocking, and ours with them.

use std::{
    io::{ErrorKind, Write},
    thread,
    time::Duration,
};

/// What a pipe takes whole or not at all (POSIX allows as little as 512; Linux and macOS have no less than this in
/// practice), so that no line is cut in two by those of others.
const PIECE: usize = 4096;

/// How long a full pipe is left alone.
const PAUSE: Duration = Duration::from_millis(4);

/// Writes the text, which ends with a line; says how many lines of it were lost.
pub(super) fn write(out: &mut impl Write, text: &str) -> u64 {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match out.write(&rest[..piece(rest)]) {
            // It takes no more, ever.
            Ok(0) => return lines(rest),
            Ok(written) => rest = &rest[written..],
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => thread::sleep(PAUSE),
                ErrorKind::Interrupted => {}
                _ => return lines(rest),
            },
        }
    }
    0
}

/// As many whole lines as fit, or as much of one.
fn piece(text: &[u8]) -> usize {
    let most = text.len().min(PIECE);
    text[..most].iter().rposition(|byte| *byte == b'\n').map_or(most, |end| end + 1)
}

fn lines(text: &[u8]) -> u64 {
    let breaks = memchr::memchr_iter(b'\n', text).count();
    u64::try_from(breaks).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// A pipe that is full every other time, and breaks after so many bytes.
    struct Pipe {
        taken: Vec<Vec<u8>>,
        full: bool,
        breaks_after: usize,
    }

    impl Write for Pipe {
        fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
            self.full = !self.full;
            if self.full {
                return Err(ErrorKind::WouldBlock.into());
            }
            if self.taken.concat().len() >= self.breaks_after {
                return Err(ErrorKind::BrokenPipe.into());
            }
            self.taken.push(piece.to_vec());
            Ok(piece.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn pipe(breaks_after: usize) -> Pipe {
        Pipe { taken: Vec::new(), full: false, breaks_after }
    }

    #[test]
    fn a_full_pipe_is_waited_for_and_gets_whole_lines_in_pieces_that_it_takes_at_once() {
        let lines = (0..2000).map(|n| format!("{{\"line\":{n}}}\n")).collect::<Vec<_>>().concat();
        let mut pipe = pipe(usize::MAX);
        assert_eq!(write(&mut pipe, &lines), 0);
        assert_eq!(pipe.taken.concat(), lines.as_bytes());
        assert!(pipe.taken.iter().all(|piece| piece.len() <= PIECE && piece.ends_with(b"\n")));
    }

    #[test]
    fn a_line_that_is_longer_than_a_piece_is_written_whole() {
        let lines = format!("a\n{}\nb\n", "x".repeat(10_000));
        let mut pipe = pipe(usize::MAX);
        assert_eq!(write(&mut pipe, &lines), 0);
        assert_eq!(pipe.taken.concat(), lines.as_bytes());
        assert!(pipe.taken.iter().all(|piece| piece.len() <= PIECE));
    }

    #[test]
    fn what_a_broken_pipe_did_not_take_is_counted_by_lines() {
        let lines = format!("{}\nb\nc\n", "x".repeat(PIECE));
        assert_eq!(write(&mut pipe(PIECE), &lines), 3);
        assert_eq!(write(&mut pipe(0), "a\nb\n"), 2);
    }
}
