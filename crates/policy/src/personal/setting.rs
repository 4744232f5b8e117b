//! The setting of a resource or a processor for personal data.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{BadTerm, Detector, Kind, Kinds, Mode, Terms};
use crate::content::Content;

/// Treatment of things that cannot be looked into: an image, a sound, tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Opaque {
    /// It goes on. The receipt says that it was not looked into.
    Pass,
    /// The request is refused, unless personal data is only reported or not looked for at all.
    #[default]
    Refuse,
}

/// The setting of a resource or a processor for personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Treatment of personal data.
    pub mode: Mode,
    /// Kinds that are looked for.
    pub kinds: Kinds,
    /// The operator's own words and patterns.
    pub terms: Terms,
    /// Treatment of things that cannot be looked into.
    pub opaque: Opaque,
    /// Whether a resource's setting applies to the operator's own engines and to the embedded one, too.
    pub everywhere: bool,
}

impl Opaque {
    /// Returns the name in settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Refuse => "refuse",
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Setting {
    /// The setting of a resource that has none: its processors' settings decide.
    #[must_use]
    pub fn of_resource() -> Self {
        Self::new(Mode::Off)
    }

    /// The setting of a processor that has none: nothing personal goes to it in clear.
    #[must_use]
    pub fn of_processor() -> Self {
        Self::new(Mode::Pseudonymise)
    }

    fn new(mode: Mode) -> Self {
        let (kinds, terms) = (Kinds::default(), Terms::default());
        Self { mode, kinds, terms, opaque: Opaque::default(), everywhere: false }
    }

    /// Returns the setting that is as strict as both, and looks for the kinds of both. Of a setting
    /// that is off, nothing is looked for.
    #[must_use]
    pub fn strictest(&self, other: &Self) -> Self {
        if self.mode == Mode::Off {
            return other.clone();
        }
        if other.mode == Mode::Off {
            return self.clone();
        }
        let mut terms = self.terms.clone();
        let more = |own: &mut Vec<Content>, others: &[Content]| {
            let new = others.iter().filter(|other| !own.contains(other)).cloned();
            let new: Vec<_> = new.collect();
            own.extend(new);
        };
        more(&mut terms.words, &other.terms.words);
        more(&mut terms.patterns, &other.terms.patterns);
        Self {
            mode: self.mode.max(other.mode),
            kinds: self.kinds.union(other.kinds),
            terms,
            opaque: self.opaque.max(other.opaque),
            everywhere: self.everywhere || other.everywhere,
        }
    }

    /// Builds the detector.
    ///
    /// # Errors
    /// If a word or a pattern is over a limit.
    pub fn detector(&self) -> Result<Detector, BadTerm> {
        Detector::new(&self.kinds, &self.terms)
    }

    /// Returns the setting in words, for the log's commitment. Of the operator's words it has the number
    /// and a digest.
    #[must_use]
    pub fn in_words(&self) -> String {
        let kinds: Vec<_> = self.kinds.iter().map(Kind::name).collect();
        let mut digest = Sha256::new();
        for term in self.terms.words.iter().chain(&self.terms.patterns) {
            digest.update(term.reveal());
            digest.update([0]);
        }
        let digest: [u8; 32] = digest.finalize().into();
        format!(
            "personal_data={} kinds={} words={} patterns={} terms_sha256={} unreadable={} \
             everywhere={}",
            self.mode,
            kinds.join(","),
            self.terms.words.len(),
            self.terms.patterns.len(),
            hex(&digest),
            self.opaque.name(),
            self.everywhere
        )
    }

    /// Returns the setting as JSON, for storage. It has the operator's words.
    #[must_use]
    pub fn to_json(&self) -> Content {
        let stored = Stored::from(self);
        Content::new(serde_json::to_string(&stored).unwrap_or_default())
    }

    /// Reads the output of [`Self::to_json`].
    ///
    /// # Errors
    /// If a field is missing, or is of another kind.
    pub fn from_json(text: &str) -> Result<Self, NotASetting> {
        serde_json::from_str::<Stored>(text).map_err(|_| NotASetting)?.try_into()
    }
}

/// A text is no setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a setting about personal data")]
pub struct NotASetting;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    mode: String,
    kinds: BTreeSet<String>,
    words: Vec<String>,
    patterns: Vec<String>,
    opaque: Opaque,
    everywhere: bool,
}

impl From<&Setting> for Stored {
    fn from(setting: &Setting) -> Self {
        let texts = |all: &[Content]| all.iter().map(|one| one.reveal().to_owned()).collect();
        Self {
            mode: setting.mode.name().to_owned(),
            kinds: setting.kinds.iter().map(|kind| kind.name().to_owned()).collect(),
            words: texts(&setting.terms.words),
            patterns: texts(&setting.terms.patterns),
            opaque: setting.opaque,
            everywhere: setting.everywhere,
        }
    }
}

impl TryFrom<Stored> for Setting {
    type Error = NotASetting;

    fn try_from(stored: Stored) -> Result<Self, NotASetting> {
        let kinds = stored.kinds.iter().map(|name| Kind::named(name).ok_or(NotASetting));
        let contents = |texts: Vec<String>| texts.into_iter().map(Content::new).collect();
        Ok(Self {
            mode: Mode::named(&stored.mode).ok_or(NotASetting)?,
            kinds: kinds.collect::<Result<_, _>>()?,
            terms: Terms { words: contents(stored.words), patterns: contents(stored.patterns) },
            opaque: stored.opaque,
            everywhere: stored.everywhere,
        })
    }
}
