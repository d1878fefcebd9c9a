//! Is this deterministic CBOR? Checked over the whole input before anything is built from it.

use crate::limits::MAX_DEPTH;

/// Exactly one item in its one spelling, and nothing after it.
pub(crate) fn check(bytes: &[u8]) -> Result<(), &'static str> {
    let rest = item(bytes, MAX_DEPTH)?;
    if rest.is_empty() {
        Ok(())
    } else {
        Err("bytes after the end")
    }
}

/// Checks the item at the start and returns what comes after it.
fn item(bytes: &[u8], depth: usize) -> Result<&[u8], &'static str> {
    let (major, value, rest) = head(bytes)?;
    match major {
        0 | 1 => Ok(rest),
        2 => Ok(take(rest, value)?.1),
        3 => {
            let (text, rest) = take(rest, value)?;
            std::str::from_utf8(text).map_err(|_| "text that is not UTF-8")?;
            Ok(rest)
        }
        4 => {
            let depth = depth.checked_sub(1).ok_or("nested too deeply")?;
            items(rest, value, depth)
        }
        5 => {
            let depth = depth.checked_sub(1).ok_or("nested too deeply")?;
            pairs(rest, value, depth)
        }
        7 if matches!(value, 20 | 21) => Ok(rest),
        _ => Err("a tag, null, float or simple value"),
    }
}

fn items(mut rest: &[u8], count: u64, depth: usize) -> Result<&[u8], &'static str> {
    fits(count, 1, rest)?;
    for _ in 0..count {
        rest = item(rest, depth)?;
    }
    Ok(rest)
}

fn pairs(mut rest: &[u8], count: u64, depth: usize) -> Result<&[u8], &'static str> {
    fits(count, 2, rest)?;
    let mut before: &[u8] = &[];
    for _ in 0..count {
        let after_key = item(rest, depth)?;
        let (key, _) = take(rest, (rest.len() - after_key.len()) as u64)?;
        // Bytewise order (RFC 8949, section 4.2.1); equal keys are a repetition.
        if key <= before {
            return Err("map keys unsorted or repeated");
        }
        before = key;
        rest = item(after_key, depth)?;
    }
    Ok(rest)
}

/// Each element takes at least `each` bytes, so more elements than that is a lie about the length.
fn fits(count: u64, each: u64, rest: &[u8]) -> Result<(), &'static str> {
    match count.checked_mul(each) {
        Some(least) if least <= rest.len() as u64 => Ok(()),
        _ => Err("a length beyond the end"),
    }
}

/// Major type, value and what follows the head; only the shortest form of a value is taken.
fn head(bytes: &[u8]) -> Result<(u8, u64, &[u8]), &'static str> {
    let (first, rest) = bytes.split_first().ok_or("cut short")?;
    let (major, info) = (first >> 5, first & 31);
    let (width, least) = match info {
        0..=23 => return Ok((major, u64::from(info), rest)),
        // Floats, and simple values in two bytes.
        24..=27 if major == 7 => return Err("a tag, null, float or simple value"),
        24 => (1, 24),
        25 => (2, 1 << 8),
        26 => (4, 1 << 16),
        27 => (8, 1 << 32),
        _ => return Err("an indefinite length"),
    };
    let (number, rest) = take(rest, width)?;
    let value = number
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte));
    if value < least {
        return Err("a number not in its shortest form");
    }
    Ok((major, value, rest))
}

fn take(bytes: &[u8], len: u64) -> Result<(&[u8], &[u8]), &'static str> {
    usize::try_from(len)
        .ok()
        .and_then(|len| bytes.split_at_checked(len))
        .ok_or("a length beyond the end")
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn takes_the_one_spelling_of_each_kind() {
        for good in [
            "00",
            "17",
            "1818",
            "190100",
            "1a00010000",
            "1b0000000100000000",
            "20",
            "40",
            "60",
            "80",
            "a0",
            "f4",
            "f5",
            "a200010101",
            "4161",
            "6161",
            "8201a0",
        ] {
            check(&bytes(good)).unwrap_or_else(|why| panic!("{good}: {why}"));
        }
    }

    #[test]
    fn refuses_every_other_spelling() {
        for bad in [
            "",
            "1817",
            "1900ff",
            "1a0000ffff",
            "1b00000000ffffffff",
            "5800",
            "5f4161ff",
            "9f00ff",
            "bf0000ff",
            "a201000000",
            "a200000001",
            "f6",
            "f7",
            "f820",
            "f93c00",
            "fa3f800000",
            "c000",
            "61ff",
            "42ff",
            "0000",
            "9bffffffffffffffff",
            "bb7fffffffffffffff",
            "5bffffffffffffffff",
            "1c",
            "ff",
        ] {
            assert!(check(&bytes(bad)).is_err(), "{bad}");
        }
        assert!(check(&[0x81; 400]).is_err());
        let mut deep = vec![0x81; super::MAX_DEPTH];
        deep.push(0);
        check(&deep).unwrap();
        deep.insert(0, 0x81);
        assert_eq!(check(&deep), Err("nested too deeply"));
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }
}
