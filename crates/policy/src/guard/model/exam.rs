//! The steps from a text to a verdict: questions, answers, more questions, verdict.

use std::collections::BTreeSet;

use super::{
    Asked, FORM_FROM, Family, GuardModel, HIGH_FROM, LOW_FROM, MEDIUM_FROM, Passage, Question,
    detected, granite, llama_guard, qwen, severity, shield_gemma, wanted,
};
use crate::guard::verdict::{Category, Severity, Verdict};

/// The judging of one passage by a guard model.
///
/// Ask [`Examination::questions`], give the answers to [`Examination::answer`], and again, at most
/// twice, until [`Examination::verdict`] returns the verdict.
#[derive(Debug, Clone)]
pub struct Examination {
    model: GuardModel,
    passage: Passage,
    /// The categories that are wanted and that the family covers here.
    looks_for: BTreeSet<Category>,
    step: Step,
}

#[derive(Debug, Clone)]
enum Step {
    /// One question for each topic.
    Topics(Vec<Asked>),
    /// Llama Guard's whole policy.
    Policy(Question),
    /// Qwen3Guard's degree of safety.
    Degree(Question),
    /// Qwen3Guard's category of a text of this severity.
    Kind(Question, Severity),
    /// Finished, with the severities that were found. All others are safe.
    Found(Vec<(Category, Severity)>),
}

/// The answer of a guard model cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// There are not as many answers as questions, or not as many numbers as labels.
    #[error("the guard model's answer has another length than the question; report this error")]
    Length,
    /// A number is no logarithm of a probability.
    #[error("the guard model computed a number that is no probability; check its file")]
    NotAProbability,
    /// The model would answer with another word than its family.
    #[error(
        "the guard model does not answer in the form of its family; set the family that its file \
         belongs to"
    )]
    OtherForm,
}

impl Examination {
    /// Begins to judge a passage. Only wanted categories are looked for, and of these only those
    /// that the family covers; all others stay unknown.
    #[must_use]
    pub fn new(model: GuardModel, passage: Passage, categories: &BTreeSet<Category>) -> Self {
        let no_jailbreak = !matches!(passage, Passage::Prompt { is_user_turn: true, .. });
        let covered = model.family.covers(passage.side());
        let looks_for: BTreeSet<Category> = covered
            .filter(|category| categories.contains(*category))
            .filter(|category| !(no_jailbreak && **category == Category::Jailbreak))
            .cloned()
            .collect();
        let step = match model.family {
            _ if looks_for.is_empty() => Step::Found(Vec::new()),
            Family::LlamaGuard3 => Step::Policy(llama_guard::whole(&passage, false)),
            Family::LlamaGuard3Small => Step::Policy(llama_guard::whole(&passage, true)),
            Family::ShieldGemma => {
                Step::Topics(wanted(shield_gemma::questions(&passage), &looks_for))
            }
            Family::GraniteGuardian3 => Step::Topics(wanted(granite::risks(&passage), &looks_for)),
            Family::GraniteGuardian33 => {
                Step::Topics(wanted(granite::criteria(&passage), &looks_for))
            }
            Family::Qwen3Guard => Step::Degree(qwen::safety(&passage)),
        };
        Self { model, passage, looks_for, step }
    }

    /// Returns the questions to ask now; empty once the verdict is known. They do not depend on each
    /// other.
    #[must_use]
    pub fn questions(&self) -> Vec<Question> {
        match &self.step {
            Step::Topics(asked) => asked.iter().map(|one| one.question.clone()).collect(),
            Step::Policy(question) | Step::Degree(question) | Step::Kind(question, _) => {
                vec![question.clone()]
            }
            Step::Found(_) => Vec::new(),
        }
    }

