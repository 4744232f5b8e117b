//! One pass of all detectors over one text.

use std::ops::Range;

use super::{
    Found, Kind, Kinds,
    bytes::{Bytes, is_alnum},
    number::Number,
    words::{self, Hit, Word},
};

/// The state of a pass. Places are those of the text that is read.
pub(super) struct Scan<'t> {
    pub(super) text: &'t str,
    pub(super) bytes: Bytes<'t>,
    pub(super) kinds: Kinds,
    pub(super) found: Vec<Found>,
    /// Bytes looked at. Tests compare it with the length of the text.
    pub(super) work: usize,
    /// The end of the last URL, and of the last telephone number.
    pub(super) url_to: usize,
    pub(super) phone_to: usize,
    /// No private key ends before this place.
    pub(super) pem_to: usize,
    hits: Vec<Hit>,
}

impl<'t> Scan<'t> {
    pub(super) fn new(text: &'t str, kinds: Kinds) -> Self {
        Self {
            text,
            bytes: Bytes::new(text),
            kinds,
            found: Vec::new(),
            work: text.len(),
            url_to: 0,
            phone_to: 0,
            pem_to: 0,
            hits: words::hits(text),
        }
    }

    /// Runs the detectors that need no other text than this.
    pub(super) fn run(&mut self) {
        self.marks();
        self.numbers();
    }

    /// Adds a place.
    pub(super) fn add(&mut self, kind: Kind, span: Range<usize>) {
        if self.kinds.contains(kind) && !span.is_empty() {
            self.found.push(Found { kind, span });
        }
    }

    /// Looks at each text that begins with a word or a mark.
    fn marks(&mut self) {
        // A mark inside of a part that an earlier one covered has nothing new: this bounds the
        // time.
        let mut secret_to = 0;
        for number in 0..self.hits.len() {
            let Some(hit) = self.hits.get(number).copied() else { break };
            match hit.word {
                Word::At => super::email::at_sign(self, hit.start),
                Word::WrittenAt => super::email::written(self, hit.start, hit.end),
                Word::Scheme => super::url::scheme(self, hit.start),
                Word::Pem | Word::Jwt | Word::Prefix(_) | Word::Bearer | Word::Assign
                    if hit.start >= secret_to =>
                {
                    if let Some(end) = super::secret::mark(self, hit) {
                        secret_to = end;
                    }
                }
                Word::Title | Word::NameIs | Word::Dear if self.kinds.contains(Kind::Name) => {
                    super::name::after(self, hit);
                }
                Word::StreetAfter | Word::StreetBefore if self.kinds.contains(Kind::Address) => {
                    super::address::around(self, hit);
                }
                _ => {}
            }
        }
    }

    /// Looks at each word that has a digit.
    fn numbers(&mut self) {
        let mut number = Number::default();
        let mut at = 0;
        let mut hex_to = 0;
        while let Some(skip) =
            self.bytes.slice(at..self.bytes.len()).iter().position(u8::is_ascii_digit)
        {
            let digit = at + skip;
            let start = self.bytes.run_back(digit, 64, is_alnum).max(at);
            let end = self.bytes.run(digit, usize::MAX, is_alnum);
            self.work += end - start;
            self.token(start, end, &mut number);
            if start >= hex_to {
                hex_to = super::network::around(self, start, end);
            }
            at = end;
        }
    }

    fn token(&mut self, start: usize, end: usize, number: &mut Number) {
        let length = end - start;
        if length <= 34 && !is_alnum(self.bytes.before(start)) {
            number.read(self.bytes, start);
            self.work += number.width();
            super::card::card(self, number);
            super::national::id(self, number);
            // Two letters may stand before the digits, apart from them.
            let apart = matches!(self.bytes.before(start), b' ' | b'-' | b'.');
            let letters = |byte: u8| byte.is_ascii_alphabetic();
            let before = self.bytes.run_back(start.saturating_sub(1), 4, letters);
            if apart && (1..4).contains(&(start - 1).saturating_sub(before)) {
                number.read(self.bytes, before);
                self.work += number.width();
                super::national::id(self, number);
            }
            super::iban::iban(self, start);
            super::phone::phone(self, start);
        }
        super::crypto::wallet(self, start, end);
    }

    /// Returns true if a word stands in the bytes before a place.
    pub(super) fn near(&self, place: usize, back: usize, fits: impl Fn(Word) -> bool) -> bool {
        self.nearest(place, back, fits).is_some()
    }

    /// Returns the end of the nearest such word before a place.
    pub(super) fn nearest(
        &self,
        place: usize,
        back: usize,
        fits: impl Fn(Word) -> bool,
    ) -> Option<usize> {
        let next = self.hits.partition_point(|hit| hit.end <= place);
        let before = self.hits.get(..next).unwrap_or_default().iter().rev();
        let mut near = before.take_while(|hit| hit.end + back >= place);
        near.find(|hit| fits(hit.word) && self.stands_alone(hit)).map(|hit| hit.end)
    }

    /// Returns true if a word stands in the bytes after a place.
    pub(super) fn follows(&self, place: usize, ahead: usize, fits: impl Fn(Word) -> bool) -> bool {
        let next = self.hits.partition_point(|hit| hit.start < place);
        let after = self.hits.get(next..).unwrap_or_default().iter();
        let mut near = after.take_while(|hit| hit.start <= place + ahead);
        near.any(|hit| fits(hit.word) && self.stands_alone(hit))
    }

    /// Returns true if a word is no part of another. `phoneNumber` and `home_phone` have the word.
    pub(super) fn stands_alone(&self, hit: &Hit) -> bool {
        let (first, before) = (self.bytes.at(hit.start), self.bytes.before(hit.start));
        let (last, after) = (self.bytes.before(hit.end), self.bytes.at(hit.end));
        let camel = first.is_ascii_uppercase() && before.is_ascii_lowercase();
        let left = !first.is_ascii_alphanumeric() || !is_alnum(before) || camel;
        let long = hit.end - hit.start >= 5 || after.is_ascii_uppercase();
        let right = !last.is_ascii_alphanumeric() || !after.is_ascii_alphabetic() || long;
        left && right
    }
}
