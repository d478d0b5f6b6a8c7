//! Sizes in bytes: `64MB`, `1g`, `1.5GB`; a plain number is bytes; units count by 1024.

const EXPECTED: &str = "must be a size: a number and B, KB, MB, GB, TB or PB, such as 64MB";

/// Units as Java's `FormatUtils.parseSpaceSize` knows them (measured with 2.9.4: `1GiB` is 1 GB, there is no EB).
const UNITS: [(&str, u32); 6] = [("", 0), ("k", 10), ("m", 20), ("g", 30), ("t", 40), ("p", 50)];

/// Reads a number of bytes. A fraction of a byte is cut off.
pub fn size(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = unit.to_ascii_lowercase();
    let unit = unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(&unit);
    let shift = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, shift)| *shift).ok_or(EXPECTED)?;
    let number = number.strip_prefix('+').unwrap_or(number);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if number.starts_with('-') && digits(&number[1..]) {
        return Err("must not be negative".to_owned());
    }
    if whole.is_empty() && fraction.is_empty() || !digits(whole) || !digits(fraction) {
        return Err(EXPECTED.to_owned());
    }
    let bytes =
        whole_bytes(whole, shift).and_then(|bytes| bytes.checked_add(fraction_bytes(fraction, shift)));
    // Java holds sizes in a signed 64-bit number, and so does the wire format.
    match bytes {
        Some(bytes) if i64::try_from(bytes).is_ok() => Ok(bytes),
        _ => Err("is too large a size".to_owned()),
    }
}

fn whole_bytes(digits: &str, shift: u32) -> Option<u64> {
    let number = if digits.is_empty() { 0 } else { digits.parse::<u64>().ok()? };
    number.checked_mul(1 << shift)
}

/// The bytes of `0.<digits>` units. Digits after the 18th change nothing: 10^18 is more than a petabyte.
fn fraction_bytes(digits: &str, shift: u32) -> u64 {
    let mut number: u128 = 0;
    let mut scale: u128 = 1;
    for digit in digits.bytes().take(18) {
        number = number * 10 + u128::from(digit - b'0');
        scale *= 10;
    }
    // Below one unit, which is at most 2^50.
    u64::try_from((number << shift) / scale).unwrap_or(0)
}
