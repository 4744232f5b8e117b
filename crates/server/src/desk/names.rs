//! The names of people, shown to those who decide about their requests. Names come from tokens and
//! stay in memory until the service ends. Nothing here writes a name to disk: the log and the database
//! know a person by a random id alone.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use policy::{authz::role::Holder, id::PersonId, principal::Principal};

/// Names that are remembered, at most; then all are forgotten, and learned again.
const NAMES_MAX: usize = 10_000;

/// The names of people who signed in since the service started.
#[derive(Clone, Default)]
pub struct Names(Arc<Mutex<HashMap<PersonId, String>>>);

impl Names {
    /// Remembers what a person's identity provider calls them.
    pub(super) fn remember(&self, principal: &Principal, name: Option<&str>) {
        let (Some(Holder::Person(person)), Some(name)) = (principal.holder(), name) else { return };
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.get(&person).is_some_and(|known| known == name) {
            return;
        }
        if names.len() >= NAMES_MAX {
            names.clear();
        }
        names.insert(person, name.to_owned());
    }

    /// What a person is called; none for a person who has not signed in since the service started.
    pub(super) fn of(&self, person: PersonId) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&person).cloned()
    }

    /// What these people are called, as far as it is known.
    pub(super) fn of_all(&self, people: &[PersonId]) -> Vec<String> {
        people.iter().filter_map(|person| self.of(*person)).collect()
    }
}

/// Names are people's, and this may go into the server's own log.
impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names(..)")
    }
}
