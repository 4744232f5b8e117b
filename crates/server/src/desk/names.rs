//! Names of people, shown to the people deciding on their requests. Names come from tokens and stay
//! in memory until the service ends. This module writes no name to disk: the log and the database
//! identify a person only by a random id.

use std::{collections::HashMap, fmt, sync::Arc};

use parking_lot::Mutex;
use policy::{authz::role::Holder, id::PersonId, principal::Principal};

/// Most names in memory; beyond this number all are removed and learned again.
const NAMES_MAX: usize = 10_000;

/// The names of all people signed in since the service started.
#[derive(Clone, Default)]
pub(crate) struct Names(Arc<Mutex<HashMap<PersonId, String>>>);

impl Names {
    /// Remembers the name from a person's token.
    pub(super) fn remember(&self, principal: &Principal, name: Option<&str>) {
        let (Some(Holder::Person(person)), Some(name)) = (principal.holder(), name) else { return };
        let mut names = self.0.lock();
        if names.get(&person).is_some_and(|known| known == name) {
            return;
        }
        if names.len() >= NAMES_MAX {
            names.clear();
        }
        names.insert(person, name.to_owned());
    }

    /// Returns a person's name, or `None` if they have not signed in since the service started.
    pub(super) fn of(&self, person: PersonId) -> Option<String> {
        self.0.lock().get(&person).cloned()
    }

    /// Returns the names of these people, as far as they are known.
    pub(super) fn of_all(&self, people: &[PersonId]) -> Vec<String> {
        people.iter().filter_map(|person| self.of(*person)).collect()
    }
}

/// Omits the names: this output may reach the server's own log.
impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names(..)")
    }
}
