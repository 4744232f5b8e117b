//! What a filter decided about one text, or why it could not decide.

use super::{Category, Severity, Side, WhenDown};
use crate::guard::verdict::Source;

/// One field of `content_filter_results`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// The category.
    pub category: Category,
    /// The highest severity found. For categories without severities, `Safe` is not detected.
    pub severity: Severity,
    /// True if this finding blocks the text.
    pub filtered: bool,
    /// The detectors that looked for it.
    pub sources: Vec<Source>,
}

impl Annotation {
    /// Returns the field `detected` of categories without severities.
    #[must_use]
    pub fn detected(&self) -> bool {
        self.severity > Severity::Safe
    }
}

/// What a filter decided about one text: the annotations, and whether the text is blocked. Only
/// [`super::Filter::judge`] makes it, from a verdict. It can be neither copied nor changed, so it
/// admits one value.
#[derive(Debug, PartialEq, Eq)]
pub struct Results {
    side: Side,
    annotations: Vec<Annotation>,
}

impl Results {
    pub(super) fn of(side: Side) -> Self {
        Self { side, annotations: Vec::new() }
    }

    pub(super) fn add(&mut self, annotation: Annotation) {
        self.annotations.push(annotation);
    }

    /// Returns the side that the text stands on.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// Returns an annotation for each category that the filter has switched on.
    #[must_use]
    pub fn annotations(&self) -> &[Annotation] {
        &self.annotations
    }

    /// Returns the categories that block the text.
    pub fn blocked_by(&self) -> impl Iterator<Item = &Category> {
        self.annotations.iter().filter(|one| one.filtered).map(|one| &one.category)
    }

    /// Returns true if a category blocks the text.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.blocked_by().next().is_some()
    }
}

/// Why a text could not be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Down {
    /// No detector looked for a category that the filter has switched on.
    #[error("no detector looked for `{}`; configure one, or switch the category off", .0.name())]
    NotLookedFor(Category),
    /// The detector's process does not run.
    #[error("a detector is not running; see `/readyz`")]
    Stopped,
    /// The detector did not answer in time.
    #[error("a detector did not answer in time; try again")]
    Late,
    /// The prompt has a part that no detector reads.
    #[error(
        "no detector reads images, sound or tokens; send text, or choose a filter with `whenDown` \
         set to `unfiltered`"
    )]
    Unreadable,
    /// The text is larger than detectors take.
    #[error("the text is larger than the detectors take; send less")]
    TooLarge,
}

/// A text was not checked. Only a filter makes it, and it carries the filter's own choice
/// between refusing and going on unfiltered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the content filter is not available: {down}")]
pub struct Unavailable {
    side: Side,
    #[source]
    down: Down,
    when_down: WhenDown,
}

impl Unavailable {
    pub(super) fn new(side: Side, down: Down, when_down: WhenDown) -> Self {
        Self { side, down, when_down }
    }

    /// Returns the side that the text stands on.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// Returns the reason.
    #[must_use]
    pub fn down(&self) -> &Down {
        &self.down
    }

    /// Returns the filter's choice.
    #[must_use]
    pub fn when_down(&self) -> WhenDown {
        self.when_down
    }
}
