//! Arithmetic for checksums.

/// Returns the value of the digit at a place; letters have none.
pub(super) fn at(plain: &[u8], place: usize) -> u32 {
    let byte = plain.get(place).copied().filter(u8::is_ascii_digit);
    byte.map_or(0, |byte| u32::from(byte - b'0'))
}

/// Returns the number between two places.
pub(super) fn number(plain: &[u8], from: usize, to: usize) -> u32 {
    (from..to).fold(0, |sum, place| sum.wrapping_mul(10).wrapping_add(at(plain, place)))
}

/// Returns the same for long numbers.
pub(super) fn long(plain: &[u8], from: usize, to: usize) -> u64 {
    (from..to).fold(0, |sum, place| sum * 10 + u64::from(at(plain, place)))
}

/// Returns the sum of the digits, each by its weight.
pub(super) fn weighed(plain: &[u8], weights: &[u32]) -> u32 {
    weights.iter().enumerate().map(|(place, weight)| at(plain, place) * weight).sum()
}

/// Returns true if all digits are the same.
pub(super) fn is_monotone(plain: &[u8]) -> bool {
    plain.windows(2).all(|pair| matches!(pair, [one, two] if one == two))
}

/// Returns true if day and month exist.
pub(super) fn is_date(day: u32, month: u32) -> bool {
    (1..=12).contains(&month) && (1..=31).contains(&day)
}

/// Luhn's checksum.
pub(super) fn luhn(plain: &[u8]) -> bool {
    crate::personal::card::luhn((0..plain.len()).map(|place| at(plain, place)))
}

/// ISO 7064 mod 11,10.
pub(super) fn mod_11_10(plain: &[u8]) -> bool {
    let body = plain.len().saturating_sub(1);
    let product = (0..body).fold(10, |product, place| {
        let sum = (product + at(plain, place)) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (product + at(plain, body)) % 10 == 1
}

/// Verhoeff's checksum.
pub(super) fn verhoeff(plain: &[u8]) -> bool {
    let check = (0..plain.len()).rev().enumerate().fold(0, |check, (turn, place)| {
        let turned = (0..turn % 8).fold(at(plain, place), |digit, _| turn_digit(digit));
        dihedral(check, turned)
    });
    check == 0 && !is_monotone(plain)
}

/// The permutation (1 5 8 9 4 2 7 0)(3 6).
fn turn_digit(digit: u32) -> u32 {
    match digit {
        0 => 1,
        1 => 5,
        2 => 7,
        3 => 6,
        4 => 2,
        5 => 8,
        6 => 3,
        7 => 0,
        8 => 9,
        _ => 4,
    }
}

/// The product in the group of the symmetries of a pentagon.
fn dihedral(one: u32, two: u32) -> u32 {
    match (one < 5, two < 5) {
        (true, true) => (one + two) % 5,
        (true, false) => (one + two - 5) % 5 + 5,
        (false, true) => (one - two + 5) % 5 + 5,
        (false, false) => (one + 5 - two) % 5,
    }
}
