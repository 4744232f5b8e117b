//! Places are those of the original, on boundaries of characters, in order.

use super::{find, values};

/// Texts that are hard to cut.
const HARD: &[&str] = &[
    "",
    "@",
    "é@é.éé",
    "\u{200b}@\u{200b}",
    "%",
    "%4",
    "%40",
    "\\",
    "\\u",
    "\\u00",
    "\\ud800",
    "&#64",
    "&#x110000;",
    "％４０",
    "+",
    "(((",
    "٤",
    "::",
    "://",
    "eyJ",
    "-----BEGIN ",
    "password",
    "password=",
    " at ",
    "🦀@🦀.🦀🦀",
    "1.1.1.",
    "DE89",
    "a@b.c\u{301}d",
    "x://\u{e9}",
    "\u{e0001}4111\u{e0001} 1111 1111 1111",
    "%e2%82%ac@x.com",
];

#[test]
fn hard_texts_have_places_in_order() {
    for one in HARD {
        for other in HARD {
            for joint in ["", " ", "ann@example.com", "٤١١١", "\n"] {
                let text = format!("{one}{joint}{other}");
                let mut last = 0;
                for found in find(&text) {
                    assert!(
                        found.span.start >= last && found.span.end > found.span.start,
                        "{text:?}"
                    );
                    assert!(text.get(found.span.clone()).is_some(), "{text:?}");
                    last = found.span.end;
                }
            }
        }
    }
}

#[test]
fn digits_of_each_script_are_read() {
    for zero in [
        '\u{660}',
        '\u{6f0}',
        '\u{966}',
        '\u{9e6}',
        '\u{e50}',
        '\u{ff10}',
        '\u{1d7ce}',
        '\u{1e950}',
    ] {
        let digit = |value: u32| char::from_u32(u32::from(zero) + value).unwrap();
        let card: String =
            "4111111111111111".chars().map(|one| digit(one.to_digit(10).unwrap())).collect();
        let text = format!("card {card}!");
        assert_eq!(values(&text).iter().map(|one| one.1).collect::<Vec<_>>(), [card]);
    }
}
