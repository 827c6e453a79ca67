//! A number in one spelling: digit by digit, never rounded.

/// Writes the number that this text is; nothing where it is none.
pub(super) fn write(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    // The usual case: a whole number, as everybody writes it.
    let is_plain = text.iter().all(u8::is_ascii_digit);
    if is_plain && text.first().is_some_and(|first| *first != b'0') && text.last() != Some(&b'0') {
        out.extend_from_slice(text);
        return Some(());
    }
    let Decimal { negative, digits, exponent } = Decimal::read(text)?;
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(&digits);
    if exponent != 0 {
        out.extend_from_slice(format!("e{exponent}").as_bytes());
    }
    Some(())
}

/// A number as its digits without zeros at either end, and the power of ten that they are multiplied with.
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    fn read(text: &[u8]) -> Option<Self> {
        let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(at) => (&text[..at], power(&text[at + 1..])?),
            None => (text, 0),
        };
        let (whole, fraction) = match mantissa.iter().position(|byte| *byte == b'.') {
            Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
            None => (mantissa, &b""[..]),
        };
        let is_written = !whole.is_empty()
            && (whole.len() == 1 || whole[0] != b'0')
            && whole.iter().chain(fraction).all(u8::is_ascii_digit)
            && (fraction.is_empty() == (whole.len() == mantissa.len()));
        is_written.then_some(())?;
        let mut digits: Vec<u8> =
            whole.iter().chain(fraction).copied().skip_while(|digit| *digit == b'0').collect();
        let mut exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        while digits.last() == Some(&b'0') {
            digits.pop();
            exponent = exponent.checked_add(1)?;
        }
        if digits.is_empty() {
            return Some(Self { negative: false, digits: vec![b'0'], exponent: 0 });
        }
        Some(Self { negative, digits, exponent })
    }
}

fn power(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"+").or_else(|| text.strip_prefix(b"-")).unwrap_or(text);
    (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit)).then_some(())?;
    std::str::from_utf8(text).ok()?.parse().ok()
}
