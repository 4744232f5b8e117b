//! Numbers of Europe.

use super::{
    Id,
    digits::{at, is_date, is_monotone, long, luhn, mod_11_10, number, verhoeff, weighed},
};

pub(super) const IDS: &[Id] = &[
    Id { country: "gb", forms: &["999 999 9999", "999-999-9999", "9999999999"], check: nhs },
    Id {
        country: "gb",
        forms: &["!AA999999A", "!AA 99 99 99 A", "!AA 999999 A", "!AA-99-99-99-A"],
        check: nino,
    },
    Id { country: "ie", forms: &["9999999A", "9999999AA"], check: pps },
    Id { country: "de", forms: &["99 999 999 999", "99999999999"], check: steuer_id },
    Id { country: "de", forms: &["!99 999999 A 999", "!99999999A999"], check: rentenversicherung },
    Id { country: "at", forms: &["9999 999999", "9999-999999", "9999999999"], check: svnr },
    Id {
        country: "ch",
        forms: &["!999.9999.9999.99", "!999 9999 9999 99", "!9999999999999"],
        check: ahv,
    },
    Id {
        country: "fr",
        forms: &[
            "!9 99 99 99 999 999 99",
            "!999999999999999",
            "!9 99 99 9A 999 999 99",
            "!999999A99999999",
        ],
        check: nir,
    },
    Id {
        country: "es",
        forms: &["!99999999A", "!99999999-A", "!99.999.999-A", "99999999 A"],
        check: nif,
    },
    Id {
        country: "es",
        forms: &["!A9999999A", "!A-9999999-A", "!A9999999-A", "!A-9999999A"],
        check: nie,
    },
    Id {
        country: "it",
        forms: &["!AAAAAA99A99A999A", "!AAA AAA 99A99 A999A"],
        check: codice_fiscale,
    },
    Id { country: "pt", forms: &["999 999 999", "999999999"], check: nif_pt },
    Id {
        country: "nl",
        forms: &["999999999", "9999.99.999", "9999 99 999", "999 999 999"],
        check: bsn,
    },
    Id {
        country: "be",
        forms: &["!99.99.99-999.99", "99 99 99 999 99", "99.99.99.999.99", "!99999999999"],
        check: rijksregister,
    },
    Id { country: "lu", forms: &["!9999999999999", "9999 9999 99999"], check: matricule },
    Id {
        country: "se",
        forms: &["!999999-9999", "!99999999-9999", "9999999999", "999999999999"],
        check: personnummer,
    },
    Id { country: "no", forms: &["!999999 99999", "!99999999999"], check: fodselsnummer },
    Id { country: "dk", forms: &["!999999-9999", "9999999999"], check: cpr },
    Id {
        country: "fi",
        forms: &["!999999-999A", "!999999-9999", "!999999A999A", "!999999A9999"],
        check: hetu,
    },
    Id { country: "is", forms: &["!999999-9999", "9999999999"], check: kennitala },
    Id { country: "ee", forms: &["99999999999"], check: isikukood },
    Id { country: "lt", forms: &["99999999999"], check: isikukood },
    Id { country: "lv", forms: &["!999999-99999", "99999999999"], check: personas_kods },
    Id { country: "pl", forms: &["99999999999"], check: pesel },
    Id { country: "pl", forms: &["!999-999-99-99", "999-99-99-999", "9999999999"], check: nip },
    Id { country: "cz", forms: &["!999999/9999", "9999999999"], check: rodne_cislo },
    Id { country: "sk", forms: &["999999/9999", "9999999999"], check: rodne_cislo },
    Id { country: "hu", forms: &["999 999 999", "999-999-999", "999999999"], check: taj },
    Id { country: "hu", forms: &["9999999999"], check: adoazonosito },
    Id { country: "ro", forms: &["9999999999999"], check: cnp },
    Id { country: "bg", forms: &["9999999999"], check: egn },
    Id { country: "hr", forms: &["99999999999"], check: oib },
    Id { country: "rs", forms: &["9999999999999"], check: jmbg },
    Id { country: "si", forms: &["9999999999999"], check: jmbg },
    Id { country: "gr", forms: &["99999999999"], check: amka },
    Id { country: "gr", forms: &["999999999"], check: afm },
    Id { country: "tr", forms: &["99999999999"], check: tckn },
    Id {
        country: "ru",
        forms: &["!999-999-999 99", "!999-999-999-99", "99999999999"],
        check: snils,
    },
    Id { country: "ru", forms: &["999999999999"], check: inn },
    Id { country: "ua", forms: &["9999999999"], check: rnokpp },
];

