//! Brotli of the plainest kind (RFC 7932 §9.2): every block is stored, none compressed.
//!
//! A decoder cannot tell the difference, and the library that compresses would be a tenth of the package.

/// The most bytes that a stored block holds when its length is written in four nibbles.
const LARGEST: usize = 1 << 16;
/// `ISLAST` and `ISLASTEMPTY`.
const LAST: u8 = 0b11;

/// Blocks begin and end at whole bytes, so that each is complete as soon as it is written.
#[derive(Debug, Default)]
pub(in super::super) struct Stored {
    begun: bool,
}

impl Stored {
    pub(super) fn put(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 8);
        for block in bytes.chunks(LARGEST) {
            // From the lowest bit: `ISLAST` 0, `MNIBBLES` 00, `MLEN - 1` in 16 bits, `ISUNCOMPRESSED` 1.
            let length = u32::try_from(block.len() - 1).unwrap_or_default();
            let mut header = (length << 3) | (1 << 19);
            if !self.begun {
                self.begun = true;
                // `WBITS` 0: a window of 64 KiB.
                header <<= 1;
            }
            out.extend_from_slice(&header.to_le_bytes()[..3]);
            out.extend_from_slice(block);
        }
        out
    }

    pub(super) fn finish(&mut self) -> Vec<u8> {
        vec![if std::mem::replace(&mut self.begun, true) { LAST } else { LAST << 1 }]
    }
}