    /// Takes the answers to all questions of [`Self::questions`], in their order: for each label of
    /// a question the natural logarithm of its probability.
    ///
    /// # Errors
    /// If an answer has another form than the question wants. The text is not judged then.
    pub fn answer(&mut self, answers: &[Vec<f32>]) -> Result<(), BadAnswer> {
        let questions = self.questions();
        if answers.len() != questions.len() {
            return Err(BadAnswer::Length);
        }
        let shares: Result<Vec<_>, _> = questions
            .iter()
            .zip(answers)
            .map(|(question, answer)| shares(question, answer))
            .collect();
        let shares = shares?;
        let first = shares.first().map(Vec::as_slice).unwrap_or_default();
        let next = match &self.step {
            Step::Topics(asked) => Step::Found(self.by_topic(asked, &shares)),
            Step::Policy(_) => self.after_policy(first),
            Step::Degree(_) => self.after_degree(first),
            Step::Kind(_, found) => Step::Found(by_kind(*found, first)),
            Step::Found(found) => Step::Found(found.clone()),
        };
        self.step = next;
        Ok(())
    }

    /// Returns the verdict, or `None` while there are questions.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        let Step::Found(found) = &self.step else { return None };
        let source = self.model.source();
        let verdict = Verdict::by(self.passage.side());
        Some(self.looks_for.iter().fold(verdict, |verdict, category| {
            let here = found.iter().filter(|(other, _)| other == category);
            let highest = here.map(|(_, severity)| *severity).max().unwrap_or_default();
            verdict.add(category.clone(), highest, source)
        }))
    }

    fn by_topic(&self, asked: &[Asked], shares: &[Vec<f64>]) -> Vec<(Category, Severity)> {
        let mut found = Vec::new();
        for (asked, shares) in asked.iter().zip(shares) {
            let yes = shares.first().copied().unwrap_or(1.0);
            let about = asked.about.iter().filter(|category| self.looks_for.contains(*category));
            found.extend(about.map(|category| (category.clone(), severity(category, yes))));
        }
        found
    }

    /// A text that the whole policy calls safe gets no more questions.
    fn after_policy(&self, shares: &[f64]) -> Step {
        if shares.first().copied().unwrap_or(1.0) < LOW_FROM {
            return Step::Found(Vec::new());
        }
        let small = self.model.family == Family::LlamaGuard3Small;
        Step::Topics(wanted(llama_guard::single(&self.passage, small), &self.looks_for))
    }

    fn after_degree(&self, shares: &[f64]) -> Step {
        let share = |place: usize| shares.get(place).copied().unwrap_or(1.0);
        let (harmful, doubtful) = (share(0), share(0) + share(1));
        let found = match harmful {
            high if high >= HIGH_FROM => Severity::High,
            medium if medium >= MEDIUM_FROM => Severity::Medium,
            _ if doubtful >= MEDIUM_FROM => Severity::Low,
            _ => return Step::Found(Vec::new()),
        };
        Step::Kind(qwen::category(&self.passage, found), found)
    }
}

/// Returns the severity of each category that is likely enough to be the first of the list.
fn by_kind(found: Severity, shares: &[f64]) -> Vec<(Category, Severity)> {
    let likely = qwen::CATEGORIES.into_iter().zip(shares);
    let likely = likely.filter(|(_, share)| **share >= qwen::SHARE_FROM);
    let of_ours = likely.filter_map(|(category, _)| category);
    of_ours.map(|category| (category.clone(), detected(&category, found))).collect()
}

/// Returns the probability of each label among the labels of its question.
fn shares(question: &Question, answer: &[f32]) -> Result<Vec<f64>, BadAnswer> {
    if answer.len() != question.labels.len() {
        return Err(BadAnswer::Length);
    }
    // A sum of several tokens can be a little above one, by rounding.
    if !answer.iter().all(|logarithm| *logarithm <= 1e-3) {
        return Err(BadAnswer::NotAProbability);
    }
    let likely: Vec<f64> = answer.iter().map(|logarithm| f64::from(*logarithm).exp()).collect();
    let all: f64 = likely.iter().sum();
    if all < FORM_FROM {
        return Err(BadAnswer::OtherForm);
    }
    Ok(likely.into_iter().map(|one| one / all).collect())
}