fn nhs(plain: &[u8]) -> bool {
    let check = 11 - weighed(plain, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    check % 11 == at(plain, 9) && check != 10 && !is_monotone(plain)
}

fn nino(plain: &[u8]) -> bool {
    let [first, second, .., last] = plain else { return false };
    let pair = [*first, *second];
    !b"DFIQUV".contains(first)
        && !b"DFIQUVO".contains(second)
        && !matches!(&pair, b"BG" | b"GB" | b"KN" | b"NK" | b"NT" | b"TN" | b"ZZ")
        && (b'A'..=b'D').contains(last)
}

fn pps(plain: &[u8]) -> bool {
    let letter = plain.get(8).map_or(0, |byte| match byte {
        b'W' => 0,
        other => u32::from(other.saturating_sub(b'A')) + 1,
    });
    let sum = (weighed(plain, &[8, 7, 6, 5, 4, 3, 2]) + letter * 9) % 23;
    let check = plain.get(7).copied().unwrap_or(0);
    check == b"WABCDEFGHIJKLMNOPQRSTUV".get(sum as usize).copied().unwrap_or(1)
}

/// Of the first ten digits one stands twice or three times.
fn steuer_id(plain: &[u8]) -> bool {
    let count = |digit| (0..10).filter(|place| at(plain, *place) == digit).count();
    let counts: Vec<usize> = (0..10).map(count).collect();
    let repeated = counts.iter().filter(|count| **count > 1).count();
    let most = counts.iter().copied().max().unwrap_or(0);
    at(plain, 0) != 0 && repeated == 1 && most <= 3 && mod_11_10(plain)
}

fn rentenversicherung(plain: &[u8]) -> bool {
    let letter = plain.get(8).map_or(0, |byte| u32::from(byte.saturating_sub(b'A')) + 1);
    let before = (0..8).map(|place| at(plain, place));
    let digits = before.chain([letter / 10, letter % 10]).chain([at(plain, 9), at(plain, 10)]);
    let sum: u32 = digits
        .zip([2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1])
        .map(|(digit, weight)| digit * weight / 10 + digit * weight % 10)
        .sum();
    let day = number(plain, 2, 4);
    let day = if day > 50 { day - 50 } else { day };
    is_date(day, number(plain, 4, 6)) && sum % 10 == at(plain, 11)
}

fn svnr(plain: &[u8]) -> bool {
    let sum = weighed(plain, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11;
    at(plain, 0) != 0 && sum == at(plain, 3) && (1..=31).contains(&number(plain, 4, 6))
}

fn ahv(plain: &[u8]) -> bool {
    let sum = weighed(plain, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]);
    number(plain, 0, 3) == 756 && (10 - sum % 10) % 10 == at(plain, 12)
}

/// Corsica's departments 2A and 2B count as 19 and 18.
fn nir(plain: &[u8]) -> bool {
    let body = match plain.get(5..7) {
        Some(b"2A") => long(plain, 0, 5) * 100_000_000 + 19_000_000 + long(plain, 7, 13),
        Some(b"2B") => long(plain, 0, 5) * 100_000_000 + 18_000_000 + long(plain, 7, 13),
        Some(digits) if digits.iter().all(u8::is_ascii_digit) => long(plain, 0, 13),
        _ => return false,
    };
    let month = number(plain, 3, 5);
    matches!(at(plain, 0), 1..=4 | 7 | 8)
        && (matches!(month, 1..=12 | 20 | 30..=42 | 50..=99))
        && 97 - body % 97 == long(plain, 13, 15)
}

fn nif(plain: &[u8]) -> bool {
    is_letter(number(plain, 0, 8), plain.get(8))
}

fn nie(plain: &[u8]) -> bool {
    let first = match plain.first() {
        Some(b'X') => 0,
        Some(b'Y') => 1,
        Some(b'Z') => 2,
        // The older K, L and M have the letter of their digits.
        Some(b'K' | b'L' | b'M') => 0,
        _ => return false,
    };
    is_letter(first * 10_000_000 + number(plain, 1, 8), plain.get(8))
}

fn is_letter(number: u32, letter: Option<&u8>) -> bool {
    letter.is_some() && b"TRWAGMYFPDXBNJZSQVHLCKE".get((number % 23) as usize) == letter
}

fn codice_fiscale(plain: &[u8]) -> bool {
    let odd = |byte: u8| {
        let place = match byte {
            b'0'..=b'9' => byte - b'0',
            letter => letter.saturating_sub(b'A'),
        };
        let values = [
            1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25,
            24, 23,
        ];
        values.get(usize::from(place)).copied().unwrap_or(0)
    };
    let even = |byte: u8| match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        letter => u32::from(letter.saturating_sub(b'A')),
    };
    let body = plain.iter().take(15).enumerate();
    let sum: u32 =
        body.map(|(place, byte)| if place % 2 == 0 { odd(*byte) } else { even(*byte) }).sum();
    let day = number(plain, 9, 11);
    let month = plain.get(8).is_some_and(|byte| b"ABCDEHLMPRST".contains(byte));
    let check = plain.get(15).map(|byte| u32::from(byte.saturating_sub(b'A')));
    month && matches!(day, 1..=31 | 41..=71) && check == Some(sum % 26)
}

