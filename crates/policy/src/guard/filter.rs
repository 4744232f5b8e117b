//! Azure's `raiPolicies` object as a value: what a resource's filter annotates and what it blocks.
//!
//! The JSON of the management API is not here: this crate has no formats.

mod admitted;
mod canonical;
mod results;
mod weaker;

use std::collections::BTreeMap;

pub use admitted::{Admitted, TooWeak};
pub use results::{Annotation, Down, Results, Unavailable};
pub use weaker::Weakening;

use super::verdict::{BlocklistName, Category, Severity, Side, Verdict};

/// The way in which a completion is filtered while it streams. The names are Azure's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Text is held back until it is checked.
    #[default]
    Default,
    /// The same as `Default`, under its earlier name.
    Blocking,
    /// The same as `AsynchronousFilter`, under its earlier name.
    Deferred,
    /// Text goes out at once, and the finding follows.
    AsynchronousFilter,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 4] =
        [Self::Default, Self::Blocking, Self::Deferred, Self::AsynchronousFilter];

    /// Returns Azure's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "Default",
            Self::Blocking => "Blocking",
            Self::Deferred => "Deferred",
            Self::AsynchronousFilter => "Asynchronous_filter",
        }
    }

    /// Returns the mode with this name. Ignores case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(name))
    }

    /// Returns true if text goes out before it is checked.
    #[must_use]
    pub fn is_ahead(self) -> bool {
        matches!(self, Self::Deferred | Self::AsynchronousFilter)
    }
}

/// The severity from which a graded category is blocked: Azure's `severityThreshold`. `Low`
/// blocks the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Threshold {
    /// Low, medium and high are blocked.
    Low,
    /// Medium and high are blocked.
    Medium,
    /// Only high is blocked.
    High,
}

impl Threshold {
    /// All thresholds.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// Returns the threshold with this name. Ignores case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(name))
    }

    /// Returns true if a finding of this severity is blocked.
    #[must_use]
    pub fn blocks(self, severity: Severity) -> bool {
        let from = match self {
            Self::Low => Severity::Low,
            Self::Medium => Severity::Medium,
            Self::High => Severity::High,
        };
        severity >= from
    }

    /// Returns Azure's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        }
    }
}

/// What the filter does about one category on one side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Detectors of this category are not asked: `enabled: false`.
    #[default]
    Off,
    /// Findings are shown and nothing is blocked: `blocking: false`.
    Annotate,
    /// Findings are blocked: graded categories from a threshold, all others when detected.
    Block,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 3] = [Self::Off, Self::Annotate, Self::Block];

    /// Returns the action's name, as the command line and the database write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Annotate => "annotate",
            Self::Block => "block",
        }
    }

    /// Returns the action with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// One element of `contentFilters`, without category and side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rule {
    /// What is done.
    pub action: Action,
    /// The severity from which a graded category is blocked. Categories without severities
    /// ignore the threshold, as in Azure, whose own tools always send one.
    pub threshold: Threshold,
}

impl Rule {
    /// The rule without effect.
    pub const OFF: Self = Self { action: Action::Off, threshold: Threshold::Medium };
    /// Shows findings and blocks nothing.
    pub const ANNOTATE: Self = Self { action: Action::Annotate, threshold: Threshold::Medium };

    /// The rule that blocks from a threshold.
    #[must_use]
    pub const fn block(threshold: Threshold) -> Self {
        Self { action: Action::Block, threshold }
    }

    /// Returns true if the rule blocks a finding of this severity.
    #[must_use]
    pub fn blocks(self, category: &Category, severity: Severity) -> bool {
        let severe = match category.is_graded() {
            true => self.threshold.blocks(severity),
            false => severity > Severity::Safe,
        };
        self.action == Action::Block && severe
    }
}

/// What happens when a detector that the filter needs does not answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum WhenDown {
    /// The request is refused.
    #[default]
    Refuse,
    /// The text goes on, with the annotation that nothing was filtered: Azure's behaviour.
    Unfiltered,
}

impl WhenDown {
    /// All choices.
    pub const ALL: [Self; 2] = [Self::Refuse, Self::Unfiltered];

    /// Returns the choice's name, as in the field `whenDown` and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Unfiltered => "unfiltered",
        }
    }

    /// Returns the choice with this name. Ignores case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(name))
    }
}

/// The filter of a deployment: one `raiPolicies` object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    mode: Mode,
    when_down: WhenDown,
    /// Built-in categories and custom lists. A missing pair is `Rule::OFF`.
    rules: BTreeMap<(Category, Side), Rule>,
}

/// A rule that no filter can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// The category exists on the other side only.
    #[error("the filter `{category}` has no source `{side}`; remove it", side = .side.name())]
    Side {
        /// Azure's name of the category.
        category: &'static str,
        /// The side without this category.
        side: Side,
    },
    /// Azure's limit for one policy.
    #[error("a policy names at most {MOST_BLOCKLISTS} blocklists; join some")]
    TooManyBlocklists,
}

/// The largest number of custom lists in one filter, for each side.
pub const MOST_BLOCKLISTS: usize = 10;

impl Filter {
    /// Returns the defaults of Azure's `Microsoft.DefaultV2`: hate, sexual, violence and
    /// self-harm blocked at medium on both sides, jailbreaks blocked in prompts, known text
    /// blocked in completions and known code annotated there. Unlike Azure's, a request is refused
    /// while a detector is down.
    #[must_use]
    pub fn standard() -> Self {
        let mut filter = Self::graded(Rule::block(Threshold::Medium));
        let more = [
            (Category::Jailbreak, Side::Prompt, Rule::block(Threshold::Medium)),
            (Category::ProtectedMaterialText, Side::Completion, Rule::block(Threshold::Medium)),
            (Category::ProtectedMaterialCode, Side::Completion, Rule::ANNOTATE),
        ];
        filter.rules.extend(more.map(|(category, side, rule)| ((category, side), rule)));
        filter
    }

