//! `[policies]`: the operator's own policies, in addition to the built-in ones.

use std::{fs, path::PathBuf};

use policy::authz::{
    policies::{File, Policies},
    proof::Unproved,
};
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// The operator's own policies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PoliciesConfig {
    /// Files of Cedar policies.
    pub files: Vec<PathBuf>,
    /// Behaviour if the log has no proof that all policies together keep the promises.
    pub unproved: Unproved,
}

impl PoliciesConfig {
    /// Reads all policies: the built-in ones, and those in the files.
    ///
    /// # Errors
    /// If a file cannot be read, or its policies cannot be used by this service.
    pub(crate) fn read(&self) -> Result<Policies, ConfigError> {
        let texts = self.texts()?;
        let files: Vec<_> = texts.iter().map(|(name, text)| File { name, text }).collect();
        Ok(Policies::with(&files)?)
    }

    /// Reads the names and the texts of the operator's own files.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(crate) fn texts(&self) -> Result<Vec<(String, String)>, ConfigError> {
        let mut texts = Vec::new();
        for path in &self.files {
            let text = fs::read_to_string(path)
                .map_err(|source| ConfigError::PolicyFile { path: path.clone(), source })?;
            // The file name alone, as `bailiwick-prove` uses it: the digest covers the names, too.
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            texts.push((name, text));
        }
        Ok(texts)
    }
}
