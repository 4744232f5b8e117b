//! The content filter's annotations on the wire, as Azure sends them: in answers, in the chunks of
//! a stream, and in the error for a blocked prompt.
//!
//! Nothing here decides or holds content: `server` maps the filter's decisions to these types.

mod schema;

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeStruct as _},
};
use utoipa::ToSchema;

/// What the filter says about one category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Azure's name of the category, such as `self_harm`.
    pub name: &'static str,
    /// True if this finding blocks the text.
    pub filtered: bool,
    /// What was found.
    pub value: Value,
}

/// What was found in one category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// For graded categories: `safe`, `low`, `medium` or `high`.
    Severity(&'static str),
    /// For categories without severities.
    Detected(bool),
    /// The custom blocklists that the text matches, and whether each blocks it.
    Lists(Vec<(String, bool)>),
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Finding", 2)?;
        out.serialize_field("filtered", &self.filtered)?;
        match &self.value {
            Value::Severity(severity) => out.serialize_field("severity", severity)?,
            Value::Detected(detected) => out.serialize_field("detected", detected)?,
            // Azure leaves `details` out if no list matches.
            Value::Lists(lists) if lists.is_empty() => out.skip_field("details")?,
            Value::Lists(lists) => {
                let details: Vec<_> = lists
                    .iter()
                    .map(|(id, filtered)| ListMatch { filtered: *filtered, id })
                    .collect();
                out.serialize_field("details", &details)?;
            }
        }
        out.end()
    }
}

/// A custom blocklist that matches.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ContentFilterDetailedBlocklist)]
pub(crate) struct ListMatch<'a> {
    /// True if the list blocks the text.
    filtered: bool,
    /// The list's name.
    id: &'a str,
}

/// The findings about one text: an object with a field for each category, sorted by name, as Azure
/// sends it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilterResults(Vec<Finding>);

impl FilterResults {
    /// Returns true if a finding blocks the text.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        self.0.iter().any(|finding| finding.filtered)
    }

    fn join(&mut self, other: &Finding) {
        let Some(own) = self.0.iter_mut().find(|own| own.name == other.name) else {
            self.0.push(other.clone());
            self.0.sort_by_key(|finding| finding.name);
            return;
        };
        own.filtered |= other.filtered;
        match (&mut own.value, &other.value) {
            (Value::Severity(own), Value::Severity(other)) => {
                let grade = |word| SEVERITIES.iter().position(|one| *one == word);
                if grade(*other) > grade(*own) {
                    *own = other;
                }
            }
            (Value::Detected(own), Value::Detected(other)) => *own |= other,
            (Value::Lists(own), Value::Lists(other)) => {
                for (id, filtered) in other {
                    match own.iter_mut().find(|(own, _)| own == id) {
                        Some((_, own)) => *own |= filtered,
                        None => own.push((id.clone(), *filtered)),
                    }
                }
            }
            _ => {}
        }
    }
}

/// Azure's words for severities, the gravest last.
const SEVERITIES: [&str; 4] = ["safe", "low", "medium", "high"];

impl FromIterator<Finding> for FilterResults {
    fn from_iter<I: IntoIterator<Item = Finding>>(findings: I) -> Self {
        let mut findings: Vec<_> = findings.into_iter().collect();
        findings.sort_by_key(|finding| finding.name);
        Self(findings)
    }
}

impl Serialize for FilterResults {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|finding| (finding.name, finding)))
    }
}

/// The annotations of one prompt, choice or chunk: `content_filter_results`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// The findings.
    Results(FilterResults),
    /// Nothing was filtered: a detector was down, and the resource's filter lets texts through
    /// then. The object is where Azure's documents have it; Azure itself was also seen to send it
    /// as `content_filter_result`, beside an empty object here.
    NotFiltered,
}

impl Checked {
    /// Returns the annotations of a chunk without text, such as the first and the last one of a
    /// choice: an empty object.
    #[must_use]
    pub fn nothing() -> Self {
        Self::Results(FilterResults::default())
    }

