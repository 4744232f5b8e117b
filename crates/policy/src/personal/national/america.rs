//! Numbers of America.

use super::{
    Id,
    digits::{at, is_date, is_monotone, luhn, number, weighed},
};

pub(super) const IDS: &[Id] = &[
    Id {
        country: "us",
        forms: &["!999-99-9999", "999 99 9999", "999.99.9999", "999999999"],
        check: ssn,
    },
    Id { country: "npi", forms: &["9999999999"], check: npi },
    Id { country: "aba", forms: &["999999999"], check: aba },
    Id { country: "ca", forms: &["!999-999-999", "999 999 999", "999999999"], check: sin },
    Id { country: "br", forms: &["!999.999.999-99", "99999999999"], check: cpf },
    Id { country: "br", forms: &["!99.999.999/9999-99", "99999999999999"], check: cnpj },
    Id { country: "ar", forms: &["!99-99999999-9", "99999999999"], check: cuit },
    Id {
        country: "cl",
        forms: &[
            "!99.999.999-9",
            "!99.999.999-A",
            "!9.999.999-9",
            "!9.999.999-A",
            "99999999-9",
            "99999999-A",
            "9999999-9",
            "9999999-A",
            "999999999",
            "99999999A",
        ],
        check: rut,
    },
    Id { country: "uy", forms: &["9.999.999-9", "9999999-9", "99999999"], check: cedula_uy },
    Id { country: "ec", forms: &["9999999999", "999999999-9"], check: cedula_ec },
    Id { country: "mx", forms: &["!AAAA999999AAAAAA99", "!AAAA999999AAAAAAA9"], check: curp },
];

fn ssn(plain: &[u8]) -> bool {
    let (area, group, serial) = (number(plain, 0, 3), number(plain, 3, 5), number(plain, 5, 9));
    let security = area > 0 && area != 666 && area < 900 && group > 0;
    // The tax number of persons without a social security number.
    let taxpayer = area >= 900 && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99);
    serial > 0 && (security || taxpayer) && !is_monotone(plain)
}

fn npi(plain: &[u8]) -> bool {
    let mut whole = b"80840".to_vec();
    whole.extend_from_slice(plain);
    matches!(at(plain, 0), 1 | 2) && luhn(&whole)
}

fn aba(plain: &[u8]) -> bool {
    let prefix = number(plain, 0, 2);
    matches!(prefix, 1..=12 | 21..=32 | 61..=72 | 80)
        && weighed(plain, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

fn sin(plain: &[u8]) -> bool {
    !matches!(at(plain, 0), 0 | 8) && luhn(plain)
}

fn cpf(plain: &[u8]) -> bool {
    let check = |weights: &[u32]| weighed(plain, weights) * 10 % 11 % 10;
    check(&[10, 9, 8, 7, 6, 5, 4, 3, 2]) == at(plain, 9)
        && check(&[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) == at(plain, 10)
        && !is_monotone(plain)
}

fn cnpj(plain: &[u8]) -> bool {
    let check = |weights: &[u32]| match weighed(plain, weights) % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    };
    check(&[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) == at(plain, 12)
        && check(&[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) == at(plain, 13)
        && !is_monotone(plain)
}

fn cuit(plain: &[u8]) -> bool {
    let check = (11 - weighed(plain, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    let kind = matches!(number(plain, 0, 2), 20 | 23 | 24 | 27 | 30 | 33 | 34 | 50 | 51 | 55);
    kind && (if check == 10 { 9 } else { check }) == at(plain, 10)
}

fn rut(plain: &[u8]) -> bool {
    let Some((check, body)) = plain.split_last() else { return false };
    let weights = [2, 3, 4, 5, 6, 7].into_iter().cycle();
    let sum: u32 =
        body.iter().rev().zip(weights).map(|(byte, by)| u32::from(byte - b'0') * by).sum();
    let expected = match 11 - sum % 11 {
        10 => b'K',
        11 => b'0',
        digit => b'0' + u8::try_from(digit).unwrap_or(0),
    };
    expected == *check && number(body, 0, body.len()) > 1_000_000
}

fn cedula_uy(plain: &[u8]) -> bool {
    weighed(plain, &[2, 9, 8, 7, 6, 3, 4, 1]).is_multiple_of(10) && !is_monotone(plain)
}

fn cedula_ec(plain: &[u8]) -> bool {
    let province = matches!(number(plain, 0, 2), 1..=24 | 30 | 50);
    province && at(plain, 2) < 6 && luhn(plain)
}

fn curp(plain: &[u8]) -> bool {
    let value = |byte: u8| match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        // The alphabet has a letter more after N.
        b'A'..=b'N' => u32::from(byte - b'A') + 10,
        letter => u32::from(letter.saturating_sub(b'A')) + 11,
    };
    let sum: u32 =
        plain.iter().take(17).zip((2..=18).rev()).map(|(byte, weight)| value(*byte) * weight).sum();
    let sex = plain.get(10).is_some_and(|byte| b"HMX".contains(byte));
    sex && is_date(number(plain, 8, 10), number(plain, 6, 8))
        && (10 - sum % 10) % 10 == at(plain, 17)
}
