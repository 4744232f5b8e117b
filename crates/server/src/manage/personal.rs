//! The settings of resources and processors for personal data.
//!
//! A caller that may change a resource may change its setting; the operator adds engines and
//! changes those of their processors. The strictest setting decides, so a resource makes nothing
//! weaker than its processors' settings are.

use std::sync::Arc;

use policy::{
    content::{Content, wire},
    permit::{ReadEngines, ReadResource, WriteEngine, WriteResource},
    personal::{Kind, Kinds, Mode, Opaque, Setting},
};
use serde::{Deserialize, Deserializer, Serialize};
use store::{Directory, Kind as Thing};

use super::{Acting, ManageError, not_found};

/// The owner of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PersonalOf {
    /// A resource, by its name.
    Resource(String),
    /// A processor, by its name.
    Processor(String),
}

/// A change of a setting; missing fields stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PersonalUpdate {
    /// Treatment of personal data: `off`, `report`, `pseudonymise` or `block`.
    #[serde(default, deserialize_with = "mode")]
    pub mode: Option<Mode>,
    /// The kinds that are looked for: all of them.
    #[serde(default, deserialize_with = "kinds")]
    pub kinds: Option<Kinds>,
    /// The operator's own words: all of them.
    pub words: Option<Vec<Term>>,
    /// The operator's own patterns: all of them.
    pub patterns: Option<Vec<Term>>,
    /// Treatment of images, sounds and tokens: `refuse` or `pass`.
    pub unreadable: Option<Opaque>,
    /// Whether a resource's setting applies to engines inside the boundary, too.
    pub everywhere: Option<bool>,
}

/// A word or a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Term(#[serde(with = "wire")] pub Content);

/// A setting. Of the operator's words it has the numbers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PersonalView {
    /// Treatment of personal data.
    pub mode: &'static str,
    /// The kinds that are looked for.
    pub kinds: Vec<&'static str>,
    /// Number of the operator's own words.
    pub words: usize,
    /// Number of the operator's own patterns.
    pub patterns: usize,
    /// Treatment of images, sounds and tokens.
    pub unreadable: &'static str,
    /// Whether it applies to engines inside the boundary, too.
    pub everywhere: bool,
}

impl PersonalView {
    fn of(setting: &Setting) -> Self {
        Self {
            mode: setting.mode.name(),
            kinds: setting.kinds.iter().map(Kind::name).collect(),
            words: setting.terms.words.len(),
            patterns: setting.terms.patterns.len(),
            unreadable: setting.opaque.name(),
            everywhere: setting.everywhere,
        }
    }
}

impl PersonalUpdate {
    fn of(&self, before: &Setting) -> Setting {
        let contents = |terms: &[Term]| terms.iter().map(|term| term.0.clone()).collect();
        let mut now = before.clone();
        now.mode = self.mode.unwrap_or(now.mode);
        now.kinds = self.kinds.unwrap_or(now.kinds);
        if let Some(words) = &self.words {
            now.terms.words = contents(words);
        }
        if let Some(patterns) = &self.patterns {
            now.terms.patterns = contents(patterns);
        }
        now.opaque = self.unreadable.unwrap_or(now.opaque);
        now.everywhere = self.everywhere.unwrap_or(now.everywhere);
        now
    }
}

impl Acting {
    /// Returns the setting of a resource or a processor for personal data.
    ///
    /// # Errors
    /// It does not exist, or the caller may not see it.
    pub(crate) fn personal(&self, of: &PersonalOf) -> Result<PersonalView, ManageError> {
        let directory = self.store.directory()?;
        match of {
            PersonalOf::Resource(name) => {
                drop(self.resource_for::<ReadResource>(&directory, name)?);
            }
            PersonalOf::Processor(_) => drop(self.of_service::<ReadEngines>()?),
        }
        Ok(PersonalView::of(&*setting(&directory, of)?))
    }

    /// Changes the setting of a resource or a processor for personal data, from the next request
    /// on.
    ///
    /// # Errors
    /// It does not exist, the caller may not change it, or a word or a pattern is over a limit.
    pub(crate) fn set_personal(
        &self,
        of: &PersonalOf,
        update: &PersonalUpdate,
    ) -> Result<PersonalView, ManageError> {
        let directory = self.store.directory()?;
        let now = match of {
            PersonalOf::Resource(name) => {
                let permit = self.resource_for::<WriteResource>(&directory, name)?;
                let now = update.of(&*setting(&directory, of)?);
                self.store.set_personal_of_resource(permit, Some(&now))?;
                now
            }
            PersonalOf::Processor(name) => {
                let permit = self.of_service::<WriteEngine>()?;
                let now = update.of(&*setting(&directory, of)?);
                self.store.set_personal_of_processor(permit, name, Some(&now))?;
                now
            }
        };
        Ok(PersonalView::of(&now))
    }
}

fn setting(directory: &Directory, of: &PersonalOf) -> Result<Arc<Setting>, ManageError> {
    match of {
        PersonalOf::Resource(name) => {
            let resource = directory.resource_by_name(name);
            let resource = resource.ok_or_else(|| not_found(Thing::Resource, name))?;
            Ok(directory.personal_of_resource(resource.id))
        }
        PersonalOf::Processor(name) => {
            let mut processors =
                directory.engines().into_iter().filter_map(|engine| engine.processor.as_ref());
            if processors.any(|processor| processor.name == *name) {
                return Ok(directory.personal_of_processor(name));
            }
            Err(not_found(Thing::Processor, name).into())
        }
    }
}

fn mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Mode>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let wrong = || serde::de::Error::custom("write off, report, pseudonymise or block");
    Mode::named(&name).ok_or_else(wrong).map(Some)
}

fn kinds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Kinds>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let wrong = || serde::de::Error::custom(format!("write some of: {}", known.join(", ")));
    let kinds = names.iter().map(|name| Kind::named(name).ok_or_else(wrong));
    kinds.collect::<Result<Kinds, _>>().map(Some)
}
