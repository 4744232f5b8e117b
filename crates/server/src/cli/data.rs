//! Opens the data directory for a command.

use std::path::Path;

use store::Store;

use super::output::Failure;
use crate::manage::{Acting, Actor, Management};

/// Opens an existing data directory: a mistyped path must not create a new one.
pub(super) fn open(data: &Path) -> Result<Acting, Failure> {
    if !Store::is_at(data) {
        return Err(Failure::new(
            format!("there is no Bailiwick data in `{}`", data.display()),
            "give the data directory with --data DIR or BAILIWICK_DATA; `bailiwick quickstart` and \
             `bailiwick tenant create` make a new one",
        ));
    }
    create(data)
}

/// Opens a data directory as the administrator, and creates it if it is missing.
pub(super) fn create(data: &Path) -> Result<Acting, Failure> {
    let (store, administrator) = Store::open_as_administrator(data, crate::clock::read)?;
    Ok(Management::new(store, data).on_behalf_of(Actor::Administrator(administrator)))
}
