//! The labels of a request (`user`, `safety_identifier`, `metadata`), and which of them a resource
//! forwards to other engines: none by default.
//!
//! [`CallerLabels`] are those that the caller sent. Only a resource's [`Forward`] turns them into
//! [`Forwarded`], and the code that sends requests to engines takes nothing else. So a label
//! without a decision goes nowhere. `engine::Engine::label_form` decides the form in which an
//! engine gets a label.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    content::Content,
    texts::{Piece, Texts},
};

/// A label that a resource can forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// `user`: the caller's name for its end user.
    User,
    /// `safety_identifier`: OpenAI's newer field for the same.
    SafetyIdentifier,
    /// `metadata`: up to 16 pairs of texts.
    Metadata,
}

impl Label {
    /// All labels.
    pub const ALL: [Self; 3] = [Self::User, Self::SafetyIdentifier, Self::Metadata];

    /// Returns the field's name in the API, as stored and as typed on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::SafetyIdentifier => "safety_identifier",
            Self::Metadata => "metadata",
        }
    }

    /// Returns the label with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|label| label.name() == name)
    }
}

/// The labels that a resource forwards to other engines. The default is none.
///
/// As text it is the names with commas between them, or `none`; in JSON a list of names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeSet<Label>", into = "Vec<Label>")]
pub struct Forward {
    user: bool,
    safety_identifier: bool,
    metadata: bool,
}

impl Forward {
    /// No label.
    pub const NONE: Self = Self { user: false, safety_identifier: false, metadata: false };

    /// Whether a label is forwarded.
    #[must_use]
    pub fn contains(self, label: Label) -> bool {
        let Self { user, safety_identifier, metadata } = self;
        match label {
            Label::User => user,
            Label::SafetyIdentifier => safety_identifier,
            Label::Metadata => metadata,
        }
    }

    /// Returns the labels that are forwarded.
    pub fn labels(self) -> impl Iterator<Item = Label> {
        Label::ALL.into_iter().filter(move |label| self.contains(*label))
    }

    /// Returns those of a request's labels that are forwarded.
    #[must_use]
    pub fn of(self, sent: &CallerLabels) -> Forwarded {
        let CallerLabels { user, safety_identifier, metadata } = sent;
        let some = |label, content: &Option<Content>| {
            content.as_ref().filter(|_| self.contains(label)).cloned()
        };
        let metadata = if self.metadata { metadata.clone() } else { Vec::new() };
        Forwarded {
            user: some(Label::User, user),
            safety_identifier: some(Label::SafetyIdentifier, safety_identifier),
            metadata,
        }
    }
}

impl FromIterator<Label> for Forward {
    fn from_iter<T: IntoIterator<Item = Label>>(labels: T) -> Self {
        labels.into_iter().fold(Self::NONE, |before, label| match label {
            Label::User => Self { user: true, ..before },
            Label::SafetyIdentifier => Self { safety_identifier: true, ..before },
            Label::Metadata => Self { metadata: true, ..before },
        })
    }
}

impl From<BTreeSet<Label>> for Forward {
    fn from(labels: BTreeSet<Label>) -> Self {
        labels.into_iter().collect()
    }
}

impl From<Forward> for Vec<Label> {
    fn from(forward: Forward) -> Self {
        forward.labels().collect()
    }
}

impl fmt::Display for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("none");
        }
        let names: Vec<_> = self.labels().map(Label::name).collect();
        f.write_str(&names.join(","))
    }
}

/// A text names no labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoLabels;

impl fmt::Display for NoLabels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Label::ALL.map(Label::name).join(", ");
        write!(f, "not the names of labels; write `none`, or some of: {names}")
    }
}

impl std::error::Error for NoLabels {}

impl FromStr for Forward {
    type Err = NoLabels;

    /// Reads the text that [`fmt::Display`] writes.
    fn from_str(text: &str) -> Result<Self, NoLabels> {
        if text == "none" {
            return Ok(Self::NONE);
        }
        text.split(',').map(|name| Label::from_name(name).ok_or(NoLabels)).collect()
    }
}

