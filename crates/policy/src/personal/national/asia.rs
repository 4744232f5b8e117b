//! Numbers of Asia, Africa and Oceania.

use super::{
    Id,
    digits::{at, is_date, is_monotone, luhn, number, verhoeff, weighed},
};

pub(super) const IDS: &[Id] = &[
    Id { country: "cn", forms: &["!999999999999999999", "!99999999999999999A"], check: resident },
    Id { country: "tw", forms: &["!A999999999"], check: taiwan },
    Id {
        country: "hk",
        forms: &["!A999999(9", "!A999999(A", "!AA999999(9", "!AA999999(A", "A9999999"],
        check: hong_kong,
    },
    Id { country: "sg", forms: &["!A9999999A"], check: nric },
    Id { country: "my", forms: &["!999999-99-9999", "999999999999"], check: mykad },
    Id {
        country: "th",
        forms: &["!9-9999-99999-99-9", "9 9999 99999 99 9", "9999999999999"],
        check: thai,
    },
    Id { country: "kr", forms: &["!999999-9999999", "9999999999999"], check: rrn },
    Id {
        country: "jp",
        forms: &["9999 9999 9999", "9999-9999-9999", "999999999999"],
        check: my_number,
    },
    Id { country: "id", forms: &["9999999999999999"], check: nik },
    Id {
        country: "in",
        forms: &["!9999 9999 9999", "9999-9999-9999", "999999999999"],
        check: aadhaar,
    },
    Id { country: "in", forms: &["!AAAAA9999A"], check: pan },
    Id { country: "pk", forms: &["!99999-9999999-9"], check: cnic },
    Id { country: "kz", forms: &["999999999999"], check: iin },
    Id { country: "il", forms: &["999999999", "99999999-9"], check: israel },
    Id {
        country: "za",
        forms: &["9999999999999", "999999 9999 999", "999999 9999 99 9"],
        check: south_africa,
    },
    Id { country: "au", forms: &["999 999 999", "999-999-999", "999999999"], check: tfn },
    Id { country: "au", forms: &["99 999 999 999", "99999999999"], check: abn },
    Id { country: "au", forms: &["!9999 99999 9", "9999999999"], check: medicare },
    Id {
        country: "nz",
        forms: &["99-999-999", "999-999-999", "99999999", "999999999"],
        check: ird,
    },
];

fn resident(plain: &[u8]) -> bool {
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let check = b"10X98765432".get((weighed(plain, &weights) % 11) as usize);
    (1880..=2100).contains(&number(plain, 6, 10))
        && is_date(number(plain, 12, 14), number(plain, 10, 12))
        && matches!(at(plain, 0), 1..=9)
        && check == plain.get(17)
}

fn taiwan(plain: &[u8]) -> bool {
    let Some(letter) = plain.first() else { return false };
    let order = b"ABCDEFGHJKLMNPQRSTUVXYWZIO".iter().position(|one| one == letter);
    let Some(code) = order.and_then(|order| u32::try_from(order + 10).ok()) else { return false };
    let sum = code / 10 + code % 10 * 9 + weighed(plain, &[0, 8, 7, 6, 5, 4, 3, 2, 1, 1]);
    matches!(at(plain, 1), 1 | 2 | 8 | 9) && sum.is_multiple_of(10)
}

fn hong_kong(plain: &[u8]) -> bool {
    let letters = plain.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let value = |byte: &u8| match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        letter => u32::from(letter.saturating_sub(b'A')) + 10,
    };
    let space = if letters == 1 { 36 * 9 } else { 0 };
    let weights = if letters == 1 { 8 } else { 9 };
    let body = plain.len().saturating_sub(1);
    let sum: u32 =
        plain.iter().take(body).zip((2..=weights).rev()).map(|(byte, by)| value(byte) * by).sum();
    let check = plain.last().map_or(99, |byte| match byte {
        b'A' => 10,
        other => u32::from(other.saturating_sub(b'0')),
    });
    (1..=2).contains(&letters) && (space + sum + check).is_multiple_of(11)
}

