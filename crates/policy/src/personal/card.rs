//! Payment cards: Luhn's checksum (ISO/IEC 7812-1), the issuers' ranges and lengths, and the usual
//! groups.

use super::{
    Kind,
    number::{Number, begins, ends},
    scan::Scan,
};

/// Looks for a card that begins here.
pub(super) fn card(scan: &mut Scan<'_>, number: &Number) {
    if !begins(scan.bytes, number.start) {
        return;
    }
    for cut in number.cuts() {
        let plain = number.plain(cut);
        let Some(digits) = number.digits(cut).filter(|_| (12..=19).contains(&plain.len())) else {
            continue;
        };
        let fits = ends(scan.bytes, cut.end) && is_grouped(number.shape(cut)) && is_issued(plain);
        if fits && luhn(digits) {
            scan.add(Kind::Card, number.start..cut.end);
            return;
        }
    }
}

/// Returns true if the groups are those on a card.
fn is_grouped(shape: &[u8]) -> bool {
    let Some(separator) = shape.iter().copied().find(|byte| *byte != b'9') else { return true };
    let groups = shape.split(|byte| *byte == separator);
    let sizes: Vec<usize> = groups.map(<[u8]>::len).collect();
    let only = shape.iter().all(|byte| *byte == b'9' || *byte == separator);
    let fits = matches!(
        *sizes,
        [4, 4, 4, 4]
            | [4, 6, 5]
            | [4, 6, 4]
            | [4, 4, 4, 4, 3]
            | [4, 4, 4, 4, 2]
            | [4, 4, 4, 4, 1]
            | [4, 4, 4, 3]
            | [4, 4, 4, 1]
            | [4, 4, 4]
            | [6, 13]
            | [8, 8]
            | [4, 4, 5]
            | [4, 4, 4, 2]
    );
    only && fits && matches!(separator, b' ' | b'-' | b'.')
}

/// Returns true if an issuer gives out numbers that begin so, in this length.
fn is_issued(plain: &[u8]) -> bool {
    let prefix = |length: usize| {
        let digits = plain.iter().take(length);
        digits.fold(0, |sum: u32, digit| sum * 10 + u32::from(digit - b'0'))
    };
    let (two, three, four, six) = (prefix(2), prefix(3), prefix(4), prefix(6));
    let length = plain.len();
    match length {
        12 => matches!(four, 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763 | 604),
        13 => two / 10 == 4,
        14 => matches!(two, 36 | 38 | 39) || matches!(three, 300..=305 | 309),
        15 => matches!(two, 34 | 37) || matches!(four, 1800 | 2131),
        _ => {
            let sixteen = match two {
                40..=49 => length == 16 || length == 19,
                51..=55 => length == 16,
                22..=27 => length == 16 && (matches!(four, 2221..=2720 | 2200..=2204)),
                35 => (3528..=3589).contains(&four),
                36 | 38 | 39 | 30 => true,
                62 | 81 | 82 => true,
                50 | 56..=61 | 63..=69 => true,
                _ => four == 9792,
            };
            sixteen || (622_126..=622_925).contains(&six)
        }
    }
}

/// Luhn's checksum.
pub(super) fn luhn(digits: impl DoubleEndedIterator<Item = u32>) -> bool {
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(place, digit)| match place % 2 {
            0 => digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    sum.is_multiple_of(10) && sum > 0
}