/// The labels of one request, as its caller sent them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallerLabels {
    /// `user`.
    pub user: Option<Content>,
    /// `safety_identifier`.
    pub safety_identifier: Option<Content>,
    /// The pairs of `metadata`.
    pub metadata: Vec<(Content, Content)>,
}

/// The labels of one request that its resource forwards. Only [`Forward::of`] makes a value with
/// labels; the default has none.
///
/// ```compile_fail,E0451
/// let user = Some("alice".to_owned().into());
/// let forged = policy::forward::Forwarded { user, ..Default::default() };
/// ```
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    user: Option<Content>,
    safety_identifier: Option<Content>,
    metadata: Vec<(Content, Content)>,
}

impl Forwarded {
    /// Returns `user`, as the caller sent it.
    #[must_use]
    pub fn user(&self) -> Option<&Content> {
        self.user.as_ref()
    }

    /// Returns `safety_identifier`, as the caller sent it.
    #[must_use]
    pub fn safety_identifier(&self) -> Option<&Content> {
        self.safety_identifier.as_ref()
    }

    /// Returns the pairs of `metadata`, as the caller sent them.
    #[must_use]
    pub fn metadata(&self) -> &[(Content, Content)] {
        &self.metadata
    }
}

impl Texts for Forwarded {
    /// `user` and `safety_identifier` are no texts here: a company gets them as keyed hashes, which
    /// must stay the same from request to request.
    fn texts<'a>(&'a mut self, pieces: &mut Vec<Piece<'a>>) {
        let Self { user: _, safety_identifier: _, metadata } = self;
        for (key, value) in metadata {
            pieces.extend([Piece::Gap, Piece::Word(key), Piece::Gap, Piece::Text(value)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Content {
        Content::new(text.to_owned())
    }

    fn sent() -> CallerLabels {
        CallerLabels {
            user: Some(text("alice")),
            safety_identifier: Some(text("a1")),
            metadata: vec![(text("who"), text("alice"))],
        }
    }

    #[test]
    fn a_label_is_forwarded_only_if_the_resource_names_it() {
        assert_eq!(Forward::default().of(&sent()), Forwarded::default());
        for label in Label::ALL {
            let forwarded = Forward::from_iter([label]).of(&sent());
            let found = [
                (Label::User, forwarded.user().is_some()),
                (Label::SafetyIdentifier, forwarded.safety_identifier().is_some()),
                (Label::Metadata, !forwarded.metadata().is_empty()),
            ];
            for (other, there) in found {
                assert_eq!(there, other == label, "{label:?} {other:?}");
            }
        }
        let all = Forward::from_iter(Label::ALL).of(&sent());
        assert_eq!(all.user(), Some(&text("alice")));
        assert_eq!(all.safety_identifier(), Some(&text("a1")));
        assert_eq!(all.metadata(), [(text("who"), text("alice"))]);
        // The resource names the values that may be forwarded, not those that are.
        assert_eq!(
            Forward::from_iter(Label::ALL).of(&CallerLabels::default()),
            Forwarded::default()
        );
    }

    #[test]
    fn a_setting_is_read_back_from_its_text() {
        for bits in 0..8_u8 {
            let chosen = (0..).zip(Label::ALL).filter(|(bit, _)| bits >> bit & 1 == 1);
            let forward: Forward = chosen.map(|(_, label)| label).collect();
            assert_eq!(forward.to_string().parse(), Ok(forward), "{forward}");
        }
        assert_eq!(Forward::NONE.to_string(), "none");
        assert_eq!(Forward::from_iter(Label::ALL).to_string(), "user,safety_identifier,metadata");
        for wrong in ["", "User", "user,", "user, metadata", "all", "none,user"] {
            assert_eq!(wrong.parse::<Forward>(), Err(NoLabels), "{wrong}");
        }
    }

    #[test]
    fn no_label_is_printed() {
        let all = Forward::from_iter(Label::ALL).of(&sent());
        let printed = format!("{:?} {all:?}", sent());
        assert!(!printed.contains("alice") && !printed.contains("a1"), "{printed}");
    }
}
