//! A fact: the value of a setting, with the place where it is written down.
//!
//! The value is private. Only [`Because::read`] gives it out, and notes the setting at the same time.
//! A sentence therefore cannot depend on a setting without naming it.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

/// The place where a setting is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The operator's configuration.
    Configuration,
    /// The resource, in the directory.
    Resource,
    /// A deployment of the resource, in the directory.
    Deployment(String),
    /// An engine, in the directory.
    Engine(String),
    /// A company, in the directory.
    Processor(String),
    /// An application that was approved; the log has it.
    Approval,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration => f.write_str("configuration"),
            Self::Resource => f.write_str("resource"),
            Self::Deployment(name) => write!(f, "deployment `{name}`"),
            Self::Engine(name) => write!(f, "engine `{name}`"),
            Self::Processor(name) => write!(f, "processor `{name}`"),
            Self::Approval => f.write_str("approval"),
        }
    }
}

/// The value of a setting.
#[derive(Debug, Clone)]
pub(crate) struct Fact<T> {
    source: Source,
    setting: &'static str,
    shown: String,
    value: T,
}

impl<T> Fact<T> {
    /// Makes a fact. `shown` is the value as people read it; it must differ wherever the value does.
    pub(crate) fn new(
        source: Source,
        setting: &'static str,
        value: T,
        shown: impl Into<String>,
    ) -> Self {
        Self { source, setting, shown: shown.into(), value }
    }

    /// Makes a fact of the configuration.
    pub(crate) fn configured(setting: &'static str, value: T, shown: impl Into<String>) -> Self {
        Self::new(Source::Configuration, setting, value, shown)
    }

    /// Makes a fact of the resource.
    pub(crate) fn of_resource(setting: &'static str, value: T, shown: impl Into<String>) -> Self {
        Self::new(Source::Resource, setting, value, shown)
    }
}

impl Fact<bool> {
    /// Makes a fact of the configuration that is either there or not.
    pub(crate) fn set(setting: &'static str, set: bool) -> Self {
        Self::configured(setting, set, if set { "set" } else { "not set" })
    }

    /// Makes a fact of the resource that is either on or off.
    pub(crate) fn switch(setting: &'static str, on: bool) -> Self {
        Self::of_resource(setting, on, if on { "true" } else { "false" })
    }
}

/// A setting that a sentence depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ExplanationSetting)]
pub(crate) struct Setting {
    /// Name of the setting: a field of the configuration, or of the resource, deployment or engine.
    pub setting: &'static str,
    /// Value of the setting now.
    pub value: String,
    /// Place where it is written down: `configuration`, `resource`, `approval`, or a deployment, an
    /// engine or a processor by its name.
    pub source: String,
}

/// The settings that a sentence depends on. Empty if no setting changes the sentence.
#[derive(Debug, Default)]
pub(crate) struct Because(Vec<Setting>);

impl Because {
    /// Reads a fact, and notes its setting.
    pub(crate) fn read<'f, T>(&mut self, fact: &'f Fact<T>) -> &'f T {
        let Fact { source, setting, shown, value } = fact;
        let read = Setting { setting, value: shown.clone(), source: source.to_string() };
        if !self.0.contains(&read) {
            self.0.push(read);
        }
        value
    }

    /// Returns the settings, in the order in which they were read.
    pub(crate) fn into_settings(self) -> Vec<Setting> {
        self.0
    }
}