fn nric(plain: &[u8]) -> bool {
    let first = plain.first().copied().unwrap_or(0);
    let more = match first {
        b'T' | b'G' => 4,
        b'M' => 3,
        _ => 0,
    };
    let sum = ((0..7).zip([2, 7, 6, 5, 4, 3, 2]).map(|(place, by)| at(plain, place + 1) * by))
        .sum::<u32>();
    let place = ((sum + more) % 11) as usize;
    let letter = match first {
        b'S' | b'T' => b"JZIHGFEDCBA".get(place),
        b'F' | b'G' => b"XWUTRQPNMLK".get(place),
        b'M' => b"KLJNPQRTUWX".get(10 - place),
        _ => None,
    };
    letter.is_some() && letter == plain.get(8)
}

/// No checksum: a date and the code of a state.
fn mykad(plain: &[u8]) -> bool {
    let state = number(plain, 6, 8);
    is_date(number(plain, 4, 6), number(plain, 2, 4))
        && !matches!(state, 0 | 17..=20 | 69 | 70 | 73 | 80 | 81 | 94..=97)
}

fn thai(plain: &[u8]) -> bool {
    let sum = weighed(plain, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    matches!(at(plain, 0), 1..=8) && (11 - sum % 11) % 10 == at(plain, 12)
}

/// Since 2020 without a checksum.
fn rrn(plain: &[u8]) -> bool {
    is_date(number(plain, 4, 6), number(plain, 2, 4)) && matches!(at(plain, 6), 1..=8)
}

fn my_number(plain: &[u8]) -> bool {
    let rest = weighed(plain, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    (if rest < 2 { 0 } else { 11 - rest }) == at(plain, 11) && !is_monotone(plain)
}

/// No checksum: a date; women add 40 to the day.
fn nik(plain: &[u8]) -> bool {
    let day = number(plain, 6, 8);
    let day = if day > 40 { day - 40 } else { day };
    (11..=94).contains(&number(plain, 0, 2)) && is_date(day, number(plain, 8, 10))
}

fn aadhaar(plain: &[u8]) -> bool {
    matches!(at(plain, 0), 2..=9) && verhoeff(plain)
}

fn pan(plain: &[u8]) -> bool {
    plain.get(3).is_some_and(|byte| b"ABCFGHLJPT".contains(byte)) && number(plain, 5, 9) > 0
}

/// No checksum: the last digit is the sex.
fn cnic(plain: &[u8]) -> bool {
    matches!(at(plain, 0), 1..=7) && !is_monotone(plain)
}

fn iin(plain: &[u8]) -> bool {
    let first = weighed(plain, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) % 11;
    let second = weighed(plain, &[3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]) % 11;
    let check = if first == 10 { second } else { first };
    is_date(number(plain, 4, 6), number(plain, 2, 4)) && check == at(plain, 11)
}

fn israel(plain: &[u8]) -> bool {
    luhn(plain) && !is_monotone(plain)
}

fn south_africa(plain: &[u8]) -> bool {
    is_date(number(plain, 4, 6), number(plain, 2, 4)) && at(plain, 10) < 3 && luhn(plain)
}

fn tfn(plain: &[u8]) -> bool {
    weighed(plain, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11) && !is_monotone(plain)
}

fn abn(plain: &[u8]) -> bool {
    let sum = weighed(plain, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    sum >= 10 && (sum - 10).is_multiple_of(89)
}

fn medicare(plain: &[u8]) -> bool {
    let check = weighed(plain, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10;
    matches!(at(plain, 0), 2..=6) && check == at(plain, 8)
}

fn ird(plain: &[u8]) -> bool {
    let mut whole = plain.to_vec();
    if whole.len() == 8 {
        whole.insert(0, b'0');
    }
    let check = |weights: &[u32]| (11 - weighed(&whole, weights) % 11) % 11;
    let first = check(&[3, 2, 7, 6, 5, 4, 3, 2]);
    let check = if first == 10 { check(&[7, 4, 3, 2, 5, 2, 7, 6]) } else { first };
    (10_000_000..150_000_000).contains(&number(&whole, 0, 9)) && check == at(&whole, 8)
}
