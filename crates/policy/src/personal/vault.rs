//! The values of one request, and the placeholders that stand for them.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use zeroize::Zeroizing;

use super::{
    Counts, Form, Kind, Restorer, Tally,
    placeholder::{self, NONCE_LENGTH, Read},
};
use crate::content::Content;

/// Random bytes for one request, from which its letters are drawn.
pub type Entropy = [u8; 8];

/// The values of one request. It is in memory only, has no `Debug` of a value, and is overwritten when
/// it is dropped. A value has one placeholder wherever it stands in the request; how the domain of an
/// e-mail address is written, and the separators in a number, do not count.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    nonce: String,
    values: BTreeMap<(Kind, u32), Content>,
    /// The names in which something was replaced, by their new names.
    names: BTreeMap<String, Content>,
    tally: Arc<Tally>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({} values)", self.0.values.len())
    }
}

impl Vault {
    /// Returns the restorer of one text of the answer.
    #[must_use]
    pub fn restorer(&self, form: Form) -> Restorer {
        Restorer::new(self.clone(), form)
    }

    /// Returns how much was restored so far, in all texts of the answer.
    #[must_use]
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.0.tally)
    }

    /// Restores a name, such as the name of a called function.
    #[must_use]
    pub fn name(&self, name: &str) -> Content {
        if let Some(own) = self.0.names.get(name) {
            self.count(true);
            return own.clone();
        }
        let mut restorer = self.restorer(Form::Text);
        let begin = restorer.push(name);
        let mut whole = Zeroizing::new(begin.reveal().to_owned());
        whole.push_str(restorer.end().reveal());
        Content::new(std::mem::take(&mut *whole))
    }

    /// Returns the value of a placeholder with these letters.
    pub(super) fn value(&self, read: &placeholder::Whole<'_>) -> Option<&Content> {
        let is_ours = read.nonce.eq_ignore_ascii_case(&self.0.nonce);
        self.0.values.get(&(read.kind, read.number)).filter(|_| is_ours)
    }

    pub(super) fn count(&self, was_sure: bool) {
        self.0.tally.count(was_sure);
    }
}

/// A request has so many texts that look like placeholders that no letters are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crowded;

/// A vault that is being filled.
pub(super) struct Filling {
    nonce: String,
    values: BTreeMap<(Kind, u32), Content>,
    names: BTreeMap<String, Content>,
    known: BTreeMap<Known, u32>,
    numbers: BTreeMap<Kind, u32>,
}

/// A value in the form in which two writings of it are the same.
#[derive(PartialEq, Eq)]
struct Known(Kind, Zeroizing<String>);

impl Ord for Known {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0, self.1.as_str()).cmp(&(other.0, other.1.as_str()))
    }
}

impl PartialOrd for Known {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Filling {
    /// Begins a vault. `texts` are all texts of the request: letters that stand in one of them, in
    /// text that looks like a placeholder, are not drawn.
    pub(super) fn begin<'a>(
        texts: impl Iterator<Item = &'a str>,
        entropy: Entropy,
    ) -> Result<Self, Crowded> {
        let mut taken = BTreeSet::new();
        for text in texts {
            note_nonces(text, &mut taken);
        }
        let start = u64::from_le_bytes(entropy) % NONCES;
        let mut drawn = (0..NONCES).map(|step| nonce((start + step) % NONCES));
        let nonce = drawn.find(|nonce| !taken.contains(nonce)).ok_or(Crowded)?;
        let (values, names, known, numbers) = Default::default();
        Ok(Self { nonce, values, names, known, numbers })
    }

    /// Returns the number of a value's placeholder.
    fn number(&mut self, kind: Kind, value: &str) -> u32 {
        let key = Known(kind, plain(kind, value));
        if let Some(number) = self.known.get(&key) {
            return *number;
        }
        let next = self.numbers.entry(kind).or_default();
        *next = next.saturating_add(1);
        let number = *next;
        self.known.insert(key, number);
        self.values.insert((kind, number), Content::new(value.to_owned()));
        number
    }

    /// Returns true if a value has a placeholder already.
    pub(super) fn knows(&self, kind: Kind, value: &str) -> bool {
        self.known.contains_key(&Known(kind, plain(kind, value)))
    }

    /// Returns the placeholder of a value, in brackets.
    pub(super) fn placeholder(&mut self, kind: Kind, value: &str) -> String {
        placeholder::write(kind, self.number(kind, value), &self.nonce)
    }

    /// Returns the placeholder of a value in the characters of names.
    pub(super) fn name(&mut self, kind: Kind, value: &str) -> String {
        placeholder::write_name(kind, self.number(kind, value), &self.nonce)
    }

    /// Notes the new form of a name.
    pub(super) fn note_name(&mut self, now: &str, before: &str) {
        self.names.insert(now.to_owned(), Content::new(before.to_owned()));
    }

    /// Returns true if a placeholder that was given out, or a part of one, is in a text.
    pub(super) fn has_placeholder(&self, text: &str) -> bool {
        let mut nonces = BTreeSet::new();
        note_nonces(text, &mut nonces);
        nonces.contains(&self.nonce)
    }

    /// Returns how many values of each kind there are.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (kind, number) in &self.numbers {
            counts.add(*kind, u64::from(*number));
        }
        counts
    }

    /// Ends the filling; `None` if there is no value.
    pub(super) fn end(self) -> Option<Vault> {
        let Self { nonce, values, names, .. } = self;
        let tally = Arc::default();
        (!values.is_empty()).then(|| Vault(Arc::new(Inner { nonce, values, names, tally })))
    }
}

/// The number of different letters: a letter, and a letter or digit.
const NONCES: u64 = 26 * 36;

fn nonce(number: u64) -> String {
    let digit = |number: u64| {
        let number = u32::try_from(number % 36).unwrap_or(0);
        char::from_digit(number, 36).unwrap_or('a')
    };
    [digit(10 + number / 36 % 26), digit(number % 36)].iter().collect()
}

/// Notes the letters of all that looks like a placeholder.
fn note_nonces(text: &str, taken: &mut BTreeSet<String>) {
    let mut before = None;
    for (at, first) in text.char_indices() {
        if placeholder::can_begin(first, before)
            && let Some(rest) = text.get(at..)
            && let Read::Whole(whole) = placeholder::read(rest, true)
        {
            taken.insert(whole.nonce.to_ascii_lowercase());
        }
        before = Some(first);
    }
    debug_assert!(taken.iter().all(|nonce| nonce.len() == NONCE_LENGTH));
}

/// Returns the form in which two writings of one value are the same.
fn plain(kind: Kind, value: &str) -> Zeroizing<String> {
    let letters = || value.chars().filter(|one| one.is_alphanumeric() || *one == '+');
    Zeroizing::new(match kind {
        Kind::Email => match value.rsplit_once('@') {
            Some((user, domain)) => format!("{user}@{}", domain.to_lowercase()),
            None => value.to_owned(),
        },
        Kind::Card | Kind::Iban | Kind::NationalId | Kind::Phone => {
            letters().flat_map(char::to_uppercase).collect()
        }
        Kind::Mac => letters().flat_map(char::to_lowercase).collect(),
        Kind::Ip
        | Kind::Url
        | Kind::Crypto
        | Kind::Secret
        | Kind::Name
        | Kind::Address
        | Kind::Term => value.to_owned(),
    })
}
