//! Whether a resource may have a filter.

use super::{Filter, Weakening};

/// A filter that a resource may have: at least as strong as the operator's floor, or weaker by an
/// approved application. A store takes no other:
///
/// ```compile_fail
/// use policy::guard::filter::{Admitted, Filter};
/// let any = Admitted(Filter::floor());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted(Filter);

/// A filter is weaker than the operator's floor, and no approved application is in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the filter is weaker than this service allows: {}", list(.points))]
pub struct TooWeak {
    /// Each point in which the filter is weaker.
    pub points: Vec<Weakening>,
}

impl Admitted {
    /// Admits a filter. `may_weaken` says that an approved application for modified content
    /// filtering is in force.
    ///
    /// # Errors
    /// [`TooWeak`] if the filter is weaker than `floor` without such an application.
    pub fn new(filter: Filter, floor: &Filter, may_weaken: bool) -> Result<Self, TooWeak> {
        let points = filter.weaker(floor);
        if may_weaken || points.is_empty() {
            return Ok(Self(filter));
        }
        Err(TooWeak { points })
    }

    /// Returns the filter.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.0
    }
}

fn list(points: &[Weakening]) -> String {
    points.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::super::{Category, Mode, Rule, Side};
    use super::*;

    #[test]
    fn a_filter_below_the_floor_takes_an_approved_application() {
        let floor = Filter::floor();
        assert!(Admitted::new(Filter::standard(), &floor, false).is_ok());
        assert!(Admitted::new(floor.clone(), &floor, false).is_ok());
        let weak = Filter::standard()
            .with(Category::Hate, Side::Prompt, Rule::ANNOTATE)
            .and_then(|filter| filter.with(Category::SelfHarm, Side::Completion, Rule::OFF))
            .unwrap();
        let refused = Admitted::new(weak.clone(), &floor, false).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the filter is weaker than this service allows: `Hate` for `Prompt` is only annotated, \
             and must be blocked from `High`; `Selfharm` for `Completion` is off, and must be \
             blocked from `High`"
        );
        assert_eq!(Admitted::new(weak.clone(), &floor, true).unwrap().filter(), &weak);
    }

    #[test]
    fn a_higher_floor_refuses_the_mode_too_and_raising_a_filter_satisfies_it() {
        let floor = Filter::standard();
        let weak = Filter::floor().with_mode(Mode::Deferred);
        let refused = Admitted::new(weak.clone(), &floor, false).unwrap_err();
        assert!(refused.to_string().contains("asynchronous"), "{refused}");
        let raised = weak.raised(&floor);
        assert!(raised.weaker(&floor).is_empty() && raised.weaker(&Filter::floor()).is_empty());
        assert_eq!(Filter::standard().raised(&Filter::floor()), Filter::standard());
    }
}
