//! A sentence of an explanation, with the settings behind it and the ways to check it.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

use super::fact::{Because, Setting};

/// One step in the life of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ExplanationStep)]
pub(crate) enum Step {
    /// Where the request is accepted.
    Accepted,
    /// The callers that may send it.
    Caller,
    /// How large and how frequent requests may be.
    Limits,
    /// The content filter.
    ContentFilter,
    /// The treatment of personal data.
    PersonalData,
    /// Where the model runs, and its operator.
    Runs,
    /// The people and companies that can see content meanwhile.
    Seen,
    /// The things that are kept, and their duration.
    Kept,
    /// The people that can open them.
    Opened,
    /// How abuse is noticed, and the consequences.
    Abuse,
    /// The content of the receipt.
    Receipt,
}

impl Step {
    /// All steps, in the order of the explanation.
    pub(crate) const ALL: [Self; 11] = [
        Self::Accepted,
        Self::Caller,
        Self::Limits,
        Self::ContentFilter,
        Self::PersonalData,
        Self::Runs,
        Self::Seen,
        Self::Kept,
        Self::Opened,
        Self::Abuse,
        Self::Receipt,
    ];

    /// Returns the title.
    #[must_use]
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Accepted => "Where a request is accepted",
            Self::Caller => "Who may send it",
            Self::Limits => "How large and how frequent it may be",
            Self::ContentFilter => "What the content filter does",
            Self::PersonalData => "What happens to personal data",
            Self::Runs => "Where the model runs",
            Self::Seen => "Who can see the content meanwhile",
            Self::Kept => "What is kept, and for how long",
            Self::Opened => "Who can open what is kept",
            Self::Abuse => "How abuse is noticed",
            Self::Receipt => "What you get as proof",
        }
    }
}

/// A person or program that can check a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ExplanationChecker)]
pub(crate) enum By {
    /// All callers of the resource.
    Caller,
    /// The customer's data protection officer.
    Officer,
    /// Everybody with the log and the service's public key.
    Auditor,
    /// The operator of the service.
    Operator,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Caller => "caller",
            Self::Officer => "officer",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        })
    }
}

/// A way to check a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ExplanationCheck)]
pub(crate) struct Check {
    /// Person or program that can check it.
    pub by: By,
    /// A command, a field of the receipt, or an entry of the log.
    pub how: String,
}

impl Check {
    /// A check for all callers of the resource.
    pub(crate) fn caller(how: impl Into<String>) -> Self {
        Self { by: By::Caller, how: how.into() }
    }

    /// A check for the customer's data protection officer.
    pub(crate) fn officer(how: impl Into<String>) -> Self {
        Self { by: By::Officer, how: how.into() }
    }

    /// A check for everybody with the log.
    pub(crate) fn auditor(how: impl Into<String>) -> Self {
        Self { by: By::Auditor, how: how.into() }
    }

    /// A check for the operator.
    pub(crate) fn operator(how: impl Into<String>) -> Self {
        Self { by: By::Operator, how: how.into() }
    }
}

/// One sentence, or a few that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ExplanationSentence)]
pub(crate) struct Sentence {
    /// Id of the sentence, the same in each explanation: `kept.records`.
    pub id: String,
    /// Step that it is about.
    pub step: Step,
    /// The sentence, in plain words.
    pub text: String,
    /// Settings that it depends on; empty if no setting changes it.
    pub because: Vec<Setting>,
    /// Ways to check it.
    pub check: Vec<Check>,
}

impl Sentence {
    /// Makes a sentence. `because` holds each setting that was read for it.
    pub(crate) fn new(
        step: Step,
        id: impl Into<String>,
        because: Because,
        text: impl Into<String>,
        check: impl Into<Vec<Check>>,
    ) -> Self {
        let because = because.into_settings();
        Self { id: id.into(), step, text: text.into(), because, check: check.into() }
    }
}
