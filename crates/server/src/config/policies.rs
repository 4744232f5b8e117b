//! The operator's own policies, beside those that are built in.

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
pub struct PoliciesConfig {
    /// Files of Cedar policies.
    pub files: Vec<PathBuf>,
    /// What happens when the log has no proof that all policies together keep the promises.
    pub unproved: Unproved,
}

impl PoliciesConfig {
    /// All policies: the built-in ones, and those in the files.
    ///
    /// # Errors
    /// When a file cannot be read, or holds what is no policy of this service.
    pub fn read(&self) -> Result<Policies, ConfigError> {
        let mut texts = Vec::new();
        for path in &self.files {
            let text = fs::read_to_string(path)
                .map_err(|source| ConfigError::PolicyFile { path: path.clone(), source })?;
            // As `bailiwick-prove` calls it: the digest is over names, too.
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            texts.push((name, text));
        }
        let files: Vec<_> = texts.iter().map(|(name, text)| File { name, text }).collect();
        Ok(Policies::with(&files)?)
    }
}
