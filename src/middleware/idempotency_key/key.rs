//! How a key is written.

/// The number as a UUID of version 4: all of it but the six bits that say so.
pub(super) fn written(number: u128) -> String {
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0b11 << 62;
    let number = (number & !VERSION & !VARIANT) | (0x4 << 76) | (0b10 << 62);
    let digits = format!("{number:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_uuid_of_version_4() {
        assert_eq!(written(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(written(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(
            written(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
            "01234567-89ab-4def-8123-456789abcdef"
        );
    }
}
