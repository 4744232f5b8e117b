//! The value that a filter let through, and the two other outcomes.
//!
//! A step that takes a `Guarded<T>` cannot be reached with a text that no filter judged.

use super::{
    filter::{Results, Unavailable, WhenDown},
    verdict::Category,
};

/// A prompt, a piece of an answer, or another value that may go on. Only [`Guarded::pass`] and
/// [`Guarded::unchecked`] make it:
///
/// ```compile_fail
/// use policy::guard::guarded::Guarded;
/// let prompt = Guarded { value: "a prompt", check: None };
/// ```
///
/// [`Results`] come from a filter and a verdict only, are not copied, and admit one value:
///
/// ```compile_fail,E0382
/// use policy::guard::{filter::Results, guarded::Guarded};
/// fn twice(results: Results) {
///     let first = Guarded::pass("judged", results);
///     let second = Guarded::pass("another", results);
/// }
/// ```
#[derive(Debug)]
pub struct Guarded<T> {
    value: T,
    check: Result<Results, Unavailable>,
}

impl<T> Guarded<T> {
    /// Lets a value through that nothing blocks. `results` must be about this value: the caller
    /// judges and passes in one step.
    ///
    /// # Errors
    /// If a category blocks the text. The value is dropped.
    pub fn pass(value: T, results: Results) -> Result<Self, Blocked> {
        match results.is_blocked() {
            true => Err(Blocked { results }),
            false => Ok(Self { value, check: Ok(results) }),
        }
    }

    /// Lets a value through that was not checked, if the resource's filter chose so. The
    /// annotation and the receipt then say that it was not filtered.
    ///
    /// # Errors
    /// If the filter refuses while a detector is down. The value is dropped.
    pub fn unchecked(value: T, unavailable: Unavailable) -> Result<Self, Unavailable> {
        match unavailable.when_down() {
            WhenDown::Refuse => Err(unavailable),
            WhenDown::Unfiltered => Ok(Self { value, check: Err(unavailable) }),
        }
    }

    /// Returns the annotations.
    ///
    /// # Errors
    /// If the value was not filtered.
    pub fn results(&self) -> Result<&Results, &Unavailable> {
        self.check.as_ref()
    }

    /// Returns the value.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.value
    }

    /// Takes the value, for the step that ends the protection.
    pub fn into_parts(self) -> (T, Result<Results, Unavailable>) {
        (self.value, self.check)
    }
}

/// The filter blocked the text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content filter blocked the text; change it, or ask the resource's owner")]
pub struct Blocked {
    results: Results,
}

impl Blocked {
    /// Returns all annotations, for the error's `content_filter_result`.
    #[must_use]
    pub fn results(&self) -> &Results {
        &self.results
    }

    /// Returns the categories that block the text.
    pub fn by(&self) -> impl Iterator<Item = &Category> {
        self.results.blocked_by()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::{
        filter::{Down, Filter},
        verdict::{Digest, Layer, Severity, Side, Source, Verdict},
    };

    fn results(severity: Severity) -> Results {
        let filter = Filter::standard();
        let source = Source { layer: Layer::Encoder, digest: Digest::new([1; 32]) };
        let verdict =
            filter.needed(Side::Prompt).fold(Verdict::by(Side::Prompt), |verdict, one| {
                verdict.add(one.0.clone(), severity, source)
            });
        filter.judge(&verdict).unwrap()
    }

    #[test]
    fn what_nothing_blocks_goes_on_with_its_annotations() {
        let guarded = Guarded::pass("prompt", results(Severity::Safe)).unwrap();
        assert_eq!(*guarded.get(), "prompt");
        assert_eq!(guarded.results().unwrap().annotations().len(), 5);
    }

    #[test]
    fn a_blocked_value_does_not_go_on() {
        let blocked = Guarded::pass("prompt", results(Severity::High)).unwrap_err();
        assert_eq!(blocked.by().count(), 5);
    }

    #[test]
    fn without_a_detector_the_filters_own_choice_decides() {
        let strict = Filter::standard();
        let down = strict.unavailable(Side::Prompt, Down::Late);
        assert_eq!(Guarded::unchecked("prompt", down.clone()).unwrap_err(), down);

        let open = strict.with_when_down(WhenDown::Unfiltered);
        let guarded = Guarded::unchecked("prompt", open.unavailable(Side::Prompt, Down::Late));
        let guarded = guarded.unwrap();
        assert_eq!(guarded.results().unwrap_err().down(), &Down::Late);
        assert_eq!(guarded.into_parts().0, "prompt");
    }
}
