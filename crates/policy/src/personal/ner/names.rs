//! The names and addresses of one request, and the search for them in its texts.

use std::{collections::BTreeSet, fmt};

use crate::{
    content::Content,
    guard::terms::Terms,
    personal::{Found, Kind, name},
};

/// The names and addresses that a model found in one request. All texts of the request are searched for
/// them: as whole words, as they were written.
///
/// Only [`Self::by_context`] and [`super::Reading::names`] make one. So a request is shielded either
/// with the answer of the model, or by a line of code that says that there is no model.
pub struct Names {
    kinds: Vec<Kind>,
    search: Option<Terms>,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Names({})", self.kinds.len())
    }
}

impl Names {
    /// Returns no names: there is no model, or nothing asks for names, and only the words around a name
    /// say that it is one.
    #[must_use]
    pub fn by_context() -> Self {
        Self { kinds: Vec::new(), search: None }
    }

    /// Prepares the search for some names.
    pub(super) fn of(found: BTreeSet<(Kind, Surface)>) -> Option<Self> {
        if found.is_empty() {
            return Some(Self::by_context());
        }
        let search = Terms::new(found.iter().map(|(_, surface)| surface.0.reveal())).ok()?;
        let kinds = found.into_iter().map(|(kind, _)| kind).collect();
        Some(Self { kinds, search: Some(search) })
    }

    /// Finds the places of a text, in its own bytes.
    pub(in crate::personal) fn find(&self, text: &str) -> Vec<Found> {
        let Some(search) = &self.search else { return Vec::new() };
        let places = search.find(text, 0..text.len());
        let found = places
            .filter_map(|(number, span)| Some(Found { kind: *self.kinds.get(number)?, span }));
        found.collect()
    }
}

/// A name or an address as it was written.
#[derive(PartialEq, Eq)]
pub(super) struct Surface(Content);

impl Surface {
    /// Returns the surface of a place, unless it is too short, or a word that everybody uses.
    pub(super) fn new(kind: Kind, text: &str) -> Option<Self> {
        let letters = text.chars().filter(|one| one.is_alphabetic());
        // Two characters of a script with words of one character are a name.
        let weight: usize = letters.map(|one| if one >= '\u{2e80}' { 2 } else { 1 }).sum();
        let fewest = if kind == Kind::Address { 4 } else { 3 };
        let common = !text.contains(' ') && name::is_common(text);
        (weight >= fewest && !common).then(|| Self(Content::new(text.to_owned())))
    }
}

impl Ord for Surface {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.reveal().cmp(other.0.reveal())
    }
}

impl PartialOrd for Surface {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
