//! The two changes of form between what people's keys look like and what the signer takes.

use zeroize::Zeroizing;

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// The algorithm of a key on P-256: `id-ecPublicKey` with `prime256v1`.
const P256: [u8; 21] = [
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07,
];

/// The key within a PKCS#8 envelope, as RSA is signed with.
pub(super) fn unwrapped(pkcs8: &[u8]) -> Option<&[u8]> {
    let (info, _) = element(SEQUENCE, pkcs8)?;
    let (_version, rest) = element(INTEGER, info)?;
    let (_algorithm, rest) = element(SEQUENCE, rest)?;
    let (key, _attributes) = element(OCTETS, rest)?;
    Some(key)
}

/// A SEC1 key of P-256 in a PKCS#8 envelope, as ECDSA is signed with.
pub(super) fn wrapped(sec1: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut info = Zeroizing::new(vec![INTEGER, 1, 0]);
    info.extend_from_slice(&P256);
    info.extend_from_slice(&written(OCTETS, sec1));
    written(SEQUENCE, &info)
}

/// An element's content and what follows it.
fn element(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = input.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f)).filter(|(b, _)| b.len() <= 4)?;
        (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    (found == tag).then(|| rest.split_at_checked(length)).flatten()
}

fn written(tag: u8, content: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().position(|byte| *byte != 0).unwrap_or(length.len() - 1)..];
    let mut element = Zeroizing::new(Vec::with_capacity(content.len() + 2 + length.len()));
    element.push(tag);
    if content.len() >= 0x80 {
        element.push(0x80 | u8::try_from(length.len()).unwrap_or_default());
    }
    element.extend_from_slice(length);
    element.extend_from_slice(content);
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_wrapped_is_unwrapped_again_whatever_its_length() {
        for length in [0, 1, 92, 93, 127, 128, 255, 256, 70_000] {
            let key = vec![7; length];
            assert_eq!(unwrapped(&wrapped(&key)), Some(&key[..]), "{length} bytes");
        }
    }

    #[test]
    fn what_is_cut_short_or_something_else_is_no_key() {
        let whole = wrapped(&[7; 300]);
        for length in 0..whole.len() {
            assert_eq!(unwrapped(&whole[..length]), None, "{length} bytes of it");
        }
        for other in
            [&b"\x04\x01\x00"[..], b"\x30\x80", b"\x30\x85\xff\xff\xff\xff\xff", b"\x30\x84\xff\xff\xff\xff"]
        {
            assert_eq!(unwrapped(other), None, "{other:?}");
        }
    }
}