fn nif_pt(plain: &[u8]) -> bool {
    let check = 11 - weighed(plain, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    let check = if check > 9 { 0 } else { check };
    matches!(at(plain, 0), 1..=9) && check == at(plain, 8) && !is_monotone(plain)
}

fn bsn(plain: &[u8]) -> bool {
    let sum = weighed(plain, &[9, 8, 7, 6, 5, 4, 3, 2]) + 11 - at(plain, 8);
    sum.is_multiple_of(11) && number(plain, 0, 9) > 9_999_999 && !is_monotone(plain)
}

fn rijksregister(plain: &[u8]) -> bool {
    let (body, check) = (long(plain, 0, 9), long(plain, 9, 11));
    let (day, month) = (number(plain, 4, 6), number(plain, 2, 4));
    let fits = 97 - body % 97 == check || 97 - (body + 2_000_000_000) % 97 == check;
    (is_date(day, month)
        || is_date(day, month.wrapping_sub(20))
        || is_date(day, month.wrapping_sub(40)))
        && fits
}

fn matricule(plain: &[u8]) -> bool {
    let head = plain.get(..12).unwrap_or_default();
    let mut other = plain.get(..11).unwrap_or_default().to_vec();
    other.extend(plain.get(12));
    (1880..=2099).contains(&number(plain, 0, 4))
        && is_date(number(plain, 6, 8), number(plain, 4, 6))
        && luhn(head)
        && verhoeff(&other)
}

/// With the century or without; the day of a coordination number is 60 more.
fn personnummer(plain: &[u8]) -> bool {
    let short = match plain.len() {
        12 if matches!(number(plain, 0, 2), 18..=20) => plain.get(2..).unwrap_or_default(),
        10 => plain,
        _ => return false,
    };
    let day = number(short, 4, 6);
    let day = if day > 60 { day - 60 } else { day };
    is_date(day, number(short, 2, 4)) && luhn(short)
}

fn fodselsnummer(plain: &[u8]) -> bool {
    let first = (11 - weighed(plain, &[3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11) % 11;
    let second = (11 - weighed(plain, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    let (day, month) = (number(plain, 0, 2) % 40, number(plain, 2, 4) % 40);
    is_date(day, month) && first == at(plain, 9) && second == at(plain, 10)
}

/// Since 2007 without a checksum.
fn cpr(plain: &[u8]) -> bool {
    is_date(number(plain, 0, 2), number(plain, 2, 4)) && number(plain, 6, 10) > 0
}

fn hetu(plain: &[u8]) -> bool {
    let (sign, rest) = match plain.len() {
        10 => (b'-', plain.get(6..9)),
        11 => (plain.get(6).copied().unwrap_or(0), plain.get(7..10)),
        _ => return false,
    };
    let rest = rest.unwrap_or_default();
    let number = number(plain, 0, 6) * 1000 + number_of(rest);
    let check = b"0123456789ABCDEFHJKLMNPRSTUVWXY".get((number % 31) as usize);
    matches!(sign, b'-' | b'A'..=b'F' | b'U'..=b'Y')
        && is_date(at(plain, 0) * 10 + at(plain, 1), at(plain, 2) * 10 + at(plain, 3))
        && check == plain.last()
}

fn number_of(plain: &[u8]) -> u32 {
    number(plain, 0, plain.len())
}

fn kennitala(plain: &[u8]) -> bool {
    let check = (11 - weighed(plain, &[3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    let day = number(plain, 0, 2);
    let day = if day > 40 { day - 40 } else { day };
    is_date(day, number(plain, 2, 4)) && check == at(plain, 8) && matches!(at(plain, 9), 0 | 8 | 9)
}

fn isikukood(plain: &[u8]) -> bool {
    let first = weighed(plain, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    let second = weighed(plain, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11;
    let check = if first < 10 { first } else { second % 10 };
    matches!(at(plain, 0), 1..=8)
        && is_date(number(plain, 5, 7), number(plain, 3, 5))
        && check == at(plain, 10)
}

fn personas_kods(plain: &[u8]) -> bool {
    let check = (1 + weighed(plain, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9])) % 11 % 10;
    // Numbers since 2017 begin with 32 and have no date.
    number(plain, 0, 2) == 32
        || (is_date(number(plain, 0, 2), number(plain, 2, 4)) && check == at(plain, 10))
}

fn pesel(plain: &[u8]) -> bool {
    let sum = weighed(plain, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]);
    is_date(number(plain, 4, 6), number(plain, 2, 4) % 20) && sum.is_multiple_of(10)
}

fn nip(plain: &[u8]) -> bool {
    weighed(plain, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == at(plain, 9) && !is_monotone(plain)
}

fn rodne_cislo(plain: &[u8]) -> bool {
    let month = number(plain, 2, 4) % 50;
    let month = if month > 20 { month - 20 } else { month };
    let (body, check) = (long(plain, 0, 9), u64::from(at(plain, 9)));
    is_date(number(plain, 4, 6), month) && body % 11 % 10 == check
}

fn taj(plain: &[u8]) -> bool {
    weighed(plain, &[3, 7, 3, 7, 3, 7, 3, 7]) % 10 == at(plain, 8) && !is_monotone(plain)
}

fn adoazonosito(plain: &[u8]) -> bool {
    at(plain, 0) == 8 && weighed(plain, &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11 == at(plain, 9)
}

fn cnp(plain: &[u8]) -> bool {
    let sum = weighed(plain, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    let check = if sum == 10 { 1 } else { sum };
    at(plain, 0) > 0 && is_date(number(plain, 5, 7), number(plain, 3, 5)) && check == at(plain, 12)
}

fn egn(plain: &[u8]) -> bool {
    let check = weighed(plain, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10;
    is_date(number(plain, 4, 6), number(plain, 2, 4) % 20) && check == at(plain, 9)
}

fn oib(plain: &[u8]) -> bool {
    mod_11_10(plain) && !is_monotone(plain)
}

fn jmbg(plain: &[u8]) -> bool {
    let check = (11 - weighed(plain, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    is_date(number(plain, 0, 2), number(plain, 2, 4)) && check == at(plain, 12)
}

fn amka(plain: &[u8]) -> bool {
    is_date(number(plain, 0, 2), number(plain, 2, 4)) && luhn(plain)
}

fn afm(plain: &[u8]) -> bool {
    weighed(plain, &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10 == at(plain, 8)
        && !is_monotone(plain)
}

fn tckn(plain: &[u8]) -> bool {
    let odd = weighed(plain, &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = weighed(plain, &[0, 1, 0, 1, 0, 1, 0, 1]);
    at(plain, 0) > 0
        && (odd * 7 + 80 - even) % 10 == at(plain, 9)
        && (odd + even + at(plain, 9)) % 10 == at(plain, 10)
}

fn snils(plain: &[u8]) -> bool {
    let sum = weighed(plain, &[9, 8, 7, 6, 5, 4, 3, 2, 1]);
    sum % 101 % 100 == number(plain, 9, 11) && number(plain, 0, 9) > 1_001_998
}

fn inn(plain: &[u8]) -> bool {
    let first = weighed(plain, &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10;
    let second = weighed(plain, &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10;
    first == at(plain, 10) && second == at(plain, 11) && !is_monotone(plain)
}

fn rnokpp(plain: &[u8]) -> bool {
    let weights = [10, 5, 7, 9, 4, 6, 10, 5, 7];
    // The first weight is -1: ten of eleven.
    weighed(plain, &weights) % 11 % 10 == at(plain, 9) && !is_monotone(plain)
}
