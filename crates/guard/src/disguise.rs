//! Writes texts in the disguises whose cost in recall is measured.

/// A way to write a text.
pub(crate) type Disguise = (&'static str, fn(&str) -> String);

/// All of them. The first changes nothing.
pub(crate) const ALL: [Disguise; 8] = [
    ("plain", str::to_owned),
    ("zero-width characters", |text| each(text, |one| format!("{one}\u{200b}"))),
    ("look-alikes", |text| swapped(text, "aceiopsxy", "асеіорѕху")),
    ("spaced letters", spaced),
    ("digits for letters", |text| swapped(text, "oieast", "013457")),
    ("base64", base64),
    ("rot13", |text| {
        swapped(
            text,
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
            "nopqrstuvwxyzabcdefghijklmNOPQRSTUVWXYZABCDEFGHIJKLM",
        )
    }),
    ("URL", |text| text.bytes().map(|byte| format!("%{byte:02x}")).collect()),
];

fn each(text: &str, change: fn(char) -> String) -> String {
    text.chars().map(change).collect()
}

fn swapped(text: &str, from: &str, to: &str) -> String {
    let other = |one| from.chars().zip(to.chars()).find(|(from, _)| *from == one);
    text.chars().map(|one| other(one).map_or(one, |(_, to)| to)).collect()
}

/// Letters with one space between them, words with two.
fn spaced(text: &str) -> String {
    let word = |word: &str| word.chars().map(String::from).collect::<Vec<_>>().join(" ");
    text.split_whitespace().map(word).collect::<Vec<_>>().join("  ")
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in text.as_bytes().chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or(0);
            out.push(DIGITS.get(digit).copied().map_or('=', char::from));
        }
    }
    out.push_str("=".repeat((3 - text.len() % 3) % 3).as_str());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (text, encoded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(text), encoded);
        }
    }
}
