//! The labels of a request in the form for one engine.

use std::{borrow::Cow, fmt};

use policy::{
    content::Content,
    engine::{Engine, LabelForm},
    forward::{Forwarded, Label},
};
use serde::{Serialize, Serializer};

/// The labels that an engine gets with a request; by default none.
#[derive(Clone, Default)]
pub struct Labels<'a> {
    user: Option<Cow<'a, str>>,
    safety_identifier: Option<Cow<'a, str>>,
    metadata: Pairs<'a>,
}

/// The pairs of `metadata`; a map in JSON.
#[derive(Clone, Copy, Default)]
pub(super) struct Pairs<'a>(&'a [(Content, Content)]);

impl fmt::Debug for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Labels").finish_non_exhaustive()
    }
}

impl<'a> Labels<'a> {
    /// Puts forwarded labels into the form for an engine. `pseudonym` makes the pseudonym of a
    /// label's text.
    #[must_use]
    pub fn new(
        forwarded: &'a Forwarded,
        engine: &Engine,
        pseudonym: impl Fn(Label, &str) -> String,
    ) -> Self {
        let form = |label: Label, text: Option<&'a Content>| match engine.label_form(label) {
            LabelForm::AsSent => text.map(|text| Cow::Borrowed(text.reveal())),
            LabelForm::Pseudonym => text.map(|text| Cow::Owned(pseudonym(label, text.reveal()))),
            LabelForm::Never => None,
        };
        let metadata = match engine.label_form(Label::Metadata) {
            LabelForm::AsSent => forwarded.metadata(),
            LabelForm::Pseudonym | LabelForm::Never => &[],
        };
        Self {
            user: form(Label::User, forwarded.user()),
            safety_identifier: form(Label::SafetyIdentifier, forwarded.safety_identifier()),
            metadata: Pairs(metadata),
        }
    }

    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    pub(super) fn safety_identifier(&self) -> Option<&str> {
        self.safety_identifier.as_deref()
    }

    pub(super) fn metadata(&self) -> Pairs<'a> {
        self.metadata
    }
}

impl Pairs<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key.reveal(), value.reveal())))
    }
}
