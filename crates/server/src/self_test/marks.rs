//! Marked texts, and the forms in which they could have been written somewhere.

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use memchr::memmem::Finder;

/// A random word that cannot occur by accident. It cannot be printed, so that the search itself
/// writes it nowhere.
#[derive(Clone)]
pub struct Mark(String);

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mark")
    }
}

impl Mark {
    /// Makes a mark of random bytes.
    #[must_use]
    pub fn of(random: [u8; 12]) -> Self {
        let letter = |byte: &u8| char::from(b'a'.saturating_add(byte % 26));
        Self(format!("canary{}", random.iter().map(letter).collect::<String>()))
    }

    /// Takes a word of letters as a mark.
    #[must_use]
    pub fn word(word: &str) -> Self {
        Self(word.to_owned())
    }

    /// Returns the word.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns every form that is searched, with its name.
    #[must_use]
    pub fn forms(&self) -> Vec<(&'static str, Vec<u8>)> {
        let each = |write: &dyn Fn(&mut String, u8) -> fmt::Result| -> Vec<u8> {
            let mut text = String::new();
            for byte in self.0.bytes() {
                // Writing to a string cannot fail.
                let _ = write(&mut text, byte);
            }
            text.into_bytes()
        };
        let mut forms = vec![
            ("clear", self.0.clone().into_bytes()),
            ("upper case", self.0.to_uppercase().into_bytes()),
            ("hex", each(&|text, byte| write!(text, "{byte:02x}"))),
            ("upper-case hex", each(&|text, byte| write!(text, "{byte:02X}"))),
            ("UTF-16", self.0.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            ("UTF-16, big-endian", self.0.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            ("escaped as JSON", each(&|text, byte| write!(text, "\\u{byte:04x}"))),
            ("escaped as in an address", each(&|text, byte| write!(text, "%{byte:02x}"))),
        ];
        // The position of the mark in a base64 text selects one of three forms. The characters that
        // depend on its neighbours are cut off.
        for (shift, from) in [(0, 0), (1, 2), (2, 3)] {
            let bytes = [&vec![0; shift], self.0.as_bytes()].concat();
            for text in BTreeSet::from([STANDARD.encode(&bytes), URL_SAFE.encode(&bytes)]) {
                let text = text.trim_end_matches('=');
                let kept = text.get(from..text.len().saturating_sub(2)).unwrap_or_default();
                forms.push(("base64", kept.as_bytes().to_vec()));
            }
        }
        forms
    }

    /// Returns the names of the forms that are in some bytes.
    #[must_use]
    pub fn found_in(&self, hay: &[u8]) -> BTreeSet<&'static str> {
        let forms = self.forms().into_iter();
        forms
            .filter(|(_, needle)| Finder::new(needle).find(hay).is_some())
            .map(|(name, _)| name)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_found_and_another_word_is_not() {
        let (mark, other) = (Mark::of([7; 12]), Mark::of([8; 12]));
        let hay = |text: &str| [b"before ", text.as_bytes(), b" after"].concat();
        let word = mark.reveal();
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let json: String = word.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
        for (name, bytes) in [
            ("clear", hay(word)),
            ("upper case", hay(&word.to_uppercase())),
            ("UTF-16", utf16(&format!("before {word}"))),
            ("escaped as JSON", hay(&json)),
        ] {
            // The zero before UTF-16 of one order makes it one of the other order.
            assert!(mark.found_in(&bytes).contains(name), "{name}");
            assert!(other.found_in(&bytes).is_empty());
        }
        for before in ["", "a", "ab", "abc?>"] {
            for after in ["", "z", "zy"] {
                let text = format!("{before}{word}{after}");
                for encoded in [STANDARD.encode(&text), URL_SAFE.encode(&text)] {
                    assert_eq!(mark.found_in(encoded.as_bytes()), BTreeSet::from(["base64"]));
                }
            }
        }
        assert!(!format!("{mark:?}").contains(word));
    }
}
