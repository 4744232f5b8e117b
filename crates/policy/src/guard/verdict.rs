//! The words for findings: categories, severities, sources, and the verdict about one text.
//!
//! Nothing here holds content: a verdict names categories and detectors, never the text.

mod category;
mod source;

use std::collections::{BTreeMap, BTreeSet};

pub use category::{BadName, BlocklistName, Category, Severity, Side};
pub use source::{Digest, Layer, Source};

/// One detector's finding in one category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detection {
    category: Category,
    severity: Severity,
    source: Source,
}

impl Detection {
    /// Returns the category.
    #[must_use]
    pub fn category(&self) -> &Category {
        &self.category
    }

    /// Returns the severity; for a category without severities see [`Severity`].
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Returns the detector that found it.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }
}

/// What detectors say about one text. Only the detectors of `policy::guard` make one:
///
/// ```compile_fail
/// use policy::guard::verdict::{Side, Verdict};
/// let all_is_well = Verdict::by(Side::Prompt);
/// ```
///
/// A category that no detector looked for is not safe but unknown. [`Verdict::severity`] says so,
/// and the filter then treats the detector as missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    side: Side,
    looked: BTreeMap<Category, BTreeSet<Source>>,
    detections: Vec<Detection>,
}

impl Verdict {
    /// Begins a verdict in which nothing has been looked for.
    pub(in crate::guard) fn by(side: Side) -> Self {
        Self { side, looked: BTreeMap::new(), detections: Vec::new() }
    }

    /// Adds the result of a detector that looked for one category. `Safe` is a result, too.
    pub(in crate::guard) fn add(
        mut self,
        category: Category,
        severity: Severity,
        source: Source,
    ) -> Self {
        self.looked.entry(category.clone()).or_default().insert(source);
        if severity > Severity::Safe {
            self.detections.push(Detection { category, severity, source });
        }
        self
    }

    /// Joins two verdicts, for example of two detectors about one text, or of one detector about
    /// two parts of it. Nothing that was found is lost.
    ///
    /// # Errors
    /// If one is about a prompt and the other about a completion.
    pub fn and(mut self, other: Self) -> Result<Self, OtherSide> {
        if self.side != other.side {
            return Err(OtherSide);
        }
        for (category, sources) in other.looked {
            self.looked.entry(category).or_default().extend(sources);
        }
        for detection in other.detections {
            if !self.detections.contains(&detection) {
                self.detections.push(detection);
            }
        }
        Ok(self)
    }

    /// Returns the side that the text stands on.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// Returns all findings. `Safe` is none.
    #[must_use]
    pub fn detections(&self) -> &[Detection] {
        &self.detections
    }

    /// Returns the highest severity found in a category, or `None` if no detector looked for it.
    #[must_use]
    pub fn severity(&self, category: &Category) -> Option<Severity> {
        self.looked.get(category)?;
        let found = self.detections.iter().filter(|one| one.category == *category);
        Some(found.map(|one| one.severity).max().unwrap_or_default())
    }

    /// Returns the detectors that looked for a category.
    pub fn sources(&self, category: &Category) -> impl Iterator<Item = Source> {
        self.looked.get(category).into_iter().flatten().copied()
    }
}

/// Two verdicts are about different sides of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one verdict is about a prompt and the other about a completion; judge them apart")]
pub struct OtherSide;

#[cfg(test)]
mod tests {
    use super::*;

    fn source(byte: u8) -> Source {
        Source { layer: Layer::Lexicon, digest: Digest::new([byte; 32]) }
    }

    #[test]
    fn a_category_that_nobody_looked_for_is_unknown_and_not_safe() {
        let verdict = Verdict::by(Side::Prompt).add(Category::Hate, Severity::Safe, source(1));
        assert_eq!(verdict.severity(&Category::Hate), Some(Severity::Safe));
        assert_eq!(verdict.severity(&Category::Violence), None);
    }

    #[test]
    fn joined_verdicts_keep_the_highest_severity_and_every_source() {
        let low = Verdict::by(Side::Prompt).add(Category::Hate, Severity::Low, source(1));
        let high = Verdict::by(Side::Prompt).add(Category::Hate, Severity::High, source(2));
        for joined in [low.clone().and(high.clone()), high.clone().and(low.clone())] {
            let joined = joined.unwrap();
            assert_eq!(joined.severity(&Category::Hate), Some(Severity::High));
            assert_eq!(joined.sources(&Category::Hate).count(), 2);
        }
        assert_eq!(low.and(Verdict::by(Side::Completion)), Err(OtherSide));
    }
}