    /// Returns the weakest filter that Azure allows without an approved application: the four
    /// graded categories blocked at high. An operator can require more.
    #[must_use]
    pub fn floor() -> Self {
        Self::floor_at(Threshold::High)
    }

    /// Returns the weakest filter of an operator who requires another threshold for the four
    /// graded categories.
    #[must_use]
    pub fn floor_at(threshold: Threshold) -> Self {
        Self::graded(Rule::block(threshold))
            .with_mode(Mode::AsynchronousFilter)
            .with_when_down(WhenDown::Unfiltered)
    }

    fn graded(rule: Rule) -> Self {
        let pairs = Category::GRADED
            .into_iter()
            .flat_map(|category| Side::BOTH.map(|side| ((category.clone(), side), rule)));
        Self { mode: Mode::Default, when_down: WhenDown::Refuse, rules: pairs.collect() }
    }

    /// Returns the filter with another mode.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Returns the filter with another answer to detectors that are down.
    #[must_use]
    pub fn with_when_down(mut self, when_down: WhenDown) -> Self {
        self.when_down = when_down;
        self
    }

    /// Returns the filter with another rule for one category, or one custom list, on one side.
    ///
    /// # Errors
    /// If the category does not exist on this side, or there are too many custom lists.
    pub fn with(mut self, category: Category, side: Side, rule: Rule) -> Result<Self, BadRule> {
        if let Some(name) = category.policy_name()
            && !exists(&category, side)
        {
            return Err(BadRule::Side { category: name, side });
        }
        self.rules.insert((category, side), rule);
        for side in Side::BOTH {
            if self.blocklists(side).count() > MOST_BLOCKLISTS {
                return Err(BadRule::TooManyBlocklists);
            }
        }
        Ok(self)
    }

    /// Returns the filter in which everything is off: the beginning of one that is put together.
    #[must_use]
    pub fn empty() -> Self {
        Self { mode: Mode::Default, when_down: WhenDown::Refuse, rules: BTreeMap::new() }
    }

    /// Returns the mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns what happens while a detector is down.
    #[must_use]
    pub fn when_down(&self) -> WhenDown {
        self.when_down
    }

    /// Returns the rule for a category, or for a custom list, on one side.
    #[must_use]
    pub fn rule(&self, category: &Category, side: Side) -> Rule {
        self.rules.get(&(category.clone(), side)).copied().unwrap_or(Rule::OFF)
    }

    /// Returns the categories that detectors must look for on one side.
    pub fn needed(&self, side: Side) -> impl Iterator<Item = (&Category, Rule)> {
        let here = move |key: &&(Category, Side)| key.1 == side;
        let on =
            self.rules.iter().filter(move |(key, rule)| here(key) && rule.action != Action::Off);
        on.map(|(key, rule)| (&key.0, *rule))
    }

    /// Returns the custom lists of one side.
    pub fn blocklists(&self, side: Side) -> impl Iterator<Item = (&BlocklistName, Rule)> {
        self.needed(side).filter_map(|(category, rule)| match category {
            Category::Blocklist(name) => Some((name, rule)),
            _ => None,
        })
    }

    /// Decides about a text: which findings are shown, and which block it.
    ///
    /// # Errors
    /// If the filter needs a category that no detector looked for: an unknown text is not a safe
    /// one.
    pub fn judge(&self, verdict: &Verdict) -> Result<Results, Unavailable> {
        let mut results = Results::of(verdict.side());
        for (category, rule) in self.needed(verdict.side()) {
            let Some(severity) = verdict.severity(category) else {
                return Err(self.unavailable(verdict.side(), Down::NotLookedFor(category.clone())));
            };
            results.add(Annotation {
                category: category.clone(),
                severity,
                filtered: rule.blocks(category, severity),
                sources: verdict.sources(category).collect(),
            });
        }
        Ok(results)
    }

    /// Records that a detector did not answer. [`super::guarded::Guarded::unchecked`] then asks
    /// for this filter's own choice.
    #[must_use]
    pub fn unavailable(&self, side: Side, down: Down) -> Unavailable {
        Unavailable::new(side, down, self.when_down)
    }

    /// Compares with another filter, for example with the weakest that the operator allows.
    /// Returns each point in which this filter is weaker. If there is one, the filter needs an
    /// approved application.
    #[must_use]
    pub fn weaker(&self, than: &Self) -> Vec<Weakening> {
        weaker::compare(self, than)
    }

    /// Returns this filter with each point raised to another one's, for example to the weakest
    /// that the operator allows.
    #[must_use]
    pub fn raised(self, to: &Self) -> Self {
        weaker::raise(self, to)
    }

    /// Returns the rules of all categories and custom lists that were ever set, also those that
    /// are off.
    pub fn rules(&self) -> impl Iterator<Item = (&Category, Side, Rule)> {
        self.rules.iter().map(|((category, side), rule)| (category, *side, *rule))
    }

    /// Returns true if Azure has the category on this side.
    #[must_use]
    pub fn has(category: &Category, side: Side) -> bool {
        exists(category, side)
    }
}

/// Azure has these categories on one side only.
fn exists(category: &Category, side: Side) -> bool {
    match category {
        Category::Jailbreak | Category::IndirectAttack => side == Side::Prompt,
        Category::ProtectedMaterialText | Category::ProtectedMaterialCode => {
            side == Side::Completion
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests;
