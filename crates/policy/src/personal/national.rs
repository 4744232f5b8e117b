//! National identity, tax and social security numbers: each by its form and its checksum.
//!
//! A number with a weak checksum, or without one, counts only beside a word that names it.

mod america;
mod asia;
mod digits;
mod europe;
mod words;

use std::{collections::HashMap, sync::LazyLock};

pub(super) use words::WORDS;

use super::{
    Kind,
    number::{Cut, Number, begins, ends},
    scan::Scan,
    words::Word,
};

/// How far before a number a word may name it, in bytes.
const NEAR: usize = 64;

/// How far after it.
const AHEAD: usize = 24;

/// A kind of number of one country.
struct Id {
    /// The country's code, or another key of [`WORDS`].
    country: &'static str,
    /// Forms: `9` is a digit, `A` a letter, the rest stands for itself. A form after `!` needs no word
    /// beside it.
    forms: &'static [&'static str],
    /// The rules for its digits and letters, without separators.
    check: fn(&[u8]) -> bool,
}

/// A form, and whether it needs a word.
struct Form {
    id: &'static Id,
    alone: bool,
}

static FORMS: LazyLock<HashMap<&'static [u8], Vec<Form>>> = LazyLock::new(|| {
    let mut forms: HashMap<&'static [u8], Vec<Form>> = HashMap::new();
    for id in europe::IDS.iter().chain(america::IDS).chain(asia::IDS) {
        for form in id.forms {
            let bare = form.strip_prefix('!');
            let form = bare.unwrap_or(form).as_bytes();
            forms.entry(form).or_default().push(Form { id, alone: bare.is_some() });
        }
    }
    forms
});

/// Looks for a number that begins here.
pub(super) fn id(scan: &mut Scan<'_>, number: &Number) {
    if !scan.kinds.contains(Kind::NationalId) || !begins(scan.bytes, number.start) {
        return;
    }
    for cut in number.cuts() {
        if !(8..=19).contains(&number.plain(cut).len()) || !ends_there(scan, number, cut) {
            continue;
        }
        let Some(forms) = FORMS.get(number.shape(cut)) else { continue };
        if forms.iter().any(|form| fits(scan, number, cut, form)) {
            let closed = number.shape(cut).contains(&b'(') && scan.bytes.at(cut.end) == b')';
            scan.add(Kind::NationalId, number.start..cut.end + usize::from(closed));
            return;
        }
    }
}

fn ends_there(scan: &Scan<'_>, number: &Number, cut: Cut) -> bool {
    ends(scan.bytes, cut.end)
        && (!number.shape(cut).contains(&b'(') || scan.bytes.at(cut.end) == b')')
}

fn fits(scan: &Scan<'_>, number: &Number, cut: Cut, form: &Form) -> bool {
    let plain = number.plain(cut);
    let place = number.start..cut.end;
    let written = scan.bytes.slice(place.clone());
    let alone = form.alone && !written.iter().any(u8::is_ascii_lowercase);
    let named = |word: Word| {
        matches!(word, Word::Id(countries)
        if countries == "**" || countries.split(' ').any(|one| one == form.id.country))
    };
    (form.id.check)(plain)
        && (alone || scan.near(place.start, NEAR, named) || scan.follows(place.end, AHEAD, named))
}
