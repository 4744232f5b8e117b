//! Opens the data directory for a command.

use std::{path::Path, sync::Arc};

use store::Store;

use super::output::Failure;
use crate::{
    config::Config,
    live::Configured,
    manage::{Acting, Actor, Management},
};

/// Opens an existing data directory, for a command that reads no setting: a mistyped path must not
/// create a new directory.
pub(super) fn open(data: &Path) -> Result<Acting, Failure> {
    existing(data)?;
    create(data)
}

/// Opens an existing data directory, for a command that reads settings of a configuration file.
pub(super) fn configured(data: &Path, file: Option<&Path>) -> Result<Acting, Failure> {
    existing(data)?;
    create_with(data, super::serve::load(file)?)
}

/// Refuses a directory without data.
pub(super) fn existing(data: &Path) -> Result<(), Failure> {
    if !Store::is_at(data) {
        return Err(Failure::new(
            format!("there is no Bailiwick data in `{}`", data.display()),
            "give the data directory with --data DIR or BAILIWICK_DATA; `bailiwick quickstart` and \
             `bailiwick tenant create` make a new one",
        ));
    }
    Ok(())
}

/// Opens a data directory as the administrator, and creates it if it is missing; for a command that
/// reads no setting.
pub(super) fn create(data: &Path) -> Result<Acting, Failure> {
    create_with(data, Config::default())
}

/// Opens a data directory as the administrator, and creates it if it is missing.
pub(super) fn create_with(data: &Path, config: Config) -> Result<Acting, Failure> {
    let (store, administrator) = Store::open_as_administrator(data, crate::clock::read)?;
    let management = Management::new(store, data, Configured::Read(Arc::new(config)));
    Ok(management.on_behalf_of(Actor::Administrator(administrator)))
}