    /// Returns true if there are no findings, because nothing was checked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Results(FilterResults(findings)) if findings.is_empty())
    }

    /// Joins the annotations of two parts of one text: the graver finding of each category.
    pub(crate) fn join(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Results(own), Self::Results(FilterResults(findings))) => {
                findings.iter().for_each(|finding| own.join(finding));
            }
            (Self::NotFiltered, _) => {}
            (Self::Results(_), Self::NotFiltered) => *self = Self::NotFiltered,
        }
    }

    /// Returns true if a finding blocks the text.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        match self {
            Self::Results(results) => results.is_filtered(),
            Self::NotFiltered => false,
        }
    }
}

impl Serialize for Checked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Results(results) => results.serialize(serializer),
            Self::NotFiltered => {
                let mut out = serializer.serialize_map(Some(1))?;
                out.serialize_entry("error", &NOT_FILTERED)?;
                out.end()
            }
        }
    }
}

/// Why there are no findings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ContentFilterError)]
pub(crate) struct NotChecked {
    /// Always `content_filter_error`.
    code: &'static str,
    /// Message, for people.
    message: &'static str,
}

const NOT_FILTERED: NotChecked =
    NotChecked { code: "content_filter_error", message: "The contents are not filtered" };

/// The annotations of one prompt: an element of `prompt_filter_results`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PromptFilterResult)]
pub struct PromptResults<'a> {
    /// Index of the prompt, from 0.
    pub prompt_index: u32,
    /// Its annotations.
    #[schema(value_type = Checked)]
    pub content_filter_results: &'a Checked,
}

impl<'a> PromptResults<'a> {
    /// Numbers the annotations of consecutive prompts.
    pub(crate) fn from(first: u32, prompts: &'a [Checked]) -> Vec<Self> {
        let results =
            |(prompt_index, content_filter_results)| Self { prompt_index, content_filter_results };
        (first..).zip(prompts).map(results).collect()
    }
}

/// The annotations of a whole answer. Without any, the answer has no fields about the filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotations {
    /// Of each prompt, in order.
    pub prompts: Vec<Checked>,
    /// Of each choice, in order, over all prompts. A choice with a finding that blocks it loses its
    /// text, its function calls and its log probabilities, and ends with `content_filter`.
    pub choices: Vec<Checked>,
}

impl Annotations {
    pub(crate) fn choice(&self, index: u32) -> Option<&Checked> {
        self.choices.get(usize::try_from(index).ok()?)
    }
}

/// The part of a text that an annotation is about, where the text went out before it was checked:
/// `content_filter_offsets`. Azure counts characters, from the beginning of the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ContentFilterOffsets)]
pub struct Offsets {
    /// Up to here all text is checked. It never decreases.
    pub check_offset: u64,
    /// The first character that the annotation is about.
    pub start_offset: u64,
    /// The first character after those.
    pub end_offset: u64,
}

/// The end of a choice that the filter blocked in a stream.
#[derive(Debug, Clone, Copy)]
pub struct Filtered<'a> {
    /// Index of the choice among those of its prompt.
    pub choice: u32,
    /// The annotations, with a finding that blocks.
    pub checked: &'a Checked,
    /// The blocked part, where text went out before it was checked.
    pub offsets: Option<Offsets>,
    /// Tokens generated for this choice. Azure charges for them, too.
    pub completion_tokens: u32,
}

/// Details of the error for a blocked prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct InnerError {
    /// Always `ResponsibleAIPolicyViolation`.
    pub code: &'static str,
    /// The annotations. Azure's wire has the singular here, and clients read it, although Azure's
    /// specification has the plural.
    pub content_filter_result: FilterResults,
}

impl InnerError {
    pub(crate) fn new(content_filter_result: FilterResults) -> Self {
        Self { code: "ResponsibleAIPolicyViolation", content_filter_result }
    }
}

/// Azure's message for a blocked prompt, word for word: clients and tests look for parts of it.
pub(crate) const PROMPT_FILTERED: &str = "The response was filtered due to the prompt triggering \
    Azure OpenAI's content management policy. Please modify your prompt and retry. To learn more \
    about our content filtering policies please read our documentation: \
    https://go.microsoft.com/fwlink/?linkid=2198766";

#[cfg(test)]
mod tests;
