//! The settings of resources and processors for personal data.

use policy::{
    authz::facts::{ResourceFacts, Scope, Service},
    id::ResourceId,
    permit::{Permit, WriteEngine, WriteResource},
    personal::{Mode, Setting},
};
use tlog::entry::Handling;

use super::{name_of, not_found};
use crate::{
    directory::personal::Of,
    error::{Kind, StoreError},
    log::Append,
    name,
    sqlite::Write,
    store::Store,
};

impl Store {
    /// Sets the treatment of personal data in requests of the permit's resource, from the next
    /// request on. `None` goes back to the default: nothing of its own.
    ///
    /// # Errors
    /// [`StoreError::BadPersonalTerm`] if a word or a pattern is over a limit. [`StoreError::NotFound`] if the
    /// resource does not exist. [`StoreError::OtherThing`] if the permit is not for a resource.
    pub fn set_personal_of_resource(
        &self,
        permit: Permit<WriteResource>,
        setting: Option<&Setting>,
    ) -> Result<(), StoreError> {
        let Scope::Resource(ResourceFacts { resource, .. }) = permit.spend() else {
            return Err(StoreError::OtherThing);
        };
        check(setting)?;
        self.change(|tx, log| {
            name_of(tx, Kind::Resource, resource.as_bytes(), &resource)?;
            set(tx, log, Of::Resource(resource), setting)
        })
    }

    /// Sets the treatment of personal data in requests to engines of a processor, from the next
    /// request on. `None` goes back to the default: pseudonyms.
    ///
    /// # Errors
    /// As [`Self::set_personal_of_resource`], for a processor that operates an engine.
    pub fn set_personal_of_processor(
        &self,
        permit: Permit<WriteEngine>,
        processor: &str,
        setting: Option<&Setting>,
    ) -> Result<(), StoreError> {
        let Service = permit.spend();
        name::processor_name(processor)?;
        check(setting)?;
        self.change(|tx, log| {
            if !tx.has_processor(processor)? {
                return Err(not_found(Kind::Processor, &processor));
            }
            set(tx, log, Of::Processor(processor.to_owned()), setting)
        })
    }
}

/// Checks that a detector can be built, before anything relies on it.
fn check(setting: Option<&Setting>) -> Result<(), StoreError> {
    match setting.map(Setting::detector) {
        Some(Err(bad)) => Err(StoreError::BadPersonalTerm(bad)),
        Some(Ok(_)) | None => Ok(()),
    }
}

fn set(
    tx: &Write<'_>,
    log: &mut Append<'_>,
    of: Of,
    setting: Option<&Setting>,
) -> Result<(), StoreError> {
    tx.set_personal(&of, setting)?;
    let default = match of {
        Of::Resource(_) => Setting::of_resource(),
        Of::Processor(_) => Setting::of_processor(),
    };
    let now = setting.unwrap_or(&default);
    let (resource, processor): (Option<ResourceId>, _) = match of {
        Of::Resource(resource) => (Some(resource), None),
        Of::Processor(name) => (None, Some(name)),
    };
    log.personal_data(resource, processor, handling(now.mode), &now.in_words())
}

/// Returns a mode in the words of the log and of receipts.
#[must_use]
pub fn handling(mode: Mode) -> Handling {
    match mode {
        Mode::Off => Handling::Off,
        Mode::Report => Handling::Report,
        Mode::Pseudonymise => Handling::Pseudonymise,
        Mode::Block => Handling::Block,
    }
}
