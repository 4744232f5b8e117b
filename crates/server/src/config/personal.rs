//! The model that finds names and addresses.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::within;

/// Settings for the detection of personal data. Resources and processors have their own modes and kinds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PersonalConfig {
    /// The encoder that reads words: a GGUF file. With it, names and addresses are also found without
    /// words around them that say so, where they are looked for at all.
    pub ner: Option<PathBuf>,
    /// The head that belongs to that file; by default the one for the encoder that
    /// `scripts/fetch-guard.sh` makes.
    pub ner_head: Option<PathBuf>,
    /// Compute threads of the encoder's worker; by default as `engine.threads`.
    #[serde(deserialize_with = "super::maybe_within::<1, 1024, _, _>")]
    pub ner_threads: Option<u32>,
    /// Milliseconds that the encoder may take for the texts of one request. After that the request is
    /// refused.
    #[serde(deserialize_with = "within::<10, 600_000, _, _>")]
    pub ner_wait_ms: u64,
}

impl PersonalConfig {
    /// Returns the encoder's file and the head's, if there is an encoder.
    ///
    /// # Errors
    /// If there is a head without an encoder: text for the operator.
    pub(crate) fn model(&self) -> Result<Option<(&Path, Option<&Path>)>, String> {
        match (&self.ner, &self.ner_head) {
            (None, None) => Ok(None),
            (Some(encoder), head) => Ok(Some((encoder, head.as_deref()))),
            (None, Some(_)) => {
                Err("`personal.ner_head` belongs to an encoder; set `personal.ner` to its \
                                    file, or remove the head"
                    .to_owned())
            }
        }
    }
}

impl Default for PersonalConfig {
    fn default() -> Self {
        Self { ner: None, ner_head: None, ner_threads: None, ner_wait_ms: 10_000 }
    }
}
