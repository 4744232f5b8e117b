//! International bank account numbers: ISO 13616 lengths, ISO 7064 remainder.

use super::{Kind, bytes::is_alnum, scan::Scan};

/// Looks for an account number that begins here.
pub(super) fn iban(scan: &mut Scan<'_>, start: usize) {
    let bytes = scan.bytes;
    let head = bytes.slice(start..start + 4);
    let [first, second, third, fourth] = *head else { return };
    let letters = first.is_ascii_alphabetic() && second.is_ascii_alphabetic();
    if !letters || !third.is_ascii_digit() || !fourth.is_ascii_digit() {
        return;
    }
    let country = [first.to_ascii_uppercase(), second.to_ascii_uppercase()];
    let Some((_, length)) = LENGTHS.iter().find(|(code, _)| code.as_bytes() == country) else {
        return;
    };
    let mut plain = Vec::with_capacity(40);
    let mut at = start;
    while plain.len() < *length {
        let byte = bytes.at(at);
        let separator = matches!(byte, b' ' | b'-' | b'.') && is_alnum(bytes.at(at + 1));
        match byte {
            byte if is_alnum(byte) => plain.push(byte.to_ascii_uppercase()),
            _ if separator && at > start => {}
            _ => return,
        }
        at += 1;
    }
    scan.work += at - start;
    if !is_alnum(bytes.at(at)) && remainder(&plain) == 1 {
        scan.add(Kind::Iban, start..at);
    }
}

/// The remainder of the number, its first four characters at its end, by 97.
fn remainder(plain: &[u8]) -> u32 {
    let (head, tail) = plain.split_at(plain.len().min(4));
    tail.iter().chain(head).fold(0, |sum, byte| match byte {
        b'0'..=b'9' => (sum * 10 + u32::from(byte - b'0')) % 97,
        letter => (sum * 100 + u32::from(letter.saturating_sub(b'A')) + 10) % 97,
    })
}

/// The lengths by country (SWIFT's IBAN registry).
const LENGTHS: &[(&str, usize)] = &[
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HN", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];
