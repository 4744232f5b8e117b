//! The content filter's detectors.

use std::path::{Path, PathBuf};

use policy::guard::{
    filter::{Filter, Threshold},
    model::{Family, GuardModel},
    verdict::Digest,
};
use serde::{Deserialize, Serialize};

use super::within;

/// Settings of the content filter's detectors. Each resource has its own filters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GuardConfig {
    /// The encoder's GGUF file, which `scripts/fetch-guard.sh` makes. Without it, the detectors
    /// over words and characters decide alone, and receipts say so.
    pub encoder: Option<PathBuf>,
    /// Compute threads of the encoder's worker; by default as `engine.threads`.
    #[serde(deserialize_with = "super::maybe_within::<1, 1024, _, _>")]
    pub threads: Option<u32>,
    /// Milliseconds that the encoder may take for the texts of one look. After that it counts as
    /// not available.
    #[serde(deserialize_with = "within::<10, 600_000, _, _>")]
    pub wait_ms: u64,
    /// The operator's guard model: a GGUF file. It judges each text beside the other detectors.
    pub model: Option<PathBuf>,
    /// SHA-256 of that file, in lower-case hex. With another file, no text is let through.
    pub model_sha256: Option<String>,
    /// The family that the model belongs to: its prompt and the form of its answer.
    #[serde(with = "family")]
    pub family: Option<Family>,
    /// Milliseconds that the guard model may take for the texts of one look. After that it counts
    /// as not available.
    #[serde(deserialize_with = "within::<10, 600_000, _, _>")]
    pub model_wait_ms: u64,
    /// Folder with texts that the operator protects: answers that repeat them are detected.
    pub known_text: Option<PathBuf>,
    /// Folder with source code that the operator protects.
    pub known_code: Option<PathBuf>,
    /// The severity from which a resource's filters must block the four graded categories. A filter
    /// that blocks less needs an approved application.
    pub floor: Floor,
}

/// The weakest filter without an application, by the severity from which it blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Floor {
    /// Blocks low, medium and high.
    Low,
    /// Blocks medium and high.
    Medium,
    /// Blocks high: Azure's own floor.
    #[default]
    High,
}

impl Floor {
    /// Returns the weakest filter that needs no application.
    #[must_use]
    pub(crate) fn filter(self) -> Filter {
        match self {
            Self::Low => Filter::floor_at(Threshold::Low),
            Self::Medium => Filter::floor_at(Threshold::Medium),
            Self::High => Filter::floor(),
        }
    }
}

impl GuardConfig {
    /// Returns the guard model, with its file and the file's digest in hex, if there is one.
    ///
    /// # Errors
    /// If one of its three settings is missing or wrong: text for the operator.
    pub(crate) fn guard_model(&self) -> Result<Option<(GuardModel, &Path, &str)>, String> {
        match (&self.model, &self.model_sha256, self.family) {
            (None, None, None) => Ok(None),
            (Some(file), Some(hex), Some(family)) => {
                let digest = digest(hex).ok_or_else(|| {
                    "`guard.model_sha256` is not 64 lower-case hex digits; write what `sha256sum` \
                     prints for the file"
                        .to_owned()
                })?;
                Ok(Some((GuardModel { family, digest }, file, hex)))
            }
            _ => {
                Err("`guard.model`, `guard.model_sha256` and `guard.family` belong together; set \
                      all of them or none"
                    .to_owned())
            }
        }
    }
}

/// Reads a digest in lower-case hex.
fn digest(hex: &str) -> Option<Digest> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if hex.len() != 64 || !hex.bytes().all(is_hex) {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(Digest::new(bytes))
}

/// A family of guard models by its name.
mod family {
    use policy::guard::model::Family;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

    #[expect(clippy::ref_option, reason = "serde's form")]
    pub(super) fn serialize<S: Serializer>(
        family: &Option<Family>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        family.map(Family::name).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Family>, D::Error> {
        let Some(name) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let unknown = || {
            let names: Vec<_> = Family::ALL.into_iter().map(Family::name).collect();
            D::Error::custom(format!("there is no such family; use one of {}", names.join(", ")))
        };
        Family::from_name(&name).map(Some).ok_or_else(unknown)
    }
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self {
            encoder: None,
            threads: None,
            wait_ms: 5_000,
            model: None,
            model_sha256: None,
            family: None,
            model_wait_ms: 30_000,
            known_text: None,
            known_code: None,
            floor: Floor::High,
        }
    }
}
